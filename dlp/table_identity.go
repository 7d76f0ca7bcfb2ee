package dlp

// formatsIdentity are those of identity, secret stores and networks.
var formatsIdentity = []format{
	{Rule{"vault-token", "HashiCorp Vault service, batch or recovery token.", Block}, []form{
		{prefix: "hvs.", body: dashed, min: 24, max: 300, check: mixed},
		{prefix: "hvb.", body: dashed, min: 100, max: 500, check: mixed},
		{prefix: "hvr.", body: dashed, min: 24, max: 300, check: mixed},
	}},
	{Rule{"vault-legacy-token", "HashiCorp Vault service token of the former kind.", Warn}, []form{
		{prefix: "s.", body: dotted, min: 24, max: 24, check: vaultOld},
	}},
	{Rule{"hcp-boundary-token", "HashiCorp Boundary authentication token.", Block}, []form{
		{prefix: "at_", body: word, min: 60, max: 400, check: boundaryToken},
	}},
	{Rule{"doppler-token", "Doppler personal, service, CLI, service account, SCIM or audit token.", Block}, []form{
		{prefix: "dp.pt.", body: alnum, min: 40, max: 48, check: mixed},
		{prefix: "dp.ct.", body: alnum, min: 40, max: 48, check: mixed},
		{prefix: "dp.sa.", body: alnum, min: 40, max: 48, check: mixed},
		{prefix: "dp.scim.", body: alnum, min: 40, max: 48, check: mixed},
		{prefix: "dp.audit.", body: alnum, min: 40, max: 48, check: mixed},
		{prefix: "dp.st.", body: dotted, min: 40, max: 90, check: mixed},
	}},
	{Rule{"infisical-token", "Infisical service token.", Block}, []form{
		{prefix: "st.", body: hexDot, min: 57, max: 90, check: infisical},
	}},
	{Rule{"onepassword-service-token", "1Password service account token.", Block}, []form{
		{prefix: "ops_eyJ", body: base64Any, min: 200, max: 1600, check: scattered},
	}},
	{Rule{"onepassword-secret-key", "1Password secret key of an account.", Block}, []form{
		{prefix: "A3-", body: upperDash, min: 36, max: 37, check: onePassword},
	}},
	{Rule{"bitwarden-machine-token", "Bitwarden Secrets Manager access token.", Block}, []form{
		{prefix: "0.", body: bitwardenBody, min: 92, max: 92, check: bitwarden},
	}},
	{Rule{"tailscale-key", "Tailscale authentication, API, OAuth, SCIM or webhook key.", Block}, []form{
		{prefix: "tskey-", body: dashed, min: 20, max: 100, check: mixed},
	}},
	{Rule{"netbird-token", "NetBird personal access token.", Block}, []form{
		{prefix: "nbp_", body: alnum, min: 36, max: 36, check: scattered},
	}},
	{Rule{"stytch-secret", "Stytch live project secret.", Block}, []form{
		{prefix: "secret-live-", body: base64Any, min: 30, max: 48, check: scattered},
	}},
	{Rule{"stytch-test-secret", "Stytch test project secret.", Warn}, []form{
		{prefix: "secret-test-", body: base64Any, min: 30, max: 48, check: scattered},
	}},
	{Rule{"ory-token", "Ory personal, session, access, refresh or workspace token.", Block}, []form{
		{prefix: "ory_pat_", body: alnum, min: 32, max: 64, check: scattered},
		{prefix: "ory_wak_", body: alnum, min: 32, max: 64, check: scattered},
		{prefix: "ory_st_", body: alnum, min: 32, max: 64, check: scattered},
		{prefix: "ory_at_", body: dotted, min: 80, max: 96, check: scattered},
		{prefix: "ory_rt_", body: dotted, min: 80, max: 96, check: scattered},
		{prefix: "ory_ac_", body: dotted, min: 80, max: 96, check: scattered},
	}},
	{Rule{"jumpcloud-key", "JumpCloud API key.", Block}, []form{
		{prefix: "jca_", body: alnum, min: 36, max: 36, check: scattered},
	}},
	{Rule{"persona-key", "Persona API key of production.", Block}, []form{
		{prefix: "persona_production_", body: dashed, min: 20, max: 80, check: blended},
	}},
	{Rule{"persona-sandbox-key", "Persona API key of the sandbox.", Warn}, []form{
		{prefix: "persona_sandbox_", body: dashed, min: 20, max: 80, check: blended},
	}},
	{Rule{"onfido-token", "Onfido live API token.", Block}, []form{
		{prefix: "api_live.", body: dotted, min: 20, max: 80, check: onfido},
		{prefix: "api_live_ca.", body: dotted, min: 20, max: 80, check: onfido},
		{prefix: "api_live_us.", body: dotted, min: 20, max: 80, check: onfido},
	}},
	{Rule{"onfido-sandbox-token", "Onfido sandbox API token.", Warn}, []form{
		{prefix: "api_sandbox.", body: dotted, min: 20, max: 80, check: onfido},
	}},
	{Rule{"secret-token-uri", "Secret in the secret-token scheme of RFC 8959, as Mercury and Census use it.", Block}, []form{
		{prefix: "secret-token:", body: secretURI, min: 24, max: 300, check: secretToken},
	}},
	{Rule{"clearbit-key", "Clearbit secret key.", Warn}, []form{
		{prefix: "sk_", body: word, min: 32, max: 32, check: plainHex},
	}},
	{Rule{"defined-networking-token", "Defined Networking API token.", Block}, []form{
		{prefix: "dnkey-", body: base64Any, min: 79, max: 79, check: mixed},
	}},
	{Rule{"authress-key", "Authress access key of a service client.", Block}, []form{
		{prefix: "sc_", body: base64Path, min: 50, max: 230, check: authress},
		{prefix: "ext_", body: base64Path, min: 50, max: 230, check: authress},
		{prefix: "scauth_", body: base64Path, min: 50, max: 230, check: authress},
		{prefix: "authress_", body: base64Path, min: 50, max: 230, check: authress},
	}},
	{Rule{"intra42-secret", "42 Intra client secret.", Block}, []form{
		{prefix: "s-s4t2ud-", body: hexLower, min: 64, max: 64},
		{prefix: "s-s4t2af-", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"nightfall-key", "Nightfall API key.", Block}, []form{
		{prefix: "NF-", body: hyphened, min: 32, max: 32, check: plainScattered},
	}},
	{Rule{"django-secret-key", "Secret key that Django made for a new project.", Warn}, []form{
		{prefix: "django-insecure-", body: djangoBody, min: 40, max: 60, check: mixed},
	}},
}
