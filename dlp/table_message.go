package dlp

// formatsMessage are those of messages, mail, calls and social networks.
var formatsMessage = []format{
	{Rule{"slack-token", "Slack bot, user, app, session or refresh token.", Block}, []form{
		{prefix: "xoxb-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxp-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxa-", body: hyphened, min: 10, max: 255, check: mixed},
		{prefix: "xoxr-", body: hyphened, min: 10, max: 255, check: mixed},
		{prefix: "xoxs-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxo-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxc-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxe-", body: hyphened, min: 14, max: 255, check: mixed},
		{prefix: "xoxe.xox", body: hyphened, min: 24, max: 255, check: oneCase},
		{prefix: "xapp-", body: hyphened, min: 20, max: 255, check: mixed},
	}},
	{Rule{"slack-session-cookie", "Slack session cookie of a browser.", Block}, []form{
		{prefix: "xoxd-", body: percented, min: 60, max: 400, check: scattered},
	}},
	{Rule{"slack-webhook", "Slack incoming webhook, workflow or trigger URL.", Block}, []form{
		{prefix: "hooks.slack.com/services/", body: slashed, min: 38, max: 80, check: webhookPath},
		{prefix: "hooks.slack.com/workflows/", body: slashed, min: 38, max: 100, check: webhookPath},
		{prefix: "hooks.slack.com/triggers/", body: slashed, min: 38, max: 100, check: webhookPath},
	}},
	{Rule{"discord-webhook", "Discord webhook URL.", Block}, []form{
		{prefix: "discord.com/api/webhooks/", body: dashedPath, min: 78, max: 110, check: discordHook},
		{prefix: "discordapp.com/api/webhooks/", body: dashedPath, min: 78, max: 110, check: discordHook},
	}},
	{Rule{"teams-webhook", "Microsoft Teams incoming webhook URL.", Block}, []form{
		{prefix: "webhook.office.com/webhookb2/", body: uuidPath, min: 140, max: 260, check: uuidStart},
	}},
	{Rule{"sendgrid-key", "SendGrid API key.", Block}, []form{
		{prefix: "SG.", body: base64Dots, min: 60, max: 75, check: sendGridDot},
	}},
	{Rule{"twilio-key", "Twilio API key SID; it names a key, and only its secret opens anything.", Warn}, []form{
		{prefix: "SK", body: hexAny, min: 32, max: 32, check: mixed},
	}},
	{Rule{"mailgun-key", "Mailgun private API key of the former kind. A key of a cache may look like it.", Warn}, []form{
		{prefix: "key-", body: hyphened, min: 32, max: 32, check: plainHex},
	}},
	{Rule{"mandrill-key", "Mailchimp Transactional (Mandrill) API key.", Block}, []form{
		{prefix: "md-", body: dashed, min: 22, max: 22, check: scattered},
	}},
	{Rule{"brevo-key", "Brevo API or SMTP key.", Block}, []form{
		{prefix: "xkeysib-", body: dashed, min: 81, max: 81, check: mixed},
		{prefix: "xsmtpsib-", body: dashed, min: 81, max: 81, check: mixed},
	}},
	{Rule{"resend-key", "Resend API key.", Block}, []form{
		{prefix: "re_", body: word, min: 33, max: 33, check: resend},
	}},
	{Rule{"mailersend-token", "MailerSend API token.", Block}, []form{
		{prefix: "mlsn.", body: alnum, min: 30, max: 100, check: mixed},
	}},
	{Rule{"smtp2go-key", "SMTP2GO API key.", Block}, []form{
		{prefix: "api-", body: hyphened, min: 32, max: 32, check: upperHex},
	}},
	{Rule{"klaviyo-key", "Klaviyo private API key.", Block}, []form{
		{prefix: "pk_", body: alnum, min: 34, max: 34, check: mixed},
	}},
	{Rule{"kit-key", "Kit (ConvertKit) API key.", Block}, []form{
		{prefix: "kit_", body: alnum, min: 32, max: 32, check: mixed},
	}},
	{Rule{"onesignal-key", "OneSignal API key of an app or an organisation.", Block}, []form{
		{prefix: "os_v2_app_", body: lowerNum, min: 90, max: 120, check: mixed},
		{prefix: "os_v2_org_", body: lowerNum, min: 90, max: 120, check: mixed},
	}},
	{Rule{"courier-key", "Courier authentication token.", Block}, []form{
		{prefix: "pk_prod_", body: alnum, min: 28, max: 28, check: mixed},
	}},
	{Rule{"telnyx-key", "Telnyx API key.", Block}, []form{
		{prefix: "KEY", body: word, min: 55, max: 55, check: telnyx},
	}},
	{Rule{"intercom-token", "Intercom access token.", Block}, []form{
		{prefix: "dG9rOj", body: base64Any, min: 48, max: 60, check: scattered},
		{prefix: "dG9rOm", body: base64Any, min: 48, max: 60, check: scattered},
	}},
	{Rule{"facebook-token", "Facebook or WhatsApp Business access token.", Block}, []form{
		{prefix: "EAA", body: base64Any, min: 90, max: 400, check: facebook},
	}},
	{Rule{"instagram-token", "Instagram access token.", Block}, []form{
		{prefix: "IGQ", body: base64Any, min: 100, max: 300, check: dashedScattered},
		{prefix: "IGAA", body: base64Any, min: 100, max: 300, check: dashedScattered},
	}},
	{Rule{"threads-token", "Threads access token.", Block}, []form{
		{prefix: "THAA", body: base64Any, min: 100, max: 300, check: dashedScattered},
	}},
	{Rule{"x-bearer-token", "X (Twitter) application bearer token.", Block}, []form{
		{prefix: "AAAAAAAAAAAAAAAAAAAAA", body: percented, min: 80, max: 110, check: xBearer},
	}},
	{Rule{"pinterest-token", "Pinterest access or refresh token.", Block}, []form{
		{prefix: "pina_", body: dashed, min: 20, max: 200, check: blended},
		{prefix: "pinr.", body: dotted, min: 60, max: 800, check: scattered},
	}},
	{Rule{"linkedin-secret", "LinkedIn client secret.", Block}, []form{
		{prefix: "WPL_AP1.", body: base64Path, min: 20, max: 40, check: scattered},
	}},
	{Rule{"vk-token", "VK access token.", Block}, []form{
		{prefix: "vk1.a.", body: dashed, min: 80, max: 300, check: scattered},
	}},
	{Rule{"matrix-synapse-token", "Matrix access token of Synapse.", Block}, []form{
		{prefix: "syt_", body: base64Any, min: 30, max: 160, check: matrix},
	}},
	{Rule{"matrix-auth-token", "Matrix Authentication Service access or refresh token.", Block}, []form{
		{prefix: "mct_", body: word, min: 37, max: 37, check: matrixService},
		{prefix: "mcr_", body: word, min: 37, max: 37, check: matrixService},
	}},
	{Rule{"ntfy-token", "ntfy access token.", Block}, []form{
		{prefix: "tk_", body: alnum, min: 29, max: 29, check: mixed},
	}},
	{Rule{"liveblocks-key", "Liveblocks secret key.", Block}, []form{
		{prefix: "sk_prod_", body: dashed, min: 16, max: 120, check: blended},
	}},
	{Rule{"liveblocks-dev-key", "Liveblocks secret key of a development project.", Warn}, []form{
		{prefix: "sk_dev_", body: dashed, min: 40, max: 80, check: scattered},
	}},
	{Rule{"riot-key", "Riot Games API key.", Block}, []form{
		{prefix: "RGAPI-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"roblox-cookie", "Roblox session cookie.", Block}, []form{
		{prefix: "WARNING:-DO-NOT-SHARE-THIS.--Sharing-this-will-allow-someone-to-log-in-as-you-and-to-steal-your-ROBUX-and-items.|_", body: base64Path, min: 200, max: 2000, check: mixed},
	}},
	{Rule{"zoho-token", "Zoho access or refresh token, or client secret of a session.", Block}, []form{
		{prefix: "1000.", body: hexDot, min: 65, max: 65, check: zoho},
		{prefix: "1001.", body: hexDot, min: 64, max: 65, check: zoho},
		{prefix: "1003.", body: hexDot, min: 64, max: 65, check: zoho},
	}},
	{Rule{"mailgun-public-key", "Mailgun public validation key.", Warn}, []form{
		{prefix: "pubkey-", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"nylas-key", "Nylas API key.", Block}, []form{
		{prefix: "nyk_", body: word, min: 60, max: 80, check: blended},
	}},
	{Rule{"gov-notify-key", "GC Notify API key.", Block}, []form{
		{prefix: "gcntfy-", body: dashed, min: 73, max: 240, check: mixed},
	}},
	{Rule{"zapier-webhook", "Zapier webhook URL.", Warn}, []form{
		{prefix: "hooks.zapier.com/hooks/catch/", body: slashed, min: 12, max: 40, check: assorted},
	}},
	{Rule{"thunderstore-token", "Thunderstore API token.", Block}, []form{
		{prefix: "tss_", body: dashed, min: 20, max: 80, check: unspoken},
	}},
	{Rule{"tines-webhook", "Tines webhook URL with its secret.", Block}, []form{
		{prefix: "tines.com/webhook/", body: slashed, min: 65, max: 65, check: tines},
	}},
	{Rule{"messagebird-key", "MessageBird (Bird) live access key.", Block}, []form{
		{prefix: "live_", body: dashed, min: 25, max: 25, check: plainScattered},
	}},
	{Rule{"messagebird-test-key", "MessageBird (Bird) test access key.", Warn}, []form{
		{prefix: "test_", body: dashed, min: 25, max: 25, check: plainScattered},
	}},
	{Rule{"knock-key", "Knock secret API key.", Block}, []form{
		{prefix: "sk_", body: dashed, min: 43, max: 43, check: knock},
	}},
	{Rule{"twitch-token", "Twitch OAuth token as chat takes it.", Block}, []form{
		{prefix: "oauth:", body: lowerNum, min: 30, max: 30, check: mixed},
	}},
	{Rule{"tiktok-token", "TikTok access token.", Block}, []form{
		{prefix: "act.", body: dashed, min: 40, max: 120, check: scattered},
	}},
	{Rule{"svix-test-key", "Svix key of a test environment.", Warn}, []form{
		{prefix: "testsk_", body: dotted, min: 28, max: 60, check: scattered},
	}},
	{Rule{"pushbullet-token", "Pushbullet access token. A call of a method may look like it.", Warn}, []form{
		{prefix: "o.", body: alnum, min: 32, max: 32, check: vaultOld},
	}},
	{Rule{"make-webhook", "Make webhook URL.", Warn}, []form{
		{prefix: "hook.make.com/", body: slashed, min: 28, max: 40, check: assorted},
		{prefix: "hook.eu1.make.com/", body: slashed, min: 28, max: 40, check: assorted},
		{prefix: "hook.eu2.make.com/", body: slashed, min: 28, max: 40, check: assorted},
		{prefix: "hook.us1.make.com/", body: slashed, min: 28, max: 40, check: assorted},
		{prefix: "hook.us2.make.com/", body: slashed, min: 28, max: 40, check: assorted},
		{prefix: "hook.integromat.com/", body: slashed, min: 28, max: 40, check: assorted},
	}},
}
