package dlp_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// settings are the places where tokens stand in what agents send.
var settings = []struct {
	name string
	put  func(s string) string
}{
	{"JSON", func(s string) string { return `{"id":7,"config":{"value":` + quoted(s) + `,"enabled":true}}` }},
	{"dotenv", func(s string) string { return "# local settings\nPORT=8080\nSERVICE_VALUE=" + s + "\nDEBUG=1\n" }},
	{"header", func(s string) string {
		return "POST /v1/items HTTP/1.1\r\nHost: api.corp.io\r\nX-Service: " + s + "\r\nAccept: */*\r\n\r\n"
	}},
	{"YAML", func(s string) string { return "service:\n  - name: api\n    value: \"" + s + "\" # rotate\n" }},
	{"query", func(s string) string {
		return "GET /collect?v=1&t=" + url.QueryEscape(s) + "&z=9 HTTP/1.1\r\n"
	}},
	{"source", func(s string) string { return "func main() {\n\tclient := api.New(\"" + s + "\")\n\tclient.Run()\n}\n" }},
	{"chat", func(s string) string {
		return `{"messages":[{"role":"user","content":` + quoted("Why does this fail?\n\n```\ncurl -u "+s+" https://api.corp.io\n```\nIt worked with "+s+", yesterday.") + `}]}`
	}},
	{"log", func(s string) string {
		return "2026-01-02T03:04:05Z WARN [auth] rejected token=" + s + " from 10.1.2.3 after 3 tries\n"
	}},
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// structural are samples of what has no fixed beginning, with what says what it
// is, by rule. Those of a URL or of several lines stand as they are.
var structural = map[string]func(seed uint64) string{
	"card-number": func(seed uint64) string { return "card " + luhn("4"+random(seed, "0-9", 14)) },
	"iban":        func(seed uint64) string { return "IBAN " + ibanOf("DE", random(seed, "0-9", 18)) },
	"basic-auth-url": func(seed uint64) string {
		return "https://deploy:" + random(seed, alnum, 20) + "@git.corp.io/team/app.git"
	},
	"basic-auth": func(seed uint64) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("deploy:"+random(seed, alnum, 18)))
	},
	"bearer-token":          func(seed uint64) string { return "Authorization: Bearer " + random(seed, alnum, 40) },
	"generic-secret":        func(seed uint64) string { return "client_secret=" + random(seed, alnum, 32) },
	"aws-secret-access-key": func(seed uint64) string { return "aws_secret_access_key=" + random(seed, b64, 40) },
	"openshift-token":       func(seed uint64) string { return "sha256~" + random(seed, dashed, 43) },
	"azure-client-secret": func(seed uint64) string {
		return random(seed, alnum, 3) + "8Q~" + random(seed+1, alnum, 31+3)
	},
	"azure-storage-key": func(seed uint64) string {
		return "AccountKey=" + base64.StdEncoding.EncodeToString([]byte(random(seed, "\x00-\x7f", 64)))
	},
	"discord-bot-token": func(seed uint64) string {
		return base64.RawStdEncoding.EncodeToString([]byte("1"+random(seed, "0-9", 17))) + "." + random(seed, dashed, 6) + "." + random(seed+1, alnum, 38)
	},
	"telegram-bot-token":    func(seed uint64) string { return "7" + random(seed, "0-9", 9) + ":AA" + random(seed, alnum, 33) },
	"mailchimp-key":         func(seed uint64) string { return random(seed, hex, 32) + "-us" + random(seed, "1-9", 1) },
	"terraform-cloud-token": func(seed uint64) string { return random(seed, alnum, 14) + ".atlasv1." + random(seed+1, alnum, 67) },
	"fcm-server-key": func(seed uint64) string {
		return "AAAA" + random(seed, alnum, 7) + ":APA91b" + random(seed+1, alnum, 134)
	},
	"twilio-auth-token": func(seed uint64) string { return "AC" + random(seed, hex, 32) + ":" + random(seed+1, hex, 32) },
	"ethereum-private-key": func(seed uint64) string {
		return "private_key=0x" + random(seed, hex, 64)
	},
	"jwk-private-key": func(seed uint64) string {
		r := rand.New(rand.NewPCG(seed, 5))
		key := make([]byte, ed25519.SeedSize)
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		enc := base64.RawURLEncoding.EncodeToString
		public := ed25519.NewKeyFromSeed(key).Public().(ed25519.PublicKey)
		return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":"%s","d":"%s"}`, enc(public), enc(key))
	},
}

