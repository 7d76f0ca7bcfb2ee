package dlp

// formatsCI are those of building, testing, deploying and checking code.
var formatsCI = []format{
	{Rule{"circleci-token", "CircleCI personal or project API token.", Block}, []form{
		{prefix: "CCIPAT_", body: word, min: 61, max: 64, check: circle},
		{prefix: "CCIPRJ_", body: word, min: 61, max: 64, check: circle},
	}},
	{Rule{"buildkite-api-token", "Buildkite API access token.", Block}, []form{
		{prefix: "bkua_", body: alnum, min: 40, max: 53, check: mixed},
	}},
	{Rule{"buildkite-agent-token", "Buildkite cluster, queue, job or package token.", Block}, []form{
		{prefix: "bkct_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkcqt_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkaj_", body: dotted, min: 30, max: 2048, check: mixed},
		{prefix: "bkpt_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkaa_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkar_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkps_", body: dotted, min: 30, max: 400, check: mixed},
		{prefix: "bkpat_", body: dotted, min: 30, max: 400, check: mixed},
	}},
	{Rule{"snyk-token", "Snyk personal or service account token.", Block}, []form{
		{prefix: "snyk_uat.", body: dotted, min: 60, max: 600, check: snykPAT},
		{prefix: "snyk_sat.", body: dotted, min: 60, max: 600, check: snykPAT},
	}},
	{Rule{"sonarqube-token", "SonarQube user, project or global analysis token.", Block}, []form{
		{prefix: "squ_", body: alnum, min: 40, max: 40, check: mixed},
		{prefix: "sqp_", body: alnum, min: 40, max: 40, check: mixed},
		{prefix: "sqa_", body: alnum, min: 40, max: 40, check: mixed},
	}},
	{Rule{"endor-token", "Endor Labs API key.", Block}, []form{
		{prefix: "endr+", body: hyphened, min: 16, max: 16, check: assorted},
	}},
	{Rule{"harness-token", "Harness personal or service account token.", Block}, []form{
		{prefix: "pat.", body: dotted, min: 68, max: 68, check: harness},
		{prefix: "sat.", body: dotted, min: 68, max: 68, check: harness},
	}},
	{Rule{"octopus-key", "Octopus Deploy API key.", Block}, []form{
		{prefix: "API-", body: upperDash, min: 25, max: 32, check: plainMixed},
	}},
	{Rule{"depot-token", "Depot token of an organisation, project or user.", Block}, []form{
		{prefix: "depot_org_", body: alnum, min: 40, max: 160, check: mixed},
		{prefix: "depot_project_", body: alnum, min: 40, max: 160, check: mixed},
		{prefix: "depot_user_", body: alnum, min: 40, max: 160, check: mixed},
	}},
	{Rule{"chromatic-token", "Chromatic project token.", Warn}, []form{
		{prefix: "chpt_", body: alnum, min: 11, max: 16, check: assorted},
	}},
	{Rule{"checkly-key", "Checkly user API key.", Block}, []form{
		{prefix: "cu_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"infracost-key", "Infracost API key.", Block}, []form{
		{prefix: "ico-", body: alnum, min: 32, max: 32, check: scattered},
	}},
	{Rule{"stackhawk-key", "StackHawk API key.", Block}, []form{
		{prefix: "hawk.", body: dotted, min: 41, max: 41, check: hawk},
	}},
	{Rule{"socket-token", "Socket API token.", Block}, []form{
		{prefix: "sktsec_", body: dashed, min: 40, max: 80, check: blended},
	}},
	{Rule{"veracode-secret", "Veracode API secret of the European region.", Block}, []form{
		{prefix: "vera01es-", body: hexLower, min: 128, max: 128},
	}},
	{Rule{"teamcity-token", "TeamCity access token.", Block}, []form{
		{prefix: "eyJ0eXAiOiAiVENWMiJ9.", body: dotted, min: 50, max: 200, check: scattered},
	}},
	{Rule{"jetbrains-token", "JetBrains Hub, YouTrack or Marketplace permanent token.", Block}, []form{
		{prefix: "perm:", body: base64Path, min: 40, max: 200, check: jetBrains},
		{prefix: "perm-", body: base64Path, min: 40, max: 200, check: jetBrains},
	}},
	{Rule{"pulumi-token", "Pulumi Cloud access token.", Block}, []form{
		{prefix: "pul-", body: alnum, min: 40, max: 40, check: mixed},
	}},
	{Rule{"docker-swarm-token", "Docker Swarm join token.", Block}, []form{
		{prefix: "SWMTKN-1-", body: hyphened, min: 75, max: 91, check: swarm},
	}},
	{Rule{"rancher-token", "Rancher API key or kubeconfig token.", Block}, []form{
		{prefix: "token-", body: rancherBody, min: 60, max: 60, check: kubeToken},
		{prefix: "kubeconfig-", body: rancherBody, min: 60, max: 100, check: kubeToken},
	}},
	{Rule{"k3s-token", "K3s or RKE2 join token of a cluster.", Block}, []form{
		{prefix: "K10", body: coloned, min: 80, max: 160, check: k3s},
	}},
	{Rule{"portainer-token", "Portainer access token.", Block}, []form{
		{prefix: "ptr_", body: base64Any, min: 32, max: 60, check: portainer},
	}},
	{Rule{"kong-token", "Kong Konnect personal or system account token.", Block}, []form{
		{prefix: "kpat_", body: alnum, min: 40, max: 64, check: scattered},
		{prefix: "spat_", body: alnum, min: 40, max: 64, check: scattered},
	}},
	{Rule{"unkey-key", "Unkey root key.", Block}, []form{
		{prefix: "unkey_", body: alnum, min: 20, max: 40, check: varied},
	}},
	{Rule{"settlemint-token", "SettleMint personal, application or service token.", Block}, []form{
		{prefix: "sm_pat_", body: alnum, min: 16, max: 16, check: assorted},
		{prefix: "sm_aat_", body: alnum, min: 16, max: 16, check: assorted},
		{prefix: "sm_sat_", body: alnum, min: 16, max: 16, check: assorted},
	}},
	{Rule{"laravel-app-key", "Laravel application key.", Warn}, []form{
		{prefix: "base64:", body: base64Line, min: 44, max: 44, check: laravel},
	}},
	{Rule{"docker-swarm-unlock-key", "Docker Swarm unlock key.", Block}, []form{
		{prefix: "SWMKEY-1-", body: base64Line, min: 40, max: 50, check: scattered},
	}},
	{Rule{"deepsource-token", "DeepSource personal access token.", Block}, []form{
		{prefix: "dsp_", body: hexLower, min: 40, max: 40, check: mixed},
	}},
	{Rule{"sourcery-token", "Sourcery authentication token.", Block}, []form{
		{prefix: "user_", body: hexLower, min: 80, max: 80},
	}},
	{Rule{"ngrok-key", "ngrok API key.", Block}, []form{
		{prefix: "ak_", body: alnum, min: 27, max: 27, check: scattered},
	}},
	{Rule{"workato-token", "Workato developer API token.", Block}, []form{
		{prefix: "wrka-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkaus-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkaeu-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkajp-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkasg-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkaau-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkail-", body: dotted, min: 90, max: 2500, check: workato},
		{prefix: "wrkacn-", body: dotted, min: 90, max: 2500, check: workato},
	}},
}
