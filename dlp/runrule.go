package dlp

import (
	"math/bits"
	"strings"
)

// A runRule judges a maximal run of [A-Za-z0-9+/_-] that has no fixed beginning
// to look for: its length and what stands around it tell what it is.
type runRule struct {
	Rule
	// find looks at the run b[start:end], which has at least 15 bytes. b has up
	// to runContext bytes before and behind it, where the stream has them. On
	// ok, b[from:to] is the finding, which may reach beyond the run.
	find func(b []byte, start, end int) (from, to int, ok bool)
	// least and most bound the length of a run that find may accept. Those with
	// room for an escape count escapeRest more.
	least, most int
	// behind is what the run stands behind, if not behind anything: a spec of a class.
	// At the start of what there is of the stream it always may. ahead is what it stands
	// before in the same way.
	behind, ahead string
}

const (
	// runContext is what a find looks at on either side of a run.
	runContext = 128
	// escapeRest is what is left of an escape at the start of a run: the letters
	// of \n, %22 or \u0022.
	escapeRest = 5
)

// runRules are tried in order; the first that matches a run wins.
var runRules = []runRule{
	{Rule{"discord-bot-token", "Discord bot token.", Block}, discordToken, 23, 28 + escapeRest, "", "."},
	{Rule{"telegram-bot-token", "Telegram bot token.", Block}, telegramToken, 35, 35, ":", ""},
	{Rule{"mailchimp-key", "Mailchimp or Mandrill API key with its data centre.", Block}, mailchimpKey, 36, 64, "", ""},
	{Rule{"azure-client-secret", "Microsoft Entra ID (Azure AD) client secret.", Block}, azureSecret, 15, 40, "~.", ""},
	{Rule{"azure-key", "Key of a service of Azure that says in it which: DevOps, AI, search, functions, registries.", Block}, azureKey, 43, 86 + escapeRest, "", ""},
	{Rule{"newrelic-license-key", "New Relic license key.", Block}, newRelicLicense, 40, 40 + escapeRest, "", ""},
	{Rule{"maxmind-key", "MaxMind license key.", Block}, maxMindKey, 40, 40 + escapeRest, "", ""},
	{Rule{"mailgun-private-key", "Mailgun private API key.", Block}, mailgunKey, 50, 50 + escapeRest, "", ""},
	{Rule{"infobip-key", "Infobip API key. Other identifiers may look like it.", Warn}, infobipKey, 69, 69 + escapeRest, "", ""},
	{Rule{"ngrok-token", "ngrok authentication token.", Block}, ngrokToken, 49, 49 + escapeRest, "", ""},
	{Rule{"zhipu-key", "Zhipu AI (Z.ai) API key.", Block}, zhipuKey, 32, 32 + escapeRest, "", ""},
	{Rule{"facebook-app-token", "Facebook access token of an app.", Block}, facebookApp, 27, 27 + escapeRest, "|%", ""},
	{Rule{"tableau-token", "Tableau personal access token.", Block}, tableauToken, 32, 32, ":", ""},
	{Rule{"ably-key", "Ably API key.", Block}, ablyKey, 43, 43, ":", ""},
	{Rule{"asana-token", "Asana personal access token.", Block}, asanaToken, 32, 32, ":", ""},
	{Rule{"ghost-key", "Ghost Admin API key. Other identifiers may look like it.", Warn}, ghostKey, 64, 64, ":", ""},
	{Rule{"unleash-token", "Unleash API token. Other identifiers may look like it.", Warn}, unleashToken, 56, 64, ".", ""},
	{Rule{"openshift-token", "OpenShift access or authorisation token.", Block}, openShiftToken, 43, 43, "~", ""},
	{Rule{"azure-storage-key", "Azure Storage, Cosmos DB or Service Bus account key.", Block}, azureStorageKey, 43, 86, "", "="},
	{Rule{"azure-sas-token", "Signature of a shared access URL of Azure.", Block}, azureSAS, 15, 44 + escapeRest, "=%", ""},
	{Rule{"aws-session-token", "AWS session token.", Block}, awsSession, minAWSSession, maxRun, "", ""},
	{Rule{"terraform-cloud-token", "Terraform Cloud or Enterprise API token.", Block}, terraformToken, 60, 70, ".", ""},
	{Rule{"fcm-server-key", "Firebase Cloud Messaging server key (legacy).", Block}, fcmKey, 140, 140, ":", ""},
	{Rule{"twilio-auth-token", "Twilio auth token beside its account SID.", Block}, twilioPair, 32, 32 + escapeRest, "", ""},
	{Rule{"bitcoin-private-key", "Bitcoin private key in wallet import format.", Block}, wifKey, 51, runSegments, "", ""},
	{Rule{"bip32-private-key", "Extended private key of a wallet (xprv, yprv, zprv, tprv).", Block}, bip32Key, 111, runSegments, "", ""},
	{Rule{"ethereum-private-key", "Private key of a wallet in hex, named as one.", Block}, hexWalletKey, 64, 66 + escapeRest, "", ""},
	{Rule{"xml-private-key", "Private part of an RSA key in XML (RSAKeyValue).", Block}, xmlKey, minXMLKey, maxRun, ">", "<="},
	{Rule{"jwk-private-key", "Private part of a JSON Web Key.", Block}, webKey, minWebKey, maxRun, `"`, ""},
	{Rule{"service-key", "Key of a service in its exact format, named as one, with the service's name.", Block}, serviceKey, 15, maxService, behindName, ""},
	{Rule{"aws-secret-access-key", "AWS secret access key, named as one.", Block}, awsSecret, 40, 40 + escapeRest, "", ""},
	{Rule{"basic-auth", "User and password of HTTP Basic authentication.", Warn}, basicAuth, 15, maxBasic, " ", ""},
	{Rule{"bearer-token", "Opaque bearer token.", Warn}, bearerToken, 15, maxValue, " " + opaqueSpec, ""},
	{Rule{"generic-secret", "Random value of a key whose name says that it is secret.", Warn}, genericSecret, 15, maxValue, behindName + valueSpec, ""},
}

