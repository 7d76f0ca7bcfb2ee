package dlp

// formatsWork are those of documents, tasks, customers and content.
var formatsWork = []format{
	{Rule{"atlassian-token", "Atlassian API token.", Block}, []form{
		{prefix: "ATATT3", body: base64Any, min: 100, max: 310, check: scattered},
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
		{prefix: "figd_", body: dashed, min: 38, max: 60, check: mixed},
		{prefix: "figu_", body: dashed, min: 38, max: 60, check: blended},
		{prefix: "figuh_", body: dashed, min: 38, max: 60, check: blended},
		{prefix: "figur_", body: dashed, min: 38, max: 60, check: blended},
		{prefix: "figo_", body: dashed, min: 38, max: 60, check: blended},
		{prefix: "figoh_", body: dashed, min: 38, max: 60, check: blended},
		{prefix: "figor_", body: dashed, min: 38, max: 60, check: blended},
	}},
	{Rule{"miro-token", "Miro access token.", Block}, []form{
		{prefix: "eyJtaXJv", body: dashed, min: 40, max: 140, check: scattered},
	}},
	{Rule{"typeform-token", "Typeform personal access token.", Block}, []form{
		{prefix: "tfp_", body: base64Path, min: 40, max: 72, check: mixed},
	}},
	{Rule{"hubspot-token", "HubSpot private app token.", Block}, []form{
		{prefix: "pat-na1-", body: hyphened, min: 36, max: 36, check: uuidLike},
		{prefix: "pat-na2-", body: hyphened, min: 36, max: 36, check: uuidLike},
		{prefix: "pat-na3-", body: hyphened, min: 36, max: 36, check: uuidLike},
		{prefix: "pat-eu1-", body: hyphened, min: 36, max: 36, check: uuidLike},
		{prefix: "pat-ap1-", body: hyphened, min: 36, max: 36, check: uuidLike},
	}},
	{Rule{"salesforce-session", "Salesforce session ID or access token.", Block}, []form{
		{prefix: "00D", body: alnum, shape: salesforceSession},
	}},
	{Rule{"salesforce-refresh-token", "Salesforce refresh token.", Block}, []form{
		{prefix: "5Aep861", body: dotted, min: 60, max: 120, check: scattered},
	}},
	{Rule{"salesforce-consumer-key", "Salesforce consumer key; it names an app, and only its secret opens anything.", Warn}, []form{
		{prefix: "3MVG9", body: base64Path, min: 70, max: 251, check: scattered},
	}},
	{Rule{"dropbox-token", "Dropbox access token.", Block}, []form{
		{prefix: "sl.", body: dotted, min: 100, max: 2500, check: dropbox},
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
		{prefix: "fio-u-", body: base64Any, min: 64, max: 64, check: mixed},
	}},
	{Rule{"imagekit-key", "ImageKit private key.", Warn}, []form{
		{prefix: "private_", body: base64Line, min: 27, max: 28, check: scattered},
	}},
	{Rule{"canva-secret", "Canva Connect client secret.", Block}, []form{
		{prefix: "cnvca", body: dashed, min: 40, max: 72, check: scattered},
	}},
	{Rule{"adobe-secret", "Adobe OAuth client secret.", Block}, []form{
		{prefix: "p8e-", body: dashed, min: 32, max: 32, check: mixed},
	}},
	{Rule{"voiceflow-key", "Voiceflow API key of a project or a workspace.", Block}, []form{
		{prefix: "VF.", body: dotted, min: 41, max: 44, check: voiceflow},
	}},
	{Rule{"bannerbear-key", "Bannerbear project or master API key.", Block}, []form{
		{prefix: "bb_pr_", body: hexLower, min: 30, max: 30, check: mixed},
		{prefix: "bb_ma_", body: hexLower, min: 30, max: 30, check: mixed},
	}},
	{Rule{"teamwork-token", "Teamwork API token.", Block}, []form{
		{prefix: "tkn.v1_", body: base64Line, min: 60, max: 80, check: scattered},
	}},
	{Rule{"lichess-token", "Lichess personal access token.", Block}, []form{
		{prefix: "lip_", body: word, min: 16, max: 60, check: unspoken},
	}},
	{Rule{"salad-cloud-key", "SaladCloud API key.", Block}, []form{
		{prefix: "salad_cloud_", body: word, min: 20, max: 243, check: blended},
	}},
	{Rule{"redirect-pizza-token", "redirect.pizza API token.", Block}, []form{
		{prefix: "rpa_", body: alnum, min: 30, max: 30, check: scattered},
	}},
}
