package dlp

// formatsData are those of databases and data platforms.
var formatsData = []format{
	{Rule{"databricks-token", "Databricks personal access token or OAuth secret.", Block}, []form{
		{prefix: "dapi", body: hexLower, min: 32, max: 32, check: mixed},
		{prefix: "dose", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"supabase-token", "Supabase personal or OAuth access token.", Block}, []form{
		{prefix: "sbp_", body: dashed, min: 40, max: 48, check: mixed},
	}},
	{Rule{"supabase-secret-key", "Supabase secret API key of a project.", Block}, []form{
		{prefix: "sb_secret_", body: dashed, min: 31, max: 40, check: mixed},
	}},
	{Rule{"supabase-publishable-key", "Supabase publishable API key of a project, which may be public.", Warn}, []form{
		{prefix: "sb_publishable_", body: dashed, min: 31, max: 40, check: mixed},
	}},
	{Rule{"planetscale-token", "PlanetScale service token, password or OAuth token.", Block}, []form{
		{prefix: "pscale_tkn_", body: base64Path, min: 32, max: 64, check: blended},
		{prefix: "pscale_pw_", body: base64Path, min: 32, max: 64, check: blended},
		{prefix: "pscale_oauth_", body: base64Path, min: 32, max: 64, check: blended},
	}},
	{Rule{"neon-key", "Neon API key.", Block}, []form{
		{prefix: "napi_", body: alnum, min: 60, max: 70, check: mixed},
	}},
	{Rule{"neon-password", "Password of a Neon database role.", Block}, []form{
		{prefix: "npg_", body: alnum, min: 12, max: 16, check: varied},
	}},
	{Rule{"xata-key", "Xata API key.", Block}, []form{
		{prefix: "xau_", body: alnum, min: 30, max: 40, check: scattered},
	}},
	{Rule{"fauna-secret", "Fauna secret.", Block}, []form{
		{prefix: "fnAE", body: dashed, min: 36, max: 36, check: scattered},
	}},
	{Rule{"astra-token", "DataStax Astra application token.", Block}, []form{
		{prefix: "AstraCS:", body: coloned, min: 20, max: 100, check: mixed},
	}},
	{Rule{"aiven-password", "Password of an Aiven service.", Block}, []form{
		{prefix: "AVNS_", body: dashed, min: 19, max: 20, check: mixedCase},
	}},
	{Rule{"mongodb-atlas-secret", "MongoDB Atlas service account secret.", Block}, []form{
		{prefix: "mdb_sa_sk_", body: dashed, min: 40, max: 48, check: scattered},
	}},
	{Rule{"cockroach-key", "CockroachDB Cloud API key.", Block}, []form{
		{prefix: "CCDB1_", body: word, min: 63, max: 63, check: cockroach},
	}},
	{Rule{"clickhouse-secret", "ClickHouse Cloud API key secret.", Block}, []form{
		{prefix: "4b1d", body: base64Any, min: 38, max: 38, check: plainScattered},
	}},
	{Rule{"confluent-secret", "Confluent Cloud API secret.", Block}, []form{
		{prefix: "cflt", body: base64Line, min: 60, max: 60, check: scattered},
	}},
	{Rule{"influxdb-token", "InfluxDB 3 token.", Block}, []form{
		{prefix: "apiv3_", body: dashed, min: 80, max: 92, check: scattered},
	}},
	{Rule{"materialize-password", "Materialize app password.", Block}, []form{
		{prefix: "mzp_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"tinybird-token", "Tinybird token.", Block}, []form{
		{prefix: "p.eyJ1Ijog", body: dotted, min: 80, max: 400, check: scattered},
	}},
	{Rule{"elastic-cloud-key", "Elastic Cloud API key.", Block}, []form{
		{prefix: "essu_", body: base64Any, min: 60, max: 200, check: scattered},
	}},
	{Rule{"elasticsearch-service-token", "Elasticsearch service account token.", Block}, []form{
		{prefix: "AAEAAWVsYXN0aWM", body: base64Any, min: 30, max: 160, check: scattered},
	}},
	{Rule{"metabase-key", "Metabase API key.", Block}, []form{
		{prefix: "mb_", body: base64Any, min: 43, max: 44, check: scattered},
	}},
	{Rule{"retool-token", "Retool API token.", Block}, []form{
		{prefix: "retool_", body: lowerNum, min: 26, max: 26, check: mixed},
	}},
	{Rule{"dbt-cloud-token", "dbt Cloud service or personal token.", Block}, []form{
		{prefix: "dbtc_", body: dashed, min: 32, max: 64, check: scattered},
		{prefix: "dbtu_", body: dashed, min: 32, max: 64, check: scattered},
	}},
	{Rule{"hex-token", "Hex personal or workspace token.", Block}, []form{
		{prefix: "hxtp_", body: alnum, min: 40, max: 160, check: mixed},
		{prefix: "hxtw_", body: alnum, min: 40, max: 160, check: mixed},
	}},
	{Rule{"prefect-key", "Prefect Cloud API key of a user or a service account.", Block}, []form{
		{prefix: "pnu_", body: alnum, min: 36, max: 36, check: blended},
		{prefix: "pnb_", body: alnum, min: 36, max: 36, check: blended},
	}},
	{Rule{"arcgis-key", "ArcGIS API key or access token. It may be made for public pages.", Warn}, []form{
		{prefix: "AAPK", body: dotted, min: 80, max: 160, check: scattered},
		{prefix: "AAPT", body: dotted, min: 80, max: 600, check: scattered},
	}},
	{Rule{"mapbox-secret-token", "Mapbox secret access token.", Block}, []form{
		{prefix: "sk.", body: dotted, min: 50, max: 240, check: mapbox},
	}},
	{Rule{"mapbox-public-token", "Mapbox public access token, which web pages hold.", Warn}, []form{
		{prefix: "pk.", body: dotted, min: 50, max: 240, check: mapbox},
	}},
	{Rule{"radar-key", "Radar secret key, live or test.", Block}, []form{
		{prefix: "prj_live_sk_", body: hexLower, min: 40, max: 40},
		{prefix: "prj_test_sk_", body: hexLower, min: 40, max: 40},
	}},
	{Rule{"kaggle-token", "Kaggle API token.", Block}, []form{
		{prefix: "KGAT_", body: hexLower, min: 32, max: 32},
	}},
	{Rule{"coingecko-key", "CoinGecko API key.", Block}, []form{
		{prefix: "CG-", body: hyphened, min: 24, max: 24, check: plainScattered},
	}},
	{Rule{"pubnub-secret-key", "PubNub secret key.", Block}, []form{
		{prefix: "sec-c-", body: base64Any, min: 46, max: 48, check: scattered},
	}},
	{Rule{"pubnub-key", "PubNub publish or subscribe key, which apps hold.", Warn}, []form{
		{prefix: "pub-c-", body: lowerDash, min: 36, max: 36, check: uuidLike},
		{prefix: "sub-c-", body: lowerDash, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"convex-key", "Convex deploy key or access token in its coded form.", Block}, []form{
		{prefix: "eyJ2MiI6I", body: base64Any, min: 80, max: 300, check: scattered},
	}},
	{Rule{"locationiq-token", "LocationIQ access token, which web pages hold.", Warn}, []form{
		{prefix: "pk.", body: hyphened, min: 32, max: 32, check: mixed},
	}},
	{Rule{"databento-key", "Databento API key.", Block}, []form{
		{prefix: "db-", body: hyphened, min: 29, max: 29, check: plainScattered},
	}},
	{Rule{"besttime-key", "BestTime private API key. An identifier may look like it.", Warn}, []form{
		{prefix: "pri_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"alchemy-key", "Alchemy API key or authentication token.", Block}, []form{
		{prefix: "alcht_", body: alnum, min: 28, max: 36, check: scattered},
	}},
	{Rule{"appwrite-key", "Appwrite API key of a project.", Block}, []form{
		{prefix: "standard_", body: hexLower, min: 256, max: 256},
	}},
}
