package dlp

// maxService is the longest key of serviceKeys, with what an escape left.
const maxService = 90

// serviceFormat is what the keys of some services look like that have nothing of
// their own to know them by: only their length and class.
type serviceFormat struct {
	names  []string // of services, in lower case; one must stand in or before the key's name
	body   *class
	length int // 0 for a UUID
}

// serviceKeys are by format. A service may have several.
var serviceKeys = [...]serviceFormat{
	{[]string{
		"datadog", "dd_api", "algolia", "openweather", "owm_", "newsapi", "spotify", "facebook", "fb_app", "assemblyai", "elevenlabs", "infura", "rollbar", "bugsnag", "braintree",
		"mixpanel", "amplitude", "mailgun", "pingdom", "newrelic", "new_relic", "ipstack", "tmdb", "themoviedb", "jenkins", "lastfm", "unsplash", "giphy", "azure_openai", "azureopenai",
		"cognitive", "ocp-apim", "trello", "bitly", "pusher", "statuspage", "uptimerobot", "coveralls", "codecov", "messagebird", "sendbird", "sparkpost", "zoominfo", "cloudinary", "foursquare",
	}, hexLower, 32},
	{[]string{"heroku", "hubspot", "hapi", "snyk", "squarespace", "codecov", "opsgenie", "loggly", "splunk", "hec_", "pinecone", "calendly", "tink", "jumpcloud", "scaleway", "scw_", "vultr", "kickbox", "postmark", "customerio", "livekit", "deepl", "buddy", "appcenter", "npmjs", "npm_token", "_authtoken", "kucoin"}, nil, 0},
	{[]string{"datadog", "dd_app", "deepgram", "wandb", "circleci", "circle_token", "gitea", "forgejo", "gogs", "serper", "bitrise", "appcenter", "buildkite", "travis", "sonar", "pagerduty", "github", "gh_token", "heap", "codeclimate", "todoist", "wakatime", "readthedocs", "drone", "woodpecker", "appveyor", "bintray", "zenhub", "lastpass", "rapid7"}, hexLower, 40},
	{[]string{"sentry", "together", "serpapi", "trello", "cloudamqp", "etherscan", "monday", "shodan", "dependabot", "digitalocean", "do_token", "fullstory", "vultr", "linode", "typesense", "meilisearch", "meili"}, hexLower, 64},
	{[]string{"cloudflare", "cf_api"}, hexLower, 37},
	{[]string{"cloudflare", "cf_api"}, dashed, 40},
	{[]string{"zendesk", "cohere", "co_api", "lob", "branch", "hunter", "docusign", "webex"}, alnum, 40},
	{[]string{"mistral", "ai21", "segment", "fastly", "alchemy", "codacy", "shodan", "moralis", "freesound", "yelp", "pexels"}, dashed, 32},
	{[]string{"netlify"}, dashed, 43},
	{[]string{"vercel", "zeit", "now_token", "messari"}, alnum, 24},
	{[]string{"travis", "honeycomb", "bitbucket_oauth"}, dashed, 22},
	{[]string{"okta", "sso_api"}, dashed, 42},
	{[]string{"rapidapi", "x-rapidapi", "twitter", "tw_access"}, alnum, 50},
	{[]string{"twitter"}, alnum, 45},
	{[]string{"twitter", "tumblr", "twilio_chat"}, alnum, 25},
	{[]string{"twitch", "plaid"}, alnum, 30},
	{[]string{"freshdesk", "freshbooks", "pagerduty", "pd_token", "bitbucket", "clearbit", "lob"}, dashed, 20},
	{[]string{"etherscan", "bscscan", "polygonscan", "arbiscan", "basescan"}, alnum, 34},
	{[]string{"binance", "confluent", "kafka", "sumologic", "sumo_", "bybit", "mongodb_atlas", "shopee"}, base64Plain, 64},
	{[]string{"kraken"}, base64Plain, 86},
	{[]string{"contentful", "bitfinex", "digitalocean", "spaces_", "backblaze"}, base64Any, 43},
	{[]string{"paypal"}, dashed, 80},
	{[]string{"azure_openai", "azureopenai", "cognitive", "azure_ai"}, alnum, 84},
	{[]string{"jenkins"}, hexLower, 34},
	{[]string{"zoho", "wrike", "airtable", "dropbox", "sumologic", "intercom"}, dashed, 64},
	{[]string{"oci_", "linode", "akamai"}, hexLower, 64},
}

// serviceKey wants a value in the format of a service, assigned to a name of a
// secret in a place for data, with the name of the service in it or shortly
// before.
func serviceKey(b []byte, start, end int) (int, int, bool) {
	if valueBody[byteAt(b, start-1)] {
		return 0, 0, false
	}
	from, a, ok := assignedSecret(b, start, end)
	if !ok {
		return 0, 0, false
	}
	length := end - from
	if isUUID(b[from:end]) {
		length = 0
	}
	key := b[from:end]
	if !hasServiceLength(length) || length > 0 && (!mixed(key) || hexLower.span(key, 0, length) < length && wordLike(key)) {
		return 0, 0, false
	}
	to := equalSigns.span(b, end, end+2)
	if !a.ends(b, to) || isExample(key, maxExample) || distinct(key) < 8 {
		return 0, 0, false
	}
	text := b[max(0, a.from-40):a.to]
	for i := range serviceKeys {
		if f := &serviceKeys[i]; f.length == length && (f.body == nil || f.body.span(b, from, end) == end) && namesAny(text, f.names) {
			return from, to, true
		}
	}
	return 0, 0, false
}

func hasServiceLength(n int) bool { return n <= maxService && serviceLengths[n] }

// serviceLengths are those of serviceKeys.
var serviceLengths = func() (t [maxService + 1]bool) {
	for i := range serviceKeys {
		t[serviceKeys[i].length] = true
	}
	return t
}()
