package dlp_test

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// Samples are made here from parts, so that no text in this repository looks
// like a credential to those who look for them.

// random returns n bytes of a class written as in a regular expression.
func random(seed uint64, class string, n int) string {
	var set []byte
	for i := 0; i < len(class); i++ {
		if i+2 < len(class) && class[i+1] == '-' {
			for c := class[i]; c <= class[i+2]; c++ {
				set = append(set, c)
			}
			i += 2
			continue
		}
		set = append(set, class[i])
	}
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.IntN(len(set))]
	}
	return string(b)
}

const (
	alnum  = "A-Za-z0-9"
	dashed = "A-Za-z0-9_-"
	hex    = "0-9a-f"
	b64    = "A-Za-z0-9+/"
)

// sample is a format of the table, written down once more by its parts.
type sample struct {
	rule, prefix, class string
	length              int
	exact               bool // one byte more or less is something else
}

var samples = []sample{
	{"aws-access-key-id", "AK" + "IA", "A-Z2-7", 16, true},
	{"aws-access-key-id", "AS" + "IA", "A-Z2-7", 16, true},
	{"google-api-key", "AI" + "za", dashed, 35, true},
	{"google-oauth-secret", "GOC" + "SPX-", dashed, 28, true},
	{"google-oauth-token", "ya" + "29.", dashed, 180, false},
	{"digitalocean-token", "dop" + "_v1_", hex, 64, true},
	{"digitalocean-token", "doo" + "_v1_", hex, 64, true},
	{"databricks-token", "da" + "pi", hex, 32, true},
	{"vault-token", "hv" + "s.", dashed, 95, false},
	{"vault-token", "hv" + "b.", dashed, 138, false},
	{"github-token", "gh" + "p_", alnum, 36, false},
	{"github-token", "gh" + "o_", alnum, 36, false},
	{"github-token", "gh" + "u_", alnum, 36, false},
	{"github-token", "gh" + "s_", alnum, 36, false},
	{"github-token", "gh" + "r_", alnum, 76, false},
	{"github-fine-grained-token", "github" + "_pat_", alnum, 82, false},
	{"gitlab-token", "gl" + "pat-", alnum, 20, false},
	{"gitlab-trigger-token", "gl" + "ptt-", hex, 40, false},
	{"npm-token", "np" + "m_", alnum, 36, true},
	{"pypi-token", "py" + "pi-AgEIcHlwaS5vcmc", dashed, 120, false},
	{"rubygems-token", "ruby" + "gems_", hex, 48, true},
	{"docker-token", "dckr" + "_pat_", alnum, 27, true},
	{"anthropic-key", "sk-" + "ant-api03-", dashed, 95, false},
	{"openai-key", "sk-" + "proj-", dashed, 150, false},
	{"openai-key", "sk-" + "svcacct-", dashed, 150, false},
	{"openrouter-key", "sk-" + "or-v1-", hex, 64, true},
	{"huggingface-token", "h" + "f_", "A-Za-z", 34, false},
	{"groq-key", "gs" + "k_", alnum, 52, true},
	{"xai-key", "xa" + "i-", alnum, 80, false},
	{"replicate-token", "r" + "8_", alnum, 37, true},
	{"slack-token", "xo" + "xb-", "0-9A-Za-z", 56, false},
	{"slack-token", "xo" + "xp-", "0-9A-Za-z", 70, false},
	{"slack-token", "xa" + "pp-1-", "0-9A-Za-z", 90, false},
	{"twilio-key", "S" + "K", hex, 32, true},
	{"stripe-key", "sk" + "_live_", alnum, 24, false},
	{"stripe-key", "rk" + "_live_", alnum, 99, false},
	{"shopify-token", "shp" + "at_", hex, 32, true},
	{"shopify-token", "shp" + "ss_", hex, 32, true},
	{"linear-key", "lin" + "_api_", alnum, 40, true},
	{"atlassian-token", "ATA" + "TT3", dashed, 186, false},
	{"grafana-token", "gl" + "sa_", alnum, 41, true},
	{"figma-token", "fi" + "gd_", alnum, 45, false},
	{"age-secret-key", "AGE-SECRET-" + "KEY-1", "AC-HJ-NP-Z02-9", 58, true},
}

func (s sample) text(seed uint64) string { return s.prefix + random(seed, s.class, s.length) }

// shaped are samples that are more than a prefix and a body, by rule.
func shaped(seed uint64) map[string][]string {
	line := random(seed, b64, 64)
	key := "-----BEGIN " + "RSA PRIVATE KEY-----"
	magic := "b3BlbnNzaC1r" + "ZXktdjEAAAAABG5vbmU"
	return map[string][]string{
		"openai-key":    {"sk-" + random(seed, alnum, 20) + "T3Blbk" + "FJ" + random(seed+1, alnum, 20)},
		"sendgrid-key":  {"S" + "G." + random(seed, dashed, 22) + "." + random(seed+1, alnum, 43)},
		"slack-webhook": {"https://hooks.slack.com" + "/services/T" + random(seed, "A-Z0-9", 10) + "/B" + random(seed+1, "A-Z0-9", 10) + "/" + random(seed+2, alnum, 24)},
		"private-key": {
			key + "\n" + line + "\n",
			key + "\r\n" + line + "\r\n",
			key + `\n` + line + `\n`,
			key + `\\n` + line + `\\n`,
			key + "%0A" + line + "%0A",
			key + "\n    " + line + "\n",
			strings.Replace(key, "RSA ", "", 1) + "\n" + line,
			strings.Replace(key, "RSA", "EC", 1) + "\nProc-Type: 4,ENCRYPTED\n",
			strings.Replace(strings.Replace(key, "RSA", "PGP", 1), "KEY-", "KEY BLOCK-", 1) + "\n\n" + line,
		},
		"openssh-private-key": {
			magic + random(seed, b64, 60),
			"-----BEGIN " + "OPENSSH PRIVATE KEY-----\n" + magic + random(seed, b64, 60),
		},
		"jwt": {sampleJWT(seed, 80), sampleJWT(seed, 2000), sampleJWT(seed, 9000)},
		"database-url": {
			"postgres://app:" + random(seed, alnum, 20) + "@db.prod.corp.io:5432/app",
			"postgresql://app:" + random(seed, alnum, 20) + "@10.2.3.4/app",
			"mongodb+srv://:" + random(seed, alnum, 20) + "@cluster0.abcde.mongodb.net",
			"amqps://svc:" + random(seed, alnum, 12) + "%2B" + random(seed, alnum, 4) + "@mq.corp.io/vhost",
		},
	}
}

// sampleJWT returns a token whose payload has about n characters.
func sampleJWT(seed uint64, n int) string {
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		enc.EncodeToString([]byte(`{"sub":"`+random(seed, alnum, n*3/4)+`"}`)) + "." +
		random(seed+1, dashed, 43)
}