const (
	// maxRun bounds the runs that are looked at at all.
	maxRun = 1 << 20
	// runSegments bounds the runs that are searched for a segment.
	runSegments = 256
)

// behindName is what a value stands behind that has a name before it.
const behindName = " \t\"'`=:\\>"

// ruleSet has a bit for each of runRules.
type ruleSet uint64

// rulesFor returns the rules that may take the run b[start:end], by its length and
// what it stands between.
func rulesFor(b []byte, start, end int) ruleSet {
	return runRulesFor[min(end-start, longRun)] & runRulesBehind[byteAt(b, start-1)] & runRulesAhead[byteAt(b, end)]
}

// findRun returns the first rule of a set that matches the run b[start:end].
func findRun(b []byte, start, end int, set ruleSet) (rule Rule, from, to int, ok bool) {
	for ; set != 0; set &= set - 1 {
		r := &runRules[bits.TrailingZeros64(uint64(set))]
		if from, to, ok := r.find(b, start, end); ok {
			return r.Rule, from, to, true
		}
	}
	return Rule{}, 0, 0, false
}

// longRun is longer than the runs of all rules but those up to maxRun.
const longRun = maxBasic + 1

// runRulesFor has the rules by the length of a run.
var runRulesFor = func() (t [longRun + 1]ruleSet) {
	for i, r := range runRules {
		for n := r.least; n <= min(r.most, longRun); n++ {
			t[n] |= 1 << i
		}
	}
	return t
}()

// runRulesBehind has the rules by what stands before a run, runRulesAhead by what stands
// behind it.
var (
	runRulesBehind = runRulesBeside(func(r runRule) string { return r.behind })
	runRulesAhead  = runRulesBeside(func(r runRule) string { return r.ahead })
)

func runRulesBeside(spec func(runRule) string) (t [256]ruleSet) {
	for i, r := range runRules {
		beside := newClass(spec(r))
		for c := range t {
			if spec(r) == "" || beside[c] || c == 0 {
				t[c] |= 1 << i
			}
		}
	}
	return t
}

// namedRules are those that want a name before a run.
var namedRules = func() (set ruleSet) {
	for i, r := range runRules {
		if strings.HasPrefix(r.behind, behindName) {
			set |= 1 << i
		}
	}
	return set
}()

// runBegin returns where the text of a run starts: behind what an escape of
// JSON or a URL left at its start.
func runBegin(b []byte, start, end int) int {
	if at := afterEscape(b[:end], start); at < end {
		return at
	}
	return start
}

// spanBack returns where the run of a class that ends before b[i] starts, at
// least limit.
func (c *class) spanBack(b []byte, i, limit int) int {
	limit = max(limit, 0)
	for i > limit && c[b[i-1]] {
		i--
	}
	return i
}

// byteAt returns b[i], or 0 where there is none.
func byteAt(b []byte, i int) byte {
	if i < 0 || i >= len(b) {
		return 0
	}
	return b[i]
}

// before returns the text of at most n bytes before b[i].
func before(b []byte, i, n int) []byte { return b[max(0, i-n):i] }

// segment returns the next part of b[i:end] between the joiners + / _ -.
func segment(b []byte, i, end int) (from, to int) {
	for i < end && !alnum[b[i]] {
		i++
	}
	return i, alnum.span(b, i, end)
}

// foldIndex returns where lower, in lower case, is in text in any case, or -1.
func foldIndex(text []byte, lower string) int {
	for i := 0; i+len(lower) <= len(text); i++ {
		if text[i]|0x20 == lower[0]|0x20 && foldPrefix(text[i:], lower) {
			return i
		}
	}
	return -1
}

// foldPrefix reports whether text starts with lower, which is in lower case, in
// any case.
func foldPrefix(text []byte, lower string) bool {
	if len(text) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if toLower(text[i]) != lower[i] {
			return false
		}
	}
	return true
}

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// namesAny reports whether text has one of the words, which are in lower case.
func namesAny(text []byte, words []string) bool {
	for _, w := range words {
		if foldIndex(text, w) >= 0 {
			return true
		}
	}
	return false
}
