package dlp

// formatsWork are those of documents, tasks, customers and content.
var formatsWork = []format{
	{Rule{"atlassian-token", "Atlassian API token.", Block}, []form{
		{prefix: "ATATT3xFfGF0", body: base64Any, min: 160, max: 300},
		{prefix: "ATSTT3xFfG", body: base64Any, min: 150, max: 300, check: mixed},
	}},
	{Rule{"trello-token", "Trello API token.", Block}, []form{
		{prefix: "ATTA", body: alnum, min: 72, max: 72, check: mixed},
	}},
	{Rule{"linear-key", "Linear API key, OAuth token or webhook secret.", Block}, []form{
		{prefix: "lin_api_", body: alnum, min: 40, max: 40},
		{prefix: "lin_oauth_", body: hexLower, min: 64, max: 64},
		{prefix: "lin_wh_", body: alnum, min: 40, max: 64, check: mixed},
	}},
	{Rule{"notion-token", "Notion integration token.", Block}, []form{
		{prefix: "ntn_", body: alnum, min: 43, max: 50, check: scattered},
		{prefix: "secret_", body: word, min: 43, max: 43, check: plainScattered},
	}},
	{Rule{"airtable-token", "Airtable personal access token.", Block}, []form{
		{prefix: "pat", body: dotted, min: 79, max: 79, check: airtable},
	}},
	{Rule{"clickup-token", "ClickUp personal API token.", Block}, []form{
		{prefix: "pk_", body: word, min: 38, max: 46, check: clickUp},
	}},
	{Rule{"figma-token", "Figma personal access token.", Block}, []form{
		{prefix: "figd_", body: dashed, min: 40, max: 60, check: mixed},
	}},
	{Rule{"miro-token", "Miro access token.", Block}, []form{
		{prefix: "eyJtaXJvLm9yaWdpbiI6", body: dashed, min: 30, max: 64, check: scattered},
	}},
	{Rule{"typeform-token", "Typeform personal access token.", Block}, []form{
		{prefix: "tfp_", body: dashed, min: 40, max: 72, check: scattered},
	}},
	{Rule{"hubspot-token", "HubSpot private app token.", Block}, []form{
		{prefix: "pat-na1-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "pat-na2-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "pat-na3-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "pat-eu1-", body: hexDash, min: 36, max: 36, check: uuid},
		{prefix: "pat-ap1-", body: hexDash, min: 36, max: 36, check: uuid},
	}},
	{Rule{"salesforce-session", "Salesforce session ID or access token.", Block}, []form{
		{prefix: "00D", body: alnum, shape: salesforceSession},
	}},
	{Rule{"salesforce-refresh-token", "Salesforce refresh token.", Block}, []form{
		{prefix: "5Aep861", body: dotted, min: 60, max: 120, check: scattered},
	}},
	{Rule{"salesforce-consumer-key", "Salesforce consumer key; it names an app, and only its secret opens anything.", Warn}, []form{
		{prefix: "3MVG9", body: dotted, min: 70, max: 100, check: scattered},
	}},
	{Rule{"dropbox-token", "Dropbox access token.", Block}, []form{
		{prefix: "sl.", body: dotted, min: 100, max: 2500, check: scattered},
	}},
	{Rule{"close-key", "Close API key.", Block}, []form{
		{prefix: "api_", body: dotted, min: 45, max: 45, check: closeKey},
	}},
	{Rule{"calcom-key", "Cal.com API key.", Block}, []form{
		{prefix: "cal_live_", body: hexLower, min: 32, max: 64, check: mixed},
	}},
	{Rule{"plane-key", "Plane API key.", Block}, []form{
		{prefix: "plane_api_", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"outline-key", "Outline API key.", Block}, []form{
		{prefix: "ol_api_", body: alnum, min: 38, max: 38, check: scattered},
	}},
	{Rule{"dub-key", "Dub API key.", Block}, []form{
		{prefix: "dub_", body: alnum, min: 24, max: 24, check: varied},
	}},
	{Rule{"contentful-token", "Contentful personal access token.", Block}, []form{
		{prefix: "CFPAT-", body: dashed, min: 43, max: 43, check: scattered},
	}},
	{Rule{"sanity-token", "Sanity API token.", Block}, []form{
		{prefix: "sk", body: base64Any, min: 178, max: 178, check: plainScattered},
	}},
	{Rule{"builder-key", "Builder.io private API key.", Block}, []form{
		{prefix: "bpk-", body: hexLower, min: 32, max: 32, check: mixed},
	}},
	{Rule{"wix-key", "Wix API key.", Block}, []form{
		{prefix: "IST.eyJ", body: dotted, min: 100, max: 3000, check: scattered},
	}},
	{Rule{"frameio-token", "Frame.io developer token.", Block}, []form{
		{prefix: "fio-u-", body: dashed, min: 64, max: 64, check: scattered},
	}},
	{Rule{"imagekit-key", "ImageKit private key.", Warn}, []form{
		{prefix: "private_", body: base64Line, min: 27, max: 28, check: scattered},
	}},
	{Rule{"canva-secret", "Canva Connect client secret.", Block}, []form{
		{prefix: "cnvca", body: dashed, min: 40, max: 72, check: scattered},
	}},
	{Rule{"adobe-secret", "Adobe OAuth client secret.", Block}, []form{
		{prefix: "p8e-", body: dashed, min: 32, max: 32, check: scattered},
	}},
}
