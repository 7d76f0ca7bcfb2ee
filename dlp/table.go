package dlp

// formats are the rules. Within a rule no prefix is the beginning of another.
// Lengths are those that the services give out or document; where they vary,
// the upper bound leaves room and the lower one keeps fillers out. Checksums
// are not looked at: whoever changes one character would pass.
var formats = []format{
	// Clouds and hosting.
	{Rule{"aws-access-key-id", "AWS access key ID, long-lived (AKIA) or of a session (ASIA).", Block}, []form{
		{prefix: "AKIA", body: base32Up, min: 16, max: 16},
		{prefix: "ASIA", body: base32Up, min: 16, max: 16},
	}},
	{Rule{"google-api-key", "Google Cloud or Gemini API key.", Block}, []form{
		{prefix: "AIza", body: dashed, min: 35, max: 35},
	}},
	{Rule{"google-oauth-secret", "Google OAuth client secret.", Block}, []form{
		{prefix: "GOCSPX-", body: dashed, min: 28, max: 28},
	}},
	{Rule{"google-oauth-token", "Google OAuth access token.", Block}, []form{
		{prefix: "ya29.", body: dotted, min: 50, max: 1024},
	}},
	{Rule{"digitalocean-token", "DigitalOcean personal, OAuth or refresh token.", Block}, []form{
		{prefix: "dop_v1_", body: hexLower, min: 64, max: 64},
		{prefix: "doo_v1_", body: hexLower, min: 64, max: 64},
		{prefix: "dor_v1_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"databricks-token", "Databricks personal access token.", Block}, []form{
		{prefix: "dapi", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"vault-token", "HashiCorp Vault service or batch token.", Block}, []form{
		{prefix: "hvs.", body: dashed, min: 24, max: 300, check: mixed},
		{prefix: "hvb.", body: dashed, min: 100, max: 500, check: mixed},
	}},

	// Code and packages.
	{Rule{"github-token", "GitHub personal (classic), OAuth, user, app or refresh token.", Block}, []form{
		{prefix: "ghp_", body: alnum, min: 36, max: 251},
		{prefix: "gho_", body: alnum, min: 36, max: 251},
		{prefix: "ghu_", body: alnum, min: 36, max: 251},
		{prefix: "ghs_", body: alnum, min: 36, max: 251},
		{prefix: "ghr_", body: alnum, min: 36, max: 251},
	}},
	{Rule{"github-fine-grained-token", "GitHub fine-grained personal access token.", Block}, []form{
		{prefix: "github_pat_", body: word, min: 82, max: 244},
	}},
	{Rule{"gitlab-token", "GitLab personal, runner, deploy, trigger or CI job token.", Block}, []form{
		{prefix: "glpat-", body: dashed, min: 20, max: 300},
		{prefix: "glrt-", body: dashed, min: 20, max: 300},
		{prefix: "gldt-", body: dashed, min: 20, max: 300},
		{prefix: "glptt-", body: hexLower, min: 40, max: 40},
		{prefix: "glcbt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"npm-token", "npm access token.", Block}, []form{
		{prefix: "npm_", body: alnum, min: 36, max: 36},
	}},
	{Rule{"pypi-token", "PyPI or TestPyPI upload token.", Block}, []form{
		{prefix: "pypi-AgE", body: dashed, min: 60, max: 512},
	}},
	{Rule{"rubygems-token", "RubyGems API key.", Block}, []form{
		{prefix: "rubygems_", body: hexLower, min: 48, max: 48},
	}},
	{Rule{"docker-token", "Docker Hub personal or organisation access token.", Block}, []form{
		{prefix: "dckr_pat_", body: dashed, min: 27, max: 27},
		{prefix: "dckr_oat_", body: dashed, min: 27, max: 40},
	}},

	// Models.
	{Rule{"anthropic-key", "Anthropic API key, admin key or OAuth token.", Block}, []form{
		{prefix: "sk-ant-", body: dashed, min: 40, max: 256, check: mixed},
	}},
	{Rule{"openai-key", "OpenAI project, service account, admin or user key.", Block}, []form{
		{prefix: "sk-proj-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-svcacct-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-admin-", body: dashed, min: 40, max: 256, check: mixed},
		{prefix: "sk-", body: alnum, min: 48, max: 48, check: openAIMark},
	}},
	{Rule{"openrouter-key", "OpenRouter API key.", Block}, []form{
		{prefix: "sk-or-v1-", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"huggingface-token", "Hugging Face access token.", Block}, []form{
		{prefix: "hf_", body: alnum, min: 34, max: 40, check: mixedCase},
	}},
	{Rule{"groq-key", "Groq API key.", Block}, []form{
		{prefix: "gsk_", body: alnum, min: 52, max: 52, check: mixed},
	}},
	{Rule{"xai-key", "xAI API key.", Block}, []form{
		{prefix: "xai-", body: alnum, min: 80, max: 80, check: mixed},
	}},
	{Rule{"replicate-token", "Replicate API token.", Block}, []form{
		{prefix: "r8_", body: alnum, min: 37, max: 37, check: mixed},
	}},

	// Messages, mail and payment.
	{Rule{"slack-token", "Slack bot, user, app, session or refresh token.", Block}, []form{
		{prefix: "xoxb-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxp-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxa-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxr-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxs-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxc-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxe-", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xoxe.xox", body: hyphened, min: 24, max: 255, check: mixed},
		{prefix: "xapp-", body: hyphened, min: 40, max: 255, check: mixed},
	}},
	{Rule{"slack-webhook", "Slack incoming webhook or workflow URL.", Block}, []form{
		{prefix: "hooks.slack.com/services/", body: slashed, min: 38, max: 80, check: webhookPath},
		{prefix: "hooks.slack.com/workflows/", body: slashed, min: 38, max: 100, check: webhookPath},
	}},
	{Rule{"sendgrid-key", "SendGrid API key.", Block}, []form{
		{prefix: "SG.", body: dotted, min: 66, max: 66, check: sendGridDot},
	}},
	{Rule{"twilio-key", "Twilio API key SID; it names a key, and only its secret opens anything.", Warn}, []form{
		{prefix: "SK", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"stripe-key", "Stripe live secret or restricted key.", Block}, []form{
		{prefix: "sk_live_", body: alnum, min: 24, max: 247},
		{prefix: "rk_live_", body: alnum, min: 24, max: 247},
	}},
	{Rule{"shopify-token", "Shopify access token or app secret.", Block}, []form{
		{prefix: "shpat_", body: hexAny, min: 32, max: 32},
		{prefix: "shpca_", body: hexAny, min: 32, max: 32},
		{prefix: "shppa_", body: hexAny, min: 32, max: 32},
		{prefix: "shpss_", body: hexAny, min: 32, max: 32},
	}},

	// Work.
	{Rule{"linear-key", "Linear API key or OAuth token.", Block}, []form{
		{prefix: "lin_api_", body: alnum, min: 40, max: 40},
		{prefix: "lin_oauth_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"atlassian-token", "Atlassian API token.", Block}, []form{
		{prefix: "ATATT3xFfGF0", body: base64Any, min: 160, max: 300},
	}},
	{Rule{"grafana-token", "Grafana service account or cloud token.", Block}, []form{
		{prefix: "glsa_", body: word, min: 41, max: 41, check: mixed},
		{prefix: "glc_eyJ", body: base64Any, min: 40, max: 400},
	}},
	{Rule{"figma-token", "Figma personal access token.", Block}, []form{
		{prefix: "figd_", body: dashed, min: 40, max: 60, check: mixed},
	}},

	// Keys and what has a shape of its own.
	{Rule{"private-key", "Private key in PEM or PGP armour, with its first line.", Block}, []form{
		{prefix: "-----BEGIN ", body: label, trigger: byPart, shape: privateKey, rest: isKeyPiece},
	}},
	{Rule{"openssh-private-key", "OpenSSH private key, with or without its header.", Block}, []form{
		{prefix: openSSHMagic, body: base64Line, trigger: byGram, shape: openSSHKey, rest: isKeyPiece},
	}},
	{Rule{"age-secret-key", "age identity.", Block}, []form{
		{prefix: "AGE-SECRET-KEY-1", body: bech32Up, min: 58, max: 58},
	}},
	{Rule{"jwt", "JSON Web Token with a signature. Many are public or short-lived, so its shape alone is only a hint.", Warn}, []form{
		{prefix: "eyJ", body: dotted, shape: jsonWebToken},
	}},
}
