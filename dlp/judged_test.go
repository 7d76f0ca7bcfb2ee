package dlp

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Judged returns texts that have one finding each of what has no fixed beginning,
// by rule.
func Judged(seed uint64) map[string][]string {
	r := newRand(seed)
	hex64 := randText(r, "0-9a-f", 64)
	sig := base64.StdEncoding.EncodeToString(randomBytes(r, 32))
	pw := randText(r, "a-z", 6) + "7" + randText(r, "A-Z0-9", 9)
	out := map[string][]string{
		"twilio-auth-token":     {"sid=A" + "C" + randText(r, "0-9a-f", 32) + " auth_token=" + randText(r, "0-9a-f", 32) + "\n"},
		"azure-storage-key":     {"AccountKey=" + base64.StdEncoding.EncodeToString(randomBytes(r, 64)) + ";"},
		"azure-sas-token":       {"?sv=2022-11-02&se=2030-01-01&sig=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(sig) + " "},
		"aws-session-token":     {"token: IQoJb3Jp" + "Z2luX2Vj" + randText(r, "A-Za-z0-9+/", 300) + "\n"},
		"aws-secret-access-key": {"aws_secret_access_key = " + randText(r, "A-Z", 10) + "0" + randText(r, "0-9a-z", 29) + "\n"},
		"bitcoin-private-key":   {"key " + encode58(append(append([]byte{0x80}, randomBytes(r, 32)...), 1)) + "\n"},
		"bip32-private-key":     {"key " + extendedKey(r, 0x0488ade4, randomBytes(r, 32)) + "\n"},
		"ethereum-private-key":  {"PRIVATE_KEY=0x" + hex64 + "\n"},
		"xml-private-key":       {"<Exponent>AQAB</Exponent><D>" + base64.StdEncoding.EncodeToString(randomBytes(r, 128)) + "</D>"},
		"jwk-private-key":       {`{"kty":"EC","crv":"P-256","d":"` + randText(r, "A-Za-z0-9_-", 43) + `"}`},
		"service-key":           {"DATADOG_API_KEY=" + hex64[:32] + "\n"},
		"basic-auth":            {"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("svc:"+pw)) + "\r\n"},
		"bearer-token":          {"Authorization: Bearer " + hex64[:40] + "\r\n"},
		"generic-secret":        {"client_secret=" + hex64[:40] + "&", `{"password":"` + hex64[:24] + `"}`},
		ruleDatabaseURL:         {"oracle://app:" + pw + "@db.corp.io/x ", "ldaps://app:" + pw + "@dir.corp.io "},
		ruleBasicAuthURL:        {"https://app:" + pw + "@git.corp.io/x.git "},
		"card-number":           {"card " + cardSample(r, "4", 16) + " ", "card " + grouped(cardSample(r, "37", 15), []int{4, 6, 5}, " ") + "\n"},
		"iban":                  {"to " + ibanSample(r, "DE", "0-9") + " ", "to " + inFours(ibanSample(r, "FR", "0-9")) + "."},
		"seed-phrase":           {"words: " + strings.Join(mnemonic(randomBytes(r, 32)), " ") + "."},
	}
	for rule, sample := range tokenSamples {
		out[rule] = append(out[rule], "use "+sample(r)+" now")
	}
	for rule, samples := range keySamples {
		key := samples(r)[0]
		for !scattered([]byte(key)) && !mixed([]byte(key)) || wordLike([]byte(key)) {
			key = samples(r)[0]
		}
		out[rule] = append(out[rule], "use "+key+" now")
	}
	return out
}

func TestJudged(t *testing.T) {
	names := map[string]string{"card": "card-number", "seed": "seed-phrase"}
	for seed := range uint64(20) {
		for rule, texts := range Judged(seed) {
			for _, text := range texts {
				found := map[string]bool{}
				eachJudge([]byte(text), func(got string, _, _, _ int) {
					if name, ok := names[got]; ok {
						got = name
					}
					found[got] = true
				})
				if !found[rule] || len(found) != 1 {
					t.Errorf("%s: %q: %v", rule, text, found)
				}
			}
		}
	}
	samples := Judged(1)
	for i := range runRules {
		if len(samples[runRules[i].ID]) == 0 {
			t.Errorf("no sample of %s", runRules[i].ID)
		}
	}
}
