package dlp

// formatsObserve are those of logs, metrics, errors, incidents, analytics and
// feature flags.
var formatsObserve = []format{
	{Rule{"datadog-token", "Datadog personal or service access token, or application key.", Block}, []form{
		{prefix: "ddpat_", body: word, min: 32, max: 120, check: scattered},
		{prefix: "ddsat_", body: word, min: 32, max: 120, check: scattered},
		{prefix: "ddapp_", body: word, min: 32, max: 120, check: scattered},
	}},
	{Rule{"newrelic-user-key", "New Relic user API key.", Block}, []form{
		{prefix: "NRAK-", body: alnum, min: 27, max: 27, check: mixed},
	}},
	{Rule{"newrelic-admin-key", "New Relic admin or REST API key.", Block}, []form{
		{prefix: "NRAA-", body: hexLower, min: 27, max: 48, check: mixed},
		{prefix: "NRRA-", body: hexLower, min: 42, max: 42, check: mixed},
	}},
	{Rule{"newrelic-insights-key", "New Relic Insights insert or query key.", Block}, []form{
		{prefix: "NRII-", body: dashed, min: 32, max: 32, check: mixed},
		{prefix: "NRIQ-", body: dashed, min: 32, max: 32, check: mixed},
	}},
	{Rule{"newrelic-browser-key", "New Relic browser key, which web pages hold.", Warn}, []form{
		{prefix: "NRJS-", body: hexLower, min: 19, max: 19, check: mixed},
	}},
	{Rule{"grafana-token", "Grafana service account or cloud token.", Block}, []form{
		{prefix: "glsa_", body: word, min: 41, max: 41, check: mixed},
		{prefix: "glc_", body: base64Any, min: 32, max: 400, check: grafanaCloud},
	}},
	{Rule{"grafana-api-key", "Grafana API key of the former kind.", Block}, []form{
		{prefix: "eyJrIjoi", body: base64Any, min: 40, max: 400, check: mixed},
	}},
	{Rule{"sentry-org-token", "Sentry organisation token.", Block}, []form{
		{prefix: "sntrys_eyJ", body: base64Any, min: 60, max: 500, check: blended},
	}},
	{Rule{"sentry-user-token", "Sentry user, integration or app token.", Block}, []form{
		{prefix: "sntryu_", body: hexLower, min: 64, max: 64},
		{prefix: "sntryi_", body: hexLower, min: 64, max: 64},
		{prefix: "sntrya_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"honeycomb-key", "Honeycomb ingest key.", Block}, []form{
		{prefix: "hcaik_", body: lowerNum, min: 58, max: 58, check: mixed},
		{prefix: "hcbik_", body: lowerNum, min: 58, max: 58, check: mixed},
		{prefix: "hcxik_", body: lowerNum, min: 58, max: 58, check: mixed},
	}},
	{Rule{"dynatrace-token", "Dynatrace API token.", Block}, []form{
		{prefix: "dt0c01.", body: dotted, min: 89, max: 89, check: dynatrace},
	}},
	{Rule{"dynatrace-platform-token", "Dynatrace platform token or OAuth client secret.", Block}, []form{
		{prefix: "dt0s16.", body: dotted, min: 73, max: 100, check: mixed},
		{prefix: "dt0s08.", body: dotted, min: 73, max: 100, check: mixed},
		{prefix: "dt0s06.", body: dotted, min: 73, max: 100, check: mixed},
		{prefix: "dt0s02.", body: dotted, min: 73, max: 100, check: mixed},
		{prefix: "dt0s01.", body: dotted, min: 73, max: 100, check: mixed},
	}},
	{Rule{"posthog-personal-key", "PostHog personal API key.", Block}, []form{
		{prefix: "phx_", body: dashed, min: 40, max: 60, check: blended},
	}},
	{Rule{"posthog-feature-flag-key", "PostHog secret key of feature flags.", Block}, []form{
		{prefix: "phs_", body: dashed, min: 40, max: 60, check: blended},
	}},
	{Rule{"posthog-project-key", "PostHog project API key, which web pages hold.", Warn}, []form{
		{prefix: "phc_", body: dashed, min: 40, max: 60, check: blended},
	}},
	{Rule{"segment-token", "Segment public API token.", Block}, []form{
		{prefix: "sgp_", body: word, min: 64, max: 64, check: plainScattered},
	}},
	{Rule{"launchdarkly-sdk-key", "LaunchDarkly SDK key of a server.", Block}, []form{
		{prefix: "sdk-", body: lowerDash, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"launchdarkly-api-token", "LaunchDarkly API access token. An identifier may look like it.", Warn}, []form{
		{prefix: "api-", body: hyphened, min: 36, max: 36, check: lowerUUID},
	}},
	{Rule{"launchdarkly-mobile-key", "LaunchDarkly mobile key, which apps hold.", Warn}, []form{
		{prefix: "mob-", body: lowerDash, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"statsig-key", "Statsig server secret or console API key.", Block}, []form{
		{prefix: "secret-", body: dashed, min: 40, max: 50, check: plainScattered},
		{prefix: "console-", body: dashed, min: 40, max: 50, check: plainScattered},
	}},
	{Rule{"growthbook-key", "GrowthBook secret API key.", Block}, []form{
		{prefix: "secret_user_", body: alnum, min: 20, max: 64, check: varied},
		{prefix: "secret_admin_", body: alnum, min: 20, max: 64, check: varied},
		{prefix: "secret_readonly_", body: alnum, min: 20, max: 64, check: varied},
	}},
	{Rule{"configcat-sdk-key", "ConfigCat SDK key, which apps may hold.", Warn}, []form{
		{prefix: "configcat-sdk-1/", body: dashedPath, min: 45, max: 45, check: configCat},
	}},
	{Rule{"devcycle-key", "DevCycle server SDK key.", Block}, []form{
		{prefix: "dvc_server_", body: word, min: 8, max: 90, check: assorted},
	}},
	{Rule{"flagsmith-key", "Flagsmith key of a server environment.", Warn}, []form{
		{prefix: "ser.", body: dotted, min: 20, max: 26, check: plainScattered},
	}},
	{Rule{"axiom-token", "Axiom API or personal token.", Block}, []form{
		{prefix: "xaat-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "xapt-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "xait-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"coralogix-data-key", "Coralogix key to send data with, which web pages may hold.", Warn}, []form{
		{prefix: "cxtp_", body: alnum, min: 30, max: 32, check: blended},
	}},
	{Rule{"coralogix-key", "Coralogix personal or team API key.", Block}, []form{
		{prefix: "cxup_", body: alnum, min: 30, max: 32, check: blended},
	}},
	{Rule{"firehydrant-token", "FireHydrant API token.", Block}, []form{
		{prefix: "fhb-", body: hexLower, min: 32, max: 64, check: mixed},
	}},
	{Rule{"rootly-key", "Rootly API key.", Block}, []form{
		{prefix: "rootly_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"vantage-token", "Vantage API token.", Block}, []form{
		{prefix: "vntg_tkn_", body: hexLower, min: 40, max: 40},
	}},
	{Rule{"simple-analytics-key", "Simple Analytics API key.", Block}, []form{
		{prefix: "sa_api_key_", body: alnum, min: 32, max: 48, check: scattered},
	}},
	{Rule{"wakatime-key", "WakaTime API key.", Block}, []form{
		{prefix: "waka_", body: hyphened, min: 36, max: 64, check: mixed},
	}},
	{Rule{"adafruit-io-key", "Adafruit IO key.", Block}, []form{
		{prefix: "aio_", body: alnum, min: 28, max: 28, check: blended},
	}},
	{Rule{"ubidots-token", "Ubidots token.", Block}, []form{
		{prefix: "BBFF-", body: alnum, min: 30, max: 36, check: scattered},
		{prefix: "BBUS-", body: alnum, min: 30, max: 36, check: scattered},
	}},
	{Rule{"devcycle-client-key", "DevCycle client or mobile SDK key, which apps hold.", Warn}, []form{
		{prefix: "dvc_client_", body: word, min: 8, max: 90, check: assorted},
		{prefix: "dvc_mobile_", body: word, min: 8, max: 90, check: assorted},
	}},
	{Rule{"samsara-token", "Samsara API token.", Block}, []form{
		{prefix: "samsara_api_", body: alnum, min: 26, max: 32, check: blended},
	}},
	{Rule{"fullstory-key", "FullStory API key.", Block}, []form{
		{prefix: "na1.", body: base64Plain, min: 20, max: 160, check: scattered},
		{prefix: "eu1.", body: base64Plain, min: 20, max: 160, check: scattered},
	}},
	{Rule{"trufflehog-key", "TruffleHog Enterprise secret.", Block}, []form{
		{prefix: "thog-secret-", body: hexLower, min: 32, max: 32, check: mixed},
	}},
}
