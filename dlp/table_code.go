package dlp

// formatsCode are those of source control and package registries.
var formatsCode = []format{
	{Rule{"github-token", "GitHub personal (classic), OAuth, user, app or refresh token.", Block}, []form{
		{prefix: "ghp_", body: alnum, min: 36, max: 251, sum: base62Sum},
		{prefix: "gho_", body: alnum, min: 36, max: 251, sum: base62Sum},
		{prefix: "ghu_", body: alnum, min: 36, max: 251, sum: base62Sum},
		// An installation token may be its app's number and a JWT.
		{prefix: "ghs_", body: dotted, min: 36, max: 2048, check: mixed, sum: base62Sum},
		{prefix: "ghr_", body: alnum, min: 36, max: 251, sum: base62Sum},
	}},
	{Rule{"github-fine-grained-token", "GitHub fine-grained personal access token.", Block}, []form{
		{prefix: "github_pat_", body: word, min: 82, max: 244},
	}},
	{Rule{"gitlab-token", "GitLab personal, project, group or impersonation access token.", Block}, []form{
		{prefix: "glpat-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-runner-token", "GitLab runner authentication or registration token.", Block}, []form{
		{prefix: "glrt-", body: dashed, min: 20, max: 300},
		{prefix: "glrtr-", body: dashed, min: 20, max: 300},
		{prefix: "GR1348941", body: dashed, min: 20, max: 64, check: blended},
	}},
	{Rule{"gitlab-deploy-token", "GitLab deploy token.", Block}, []form{
		{prefix: "gldt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-trigger-token", "GitLab pipeline trigger token.", Block}, []form{
		{prefix: "glptt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-job-token", "GitLab CI job token.", Block}, []form{
		{prefix: "glcbt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-feed-token", "GitLab feed or incoming mail token.", Block}, []form{
		{prefix: "glft-", body: dashed, min: 20, max: 300},
		{prefix: "glimt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-agent-token", "GitLab agent or workspace token.", Block}, []form{
		{prefix: "glagent-", body: dashed, min: 40, max: 300},
		{prefix: "glwt-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-oauth-secret", "GitLab OAuth application secret.", Block}, []form{
		{prefix: "gloas-", body: dashed, min: 40, max: 300},
	}},
	{Rule{"gitlab-scim-token", "GitLab SCIM token.", Block}, []form{
		{prefix: "glsoat-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"gitlab-feature-flag-token", "GitLab feature flag client token.", Block}, []form{
		{prefix: "glffct-", body: dashed, min: 20, max: 300},
	}},
	{Rule{"bitbucket-app-password", "Bitbucket Cloud app password.", Block}, []form{
		{prefix: "ATBB", body: alnum, min: 32, max: 32, check: mixed},
	}},
	{Rule{"bitbucket-access-token", "Bitbucket Cloud access token of a repository, project or workspace.", Block}, []form{
		{prefix: "ATCTT3xFfG", body: base64Any, min: 60, max: 300, check: mixed},
	}},
	{Rule{"gitea-oauth-secret", "Gitea OAuth application secret.", Block}, []form{
		{prefix: "gto_", body: base32Low, min: 52, max: 56, check: mixed},
	}},
	{Rule{"phabricator-token", "Phabricator Conduit token.", Warn}, []form{
		{prefix: "api-", body: hyphened, min: 28, max: 28, check: conduit},
		{prefix: "cli-", body: hyphened, min: 28, max: 28, check: conduit},
	}},
	{Rule{"sourcegraph-token", "Sourcegraph access token.", Block}, []form{
		{prefix: "sgp_", body: word, min: 40, max: 57, check: sourcegraph},
	}},
	{Rule{"gitpod-token", "Gitpod personal access token.", Block}, []form{
		{prefix: "gitpod_pat_", body: dotted, min: 40, max: 160, check: blended},
	}},
	{Rule{"gitbook-token", "GitBook API token.", Block}, []form{
		{prefix: "gb_api_", body: alnum, min: 30, max: 64, check: scattered},
	}},
	{Rule{"postman-key", "Postman API key.", Block}, []form{
		{prefix: "PMAK-", body: hyphened, min: 59, max: 59, check: mixed},
	}},
	{Rule{"postman-collection-token", "Postman collection access token.", Block}, []form{
		{prefix: "PMAT-", body: alnum, min: 26, max: 26, check: mixed},
	}},
	{Rule{"readme-key", "ReadMe API key.", Block}, []form{
		{prefix: "rdme_", body: lowerNum, min: 60, max: 80, check: mixed},
	}},
	{Rule{"npm-token", "npm access token.", Block}, []form{
		{prefix: "npm_", body: alnum, min: 36, max: 36, sum: base62Sum},
	}},
	{Rule{"pypi-token", "PyPI or TestPyPI upload token.", Block}, []form{
		{prefix: "pypi-AgE", body: dashed, min: 60, max: 512},
	}},
	{Rule{"rubygems-token", "RubyGems API key.", Block}, []form{
		{prefix: "rubygems_", body: alnum, min: 48, max: 48, check: mixed},
	}},
	{Rule{"crates-io-token", "crates.io API token.", Block}, []form{
		{prefix: "cio", body: base64Any, min: 32, max: 32, check: plainScattered},
	}},
	{Rule{"nuget-key", "NuGet API key.", Block}, []form{
		{prefix: "oy2", body: base64Any, min: 43, max: 43, check: nuget},
	}},
	{Rule{"docker-token", "Docker Hub personal or organisation access token.", Block}, []form{
		{prefix: "dckr_pat_", body: dashed, min: 27, max: 27},
		{prefix: "dckr_oat_", body: dashed, min: 27, max: 40},
	}},
	{Rule{"packagist-token", "Private Packagist token, API key or API secret.", Block}, []form{
		{prefix: "packagist_ack_", body: alnum, min: 24, max: 100, check: mixed},
		{prefix: "packagist_acs_", body: alnum, min: 40, max: 100, check: mixed},
		{prefix: "packagist_cut_", body: alnum, min: 40, max: 100, check: mixed},
		{prefix: "packagist_out_", body: alnum, min: 40, max: 100, check: mixed},
		{prefix: "packagist_ort_", body: alnum, min: 40, max: 100, check: mixed},
		{prefix: "packagist_uut_", body: alnum, min: 40, max: 100, check: mixed},
		{prefix: "packagist_urt_", body: alnum, min: 40, max: 100, check: mixed},
	}},
	{Rule{"clojars-token", "Clojars deploy token.", Block}, []form{
		{prefix: "CLOJARS_", body: alnum, min: 60, max: 60, check: mixed},
	}},
	{Rule{"jsr-token", "JSR personal or device token.", Block}, []form{
		{prefix: "jsrp_", body: alnum, min: 20, max: 64, check: varied},
		{prefix: "jsrd_", body: alnum, min: 20, max: 64, check: varied},
	}},
	{Rule{"open-vsx-token", "Open VSX publish token.", Block}, []form{
		{prefix: "ovsxat_", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "ovsxp_", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"jfrog-key", "JFrog API key.", Block}, []form{
		{prefix: "AKCp", body: alnum, min: 68, max: 70, check: scattered},
	}},
	{Rule{"jfrog-reference-token", "JFrog reference token.", Block}, []form{
		{prefix: "cmVmd", body: alnum, min: 59, max: 59, check: scattered},
	}},
	{Rule{"sourcegraph-gateway-key", "Sourcegraph Cody gateway or licence key.", Block}, []form{
		{prefix: "slk_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"bitbucket-server-token", "Bitbucket Data Center HTTP access token.", Block}, []form{
		{prefix: "BBDC-", body: base64Line, min: 32, max: 64, check: scattered},
	}},
	{Rule{"cloudsmith-key", "Cloudsmith API key.", Block}, []form{
		{prefix: "csa_", body: alnum, min: 36, max: 36, check: mixed},
	}},
	{Rule{"mergify-key", "Mergify application key.", Block}, []form{
		{prefix: "mergify_application_key_", body: dashed, min: 40, max: 200, check: blended},
	}},
	{Rule{"aikido-token", "Aikido CI token or client secret.", Block}, []form{
		{prefix: "AIK_CI_", body: alnum, min: 20, max: 64, check: blended},
		{prefix: "AIK_SECRET_", body: alnum, min: 40, max: 80, check: blended},
	}},
	{Rule{"ionic-token", "Ionic personal access token.", Block}, []form{
		{prefix: "ion_", body: alnum, min: 42, max: 42, check: scattered},
	}},
	{Rule{"gitlab-session-cookie", "Session cookie of GitLab.", Block}, []form{
		{prefix: "_gitlab_session=", body: lowerNum, min: 32, max: 32, check: mixed},
	}},
}
