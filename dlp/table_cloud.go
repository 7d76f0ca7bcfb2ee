package dlp

// formatsCloud are those of clouds, hosting and domains.
var formatsCloud = []format{
	{Rule{"aws-access-key-id", "AWS access key ID, long-lived (AKIA), of a session (ASIA), a bearer (ABIA) or a context (ACCA).", Block}, []form{
		{prefix: "AKIA", body: upperNum, min: 16, max: 16, check: accessKeyID},
		{prefix: "ASIA", body: upperNum, min: 16, max: 16},
		{prefix: "ABIA", body: upperNum, min: 16, max: 16},
		{prefix: "ACCA", body: upperNum, min: 16, max: 16, check: accessKeyID},
		{prefix: "A3T", body: upperNum, min: 17, max: 17, check: mixed},
	}},
	{Rule{"aws-unique-id", "AWS unique ID of a user, role, group, policy or certificate. It opens nothing.", Warn}, []form{
		{prefix: "AIDA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "AROA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "AGPA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "AIPA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "ANPA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "APKA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "ASCA", body: upperNum, min: 16, max: 17, check: mixed},
		{prefix: "ANVA", body: upperNum, min: 16, max: 17, check: mixed},
	}},
	{Rule{"aws-bedrock-key", "Amazon Bedrock API key, long-lived or short-lived.", Block}, []form{
		{prefix: "ABSK", body: base64Line, min: 100, max: 280, check: scattered},
		{prefix: "bedrock-api-key-", body: base64Any, min: 28, max: 3900, check: mixed},
	}},
	{Rule{"amazon-mws-token", "Amazon Marketplace Web Service token.", Block}, []form{
		{prefix: "amzn.mws.", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"amazon-login-secret", "Login with Amazon client secret.", Block}, []form{
		{prefix: "amzn1.oa2-cs.v1.", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"amazon-login-token", "Login with Amazon access or refresh token (behind Atza| and Atzr|).", Block}, []form{
		{prefix: "IwEBI", body: dashed, min: 150, max: 2048, check: scattered},
	}},
	{Rule{"google-api-key", "Google Cloud or Gemini API key.", Block}, []form{
		{prefix: "AIza", body: dashed, min: 35, max: 35},
		{prefix: "AQ.Ab8", body: dashed, min: 40, max: 64, check: scattered},
	}},
	{Rule{"google-oauth-secret", "Google OAuth client secret.", Block}, []form{
		{prefix: "GOCSPX-", body: dashed, min: 28, max: 28},
	}},
	{Rule{"google-oauth-token", "Google OAuth access token.", Block}, []form{
		{prefix: "ya29.", body: dotted, min: 20, max: 1024, check: scattered},
	}},
	{Rule{"google-refresh-token", "Google OAuth refresh token.", Block}, []form{
		{prefix: "1//0", body: dashed, min: 40, max: 256, check: scattered},
	}},
	{Rule{"google-hmac-key-id", "Google Cloud Storage HMAC access ID.", Block}, []form{
		{prefix: "GOOG1E", body: upperNum, min: 55, max: 55, check: mixed},
	}},
	{Rule{"alibaba-access-key-id", "Alibaba Cloud AccessKey ID, long-lived or of a session.", Block}, []form{
		{prefix: "LTAI", body: alnum, min: 12, max: 26, check: varied},
		{prefix: "STS.", body: alnum, min: 16, max: 64, check: scattered},
	}},
	{Rule{"tencent-secret-id", "Tencent Cloud SecretId.", Block}, []form{
		{prefix: "AKID", body: alnum, min: 32, max: 32, check: scattered},
	}},
	{Rule{"volcengine-access-key-id", "Volcengine access key ID.", Block}, []form{
		{prefix: "AKLT", body: base64Any, min: 40, max: 60, check: plainScattered},
	}},
	{Rule{"baidu-cloud-key", "Baidu Cloud or Qianfan API key.", Block}, []form{
		{prefix: "bce-v3/ALTAK-", body: slashed, min: 55, max: 72, check: mixed},
	}},
	{Rule{"yandex-cloud-key", "Yandex Cloud API key.", Block}, []form{
		{prefix: "AQVN", body: dashed, min: 35, max: 38, check: scattered},
	}},
	{Rule{"yandex-iam-token", "Yandex Cloud IAM token.", Block}, []form{
		{prefix: "t1.", body: base64Path, min: 88, max: 900, check: yandexIAM},
	}},
	{Rule{"yandex-oauth-token", "Yandex OAuth token.", Block}, []form{
		{prefix: "y0_", body: dashed, min: 50, max: 60, check: scattered},
	}},
	{Rule{"digitalocean-token", "DigitalOcean personal, OAuth or refresh token.", Block}, []form{
		{prefix: "dop_v1_", body: hexLower, min: 64, max: 64},
		{prefix: "doo_v1_", body: hexLower, min: 64, max: 64},
		{prefix: "dor_v1_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"digitalocean-spaces-key-id", "DigitalOcean Spaces access key ID.", Block}, []form{
		{prefix: "DO00", body: upperNum, min: 16, max: 16, check: mixed},
		{prefix: "DO801", body: upperNum, min: 15, max: 15, check: mixed},
	}},
	{Rule{"scaleway-access-key-id", "Scaleway access key ID.", Block}, []form{
		{prefix: "SCW", body: upperNum, min: 17, max: 17, check: mixed},
	}},
	{Rule{"exoscale-key-id", "Exoscale API key ID.", Block}, []form{
		{prefix: "EXO", body: base64Any, min: 24, max: 30, check: exoscale},
	}},
	{Rule{"upcloud-token", "UpCloud API token.", Block}, []form{
		{prefix: "ucat_", body: alnum, min: 24, max: 32, check: blended},
	}},
	{Rule{"backblaze-application-key", "Backblaze B2 application key.", Block}, []form{
		{prefix: "K00", body: base64Line, min: 28, max: 28, check: scattered},
	}},
	{Rule{"cloudflare-token", "Cloudflare API token of a user or an account, or the global API key.", Block}, []form{
		{prefix: "cfut_", body: alnum, min: 44, max: 56, check: mixed},
		{prefix: "cfat_", body: alnum, min: 44, max: 56, check: mixed},
		{prefix: "cfk_", body: alnum, min: 44, max: 56, check: mixed},
	}},
	{Rule{"cloudflare-origin-ca-key", "Cloudflare origin CA key.", Block}, []form{
		{prefix: "v1.0-", body: hyphened, min: 171, max: 171, check: mixed},
	}},
	{Rule{"cloudflare-tunnel-token", "Cloudflare Tunnel token.", Block}, []form{
		{prefix: "eyJhIjoi", body: base64Any, min: 140, max: 300, check: cloudflareTunnel},
	}},
	{Rule{"cloudflare-turnstile-secret", "Cloudflare Turnstile secret key.", Block}, []form{
		{prefix: "0x4AAAAAA", body: dashed, min: 26, max: 26, check: mixed},
	}},
	{Rule{"fly-token", "Fly.io access token.", Block}, []form{
		{prefix: "fo1_", body: dashed, min: 43, max: 43, check: scattered},
		{prefix: "fm1a_", body: base64Line, min: 100, max: 3900, check: scattered},
		{prefix: "fm1r_", body: base64Line, min: 100, max: 3900, check: scattered},
		{prefix: "fm2_", body: base64Line, min: 100, max: 3900, check: scattered},
	}},
	{Rule{"heroku-key", "Heroku API key.", Block}, []form{
		{prefix: "HRKU-", body: dashed, min: 36, max: 64, check: mixed},
	}},
	{Rule{"netlify-token", "Netlify personal, command line, OAuth, user or build token.", Block}, []form{
		{prefix: "nfp_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "nfc_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "nfo_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "nfu_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "nfb_", body: alnum, min: 36, max: 40, check: mixed},
	}},
	{Rule{"vercel-token", "Vercel personal, integration, app access or app refresh token.", Block}, []form{
		{prefix: "vcp_", body: dashed, min: 20, max: 80, check: blended},
		{prefix: "vci_", body: dashed, min: 20, max: 80, check: blended},
		{prefix: "vca_", body: dashed, min: 20, max: 80, check: blended},
		{prefix: "vcr_", body: dashed, min: 20, max: 80, check: blended},
	}},
	{Rule{"vercel-ai-gateway-key", "Vercel AI Gateway API key.", Block}, []form{
		{prefix: "vck_", body: dashed, min: 20, max: 80, check: blended},
	}},
	{Rule{"vercel-blob-token", "Vercel Blob read-write token.", Block}, []form{
		{prefix: "vercel_blob_rw_", body: word, min: 40, max: 64, check: scattered},
	}},
	{Rule{"render-key", "Render API key.", Block}, []form{
		{prefix: "rnd_", body: alnum, min: 28, max: 40, check: blended},
	}},
	{Rule{"scalingo-token", "Scalingo API token.", Block}, []form{
		{prefix: "tk-us-", body: dashed, min: 48, max: 48, check: blended},
	}},
	{Rule{"deno-deploy-token", "Deno Deploy access token of a user or an organisation.", Block}, []form{
		{prefix: "ddp_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "ddo_", body: alnum, min: 36, max: 40, check: mixed},
		{prefix: "ddw_", body: alnum, min: 36, max: 40, check: mixed},
	}},
	{Rule{"valtown-token", "Val Town API token.", Block}, []form{
		{prefix: "vtwn_", body: dashed, min: 20, max: 80, check: blended},
	}},
	{Rule{"zuplo-key", "Zuplo API key.", Block}, []form{
		{prefix: "zpka_", body: dashed, min: 41, max: 80, check: mixed},
	}},
	{Rule{"porkbun-key", "Porkbun API key or secret key.", Block}, []form{
		{prefix: "pk1_", body: hexLower, min: 64, max: 64},
		{prefix: "sk1_", body: hexLower, min: 64, max: 64},
	}},
	{Rule{"dnsimple-token", "DNSimple API token of an account or a user.", Block}, []form{
		{prefix: "dnsimple_a_", body: alnum, min: 28, max: 48, check: mixed},
		{prefix: "dnsimple_u_", body: alnum, min: 28, max: 48, check: mixed},
	}},
	{Rule{"akamai-edgegrid-token", "Akamai EdgeGrid client or access token. The host of the account is written the same way.", Warn}, []form{
		{prefix: "akab-", body: hyphened, min: 33, max: 33, check: akamai},
	}},
	{Rule{"alibaba-security-token", "Alibaba Cloud security token of a session. Other coded data may start so.", Warn}, []form{
		{prefix: "CAIS", body: base64Any, min: 100, max: 1500, check: scattered},
	}},
	{Rule{"azure-refresh-token", "Microsoft Entra ID (Azure AD) refresh token.", Block}, []form{
		{prefix: "0.A", body: dotted, min: 300, max: 3000, check: entra},
		{prefix: "1.A", body: dotted, min: 300, max: 3000, check: entra},
	}},
	{Rule{"yandex-secret-key", "Secret of a static access key of Yandex Cloud. Random text for URLs may start so.", Warn}, []form{
		{prefix: "YC", body: dashed, min: 38, max: 38, check: scattered},
	}},
}