// luhn appends the check digit of a card's number.
func luhn(s string) string {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return s + string(rune('0'+(10-sum%10)%10))
}

// ibanOf returns an account's number with its check digits (ISO 13616).
func ibanOf(country, account string) string {
	mod := 0
	for _, c := range account + country + "00" {
		if c >= 'A' {
			mod = (mod*100 + int(c-'A') + 10) % 97
		} else {
			mod = (mod*10 + int(c-'0')) % 97
		}
	}
	return fmt.Sprintf("%s%02d%s", country, 98-mod, account)
}

// families are the layouts by subject.
var families = []struct {
	name    string
	layouts []layout
}{
	{"cloud", layoutsCloud}, {"data", layoutsData}, {"models", layoutsAi}, {"source control", layoutsCode}, {"CI", layoutsCi},
	{"messaging", layoutsMessage}, {"payments", layoutsPay}, {"observability", layoutsObserve}, {"identity", layoutsIdentity},
	{"work", layoutsWork}, {"keys", layoutsKeys},
}

// recall counts what is found of samples.
type recall struct {
	found, total int
	missed       map[string]int
}

func (r *recall) add(e *dlp.Engine, text, rule, label string) {
	r.total++
	if slices.ContainsFunc(e.Scan([]byte(text)), func(f dlp.Finding) bool { return f.Rule == rule }) {
		r.found++
		return
	}
	if r.missed == nil {
		r.missed = map[string]int{}
	}
	r.missed[label]++
}

func (r *recall) row(name string) []string {
	var missed []string
	for label, n := range r.missed {
		missed = append(missed, fmt.Sprintf("%s %d", label, n))
	}
	slices.Sort(missed)
	if len(missed) > 6 {
		missed = append(missed[:6], fmt.Sprintf("and %d more", len(missed)-6))
	}
	return []string{name, fmt.Sprint(r.total), fmt.Sprintf("%.2f", r.percent()), strings.Join(missed, ", ")}
}

func (r *recall) percent() float64 { return 100 * float64(r.found) / float64(r.total) }

// Samples made by the formats are found where they stand in real requests.
func TestRecall(t *testing.T) {
	const least = 97
	rounds := uint64(2)
	if *full {
		rounds = 30
	}
	e := mustEngine(t)
	rows := [][]string{{"family", "samples", "found, %", "missed"}}
	done := func(name string, r *recall) {
		rows = append(rows, r.row(name))
		if r.percent() < least {
			t.Errorf("%s: %.2f %% are found, want %d: %v", name, r.percent(), least, r.missed)
		}
	}
	var all recall
	for _, f := range families {
		var r recall
		for i, l := range f.layouts {
			for round := range rounds {
				for _, body := range l.bodies(7e5 + uint64(i)*rounds + round) {
					for _, s := range settings {
						r.add(e, s.put(l.prefix+body), l.rule, l.rule+" "+l.prefix+" in "+s.name)
						all.add(e, s.put(l.prefix+body), l.rule, s.name)
					}
				}
			}
		}
		done(f.name, &r)
	}
	for _, kind := range []struct {
		name string
		of   map[string]func(uint64) string
	}{{"shapes", shapedSamples()}, {"structural", structural}} {
		var r recall
		for rule, of := range kind.of {
			for round := range 5 * rounds {
				text := of(7e5 + round)
				r.add(e, text, rule, rule+" bare")
				r.add(e, `{"content":`+quoted("line one\n"+text+"\nline three")+`}`, rule, rule+" in JSON")
				r.add(e, "first line\n"+text+"\nlast line\n", rule, rule+" on a line")
			}
		}
		done(kind.name, &r)
	}
	rows = append(rows, all.row("all layouts"))
	table("Samples that are found, by the family of their rule", rows)
}

// shapedSamples has the samples of shaped one by one.
func shapedSamples() map[string]func(uint64) string {
	out := map[string]func(uint64) string{}
	for rule := range shaped(1) {
		out[rule] = func(seed uint64) string {
			of := shaped(seed)[rule]
			return of[seed%uint64(len(of))]
		}
	}
	return out
}
