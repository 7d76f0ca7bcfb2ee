package dlp_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// places are where a token stands in real requests; %s is the token.
var places = []struct{ name, before, after string }{
	{"alone", "", ""},
	{"in a header", "Authorization: Bearer ", "\r\n"},
	{"in JSON", `{"key":"`, `"}`},
	{"behind an escaped line break", `{"text":"first\n`, `\nlast"}`},
	{"behind an escaped tab", `{"text":"a\t`, `"}`},
	{"behind an escape by number", `{"text":"\u003c`, `\u003e"}`},
	{"in JSON in JSON", `{"text":"{\"a\":\"x\\n`, `\\n\"}"}`},
	{"in a query", "a=%22", "%22&b=1"},
	{"in an assignment", "export TOKEN=", "\n"},
	{"in a sentence", "use ", ", please"},
	{"in brackets", "(", ")"},
}

func TestFormats(t *testing.T) {
	e := mustEngine(t)
	for i, s := range samples {
		for seed := range uint64(5) {
			text := s.text(100*seed + uint64(i))
			for _, p := range places {
				in := p.before + text + p.after
				got := e.Scan([]byte(in))
				if len(got) != 1 || got[0].Rule != s.rule || got[0].Kind != dlp.KindFormat {
					t.Errorf("%s %s: Scan(%q) = %v", s.rule, p.name, in, ruleLines(got))
					continue
				}
				if got[0].Offset != int64(len(p.before)) || got[0].Length != len(text) {
					t.Errorf("%s %s: found at %d, %d bytes; it is at %d, %d bytes", s.rule, p.name, got[0].Offset, got[0].Length, len(p.before), len(text))
				}
			}
		}
	}
}

// Names and paths that start as tokens do are none.
func TestNamesBehindPrefixes(t *testing.T) {
	e := mustEngine(t)
	for _, text := range []string{
		"vcr_cassettes_recorded_2024_01", "vcr_test_get_user_by_id_200", "vca_config_v2_settings_for_hosts",
		"nfc_pn532_i2c_read_passive_target_timeout", "nfc_iso14443a_4_listener_set_state_halted", "nfo_parser_kodi_v19_movie_episode_details",
		"glc_global_land_cover_2000_version_1_1", "glc_make_context_current_for_window_2d", "dvc_server_port_8080_open", "dvc_server_Remote_Storage",
		"sk_prod_us_east_1_cluster", "bb_live_streaming_service_v2", "Mid-server-connection-pool2", "figo_config_v2_layout_for_the_new_dashboard_page",
		"BSA-protein-assay-Standard-Curve-2024-Run1", "AKIA2024REPORTFINALX", "ACCA2024CONFERENCEXY", "pina_colada_recipe_2024_summer",
		"vtwn_town_map_v2_houses_list", "ptr_toStructWithVeryLongName2InNamespaceFoo",
		"https://sl.wikipedia.org/wiki/" + strings.Repeat("Zgodovina_Slovenije_1918-1941/Kraljevina_SHS_2/", 4),
		"-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYcO2xNKiRUYOLEHM7XqPbVt3kZ9wJd1sFh8aGm5uL2pQ4yTnBv6cRr0iWx-----END PUBLIC KEY-----",
	} {
		for _, f := range e.Scan([]byte("see " + text + " there\n")) {
			t.Errorf("%s in %q", f.Rule, text)
		}
	}
}

func TestNotFormats(t *testing.T) {
	e := mustEngine(t)
	for i, s := range samples {
		text := s.text(uint64(i))
		body := text[len(s.prefix):]
		mutants := map[string]string{
			"inside a word":      "x" + text,
			"inside a number":    "7" + text,
			"before a word":      text + "_x",
			"in the wrong case":  swapCase(s.prefix) + body,
			"without its prefix": body,
			"without its body":   s.prefix + " " + body,
			"far too short":      text[:len(s.prefix)+5],
			"far too long":       s.prefix + strings.Repeat(body, 60),
			"filled with x":      s.prefix + strings.Repeat("x", s.length),
			"filled with zeros":  s.prefix + strings.Repeat("0", s.length),
			"from documentation": s.prefix + body[:5] + "EXAMPLE" + body[12:],
		}
		if s.exact {
			mutants["one byte longer"] = text + body[:1]
			mutants["one byte shorter"] = text[:len(text)-1]
		}
		if !s.exact || s.rule == "github-fine-grained-token" {
			delete(mutants, "before a word") // the body may go on
		}
		for name, in := range mutants {
			for _, f := range e.Scan([]byte(in)) {
				if f.Rule == s.rule {
					t.Errorf("%s %s is one: Scan(%q)", s.rule, name, in)
				}
			}
		}
	}
}

// A change takes out lines with tokens, and its dash may be a byte of theirs.
func TestTokensInRemovedLines(t *testing.T) {
	e := mustEngine(t)
	for i, s := range samples {
		for _, lead := range []string{"-", "+kept\n-", "{\"diff\":\"+kept\\n-"} {
			in := lead + s.text(uint64(i)) + "\n"
			if got := ruleLines(e.Scan([]byte(in))); !slices.Contains(got, s.rule) {
				t.Errorf("Scan(%q) = %v", in, got)
			}
		}
	}
}

// Whoever holds a token could put what examples have behind it.
func TestExampleSignsBehindToken(t *testing.T) {
	e := mustEngine(t)
	for i, s := range samples {
		if s.exact {
			continue
		}
		for _, sign := range []string{"-here", "xxxx", "example", "EXAMPLE", "12345678"} {
			if s.rule == "huggingface-token" && len(sign) > 6 {
				continue // longer than any
			}
			in := "token " + s.text(uint64(i)) + sign
			if got := ruleLines(e.Scan([]byte(in))); !slices.Equal(got, []string{s.rule}) {
				t.Errorf("Scan(%q) = %v", in, got)
			}
		}
	}
	for _, in := range []string{
		sampleJWT(1, 80) + "-here",
		"postgres://app:" + random(1, alnum, 12) + "-here@db.corp.io/app",
		"-----BEGIN " + "PRIVATE KEY-----\n" + random(1, b64, 64) + "EXAMPLE\n",
	} {
		if got := e.Scan([]byte(in)); len(got) != 1 {
			t.Errorf("Scan(%q) = %v", in, ruleLines(got))
		}
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

func TestShapes(t *testing.T) {
	e := mustEngine(t)
	for seed := range uint64(20) {
		for rule, texts := range shaped(10 * seed) {
			for _, text := range texts {
				for _, p := range places {
					if rule == "database-url" && p.name == "behind an escape by number" && p.before == "" {
						continue
					}
					in := p.before + text + p.after
					if got := e.Scan([]byte(in)); len(got) != 1 || got[0].Rule != rule {
						t.Errorf("%s %s: Scan(%q) = %v", rule, p.name, in, ruleLines(got))
					}
				}
			}
		}
	}
}

func TestNotShapes(t *testing.T) {
	e := mustEngine(t)
	enc := base64.RawURLEncoding.EncodeToString
	line := random(3, b64, 64)
	key := "-----BEGIN " + "PRIVATE KEY-----"
	tests := []struct{ name, in string }{
		{"a header of a key in prose", "It starts with " + key + " and a line break."},
		{"a header and dots", key + "\n...\n"},
		{"a header and a filler", key + "\n" + strings.Repeat("x", 64) + "\n"},
		{"a header and a short line", key + "\n" + line[:20] + "\n"},
		{"a public key", "-----BEGIN PUBLIC KEY-----\n" + line + "\n"},
		{"a certificate", "-----BEGIN CERTIFICATE-----\n" + line + "\n"},
		{"a key without a line break", key + line},
		{"a single part of a JWT", enc([]byte(`{"alg":"HS256"}`))},
		{"two parts of a JWT", enc([]byte(`{"alg":"HS256"}`)) + "." + enc([]byte(`{"sub":"1"}`))},
		{"three parts that name no algorithm", enc([]byte(`{"typ":"x"}`)) + "." + enc([]byte(`{"sub":"1"}`)) + "." + random(3, dashed, 43)},
		{"an unsigned JWT", enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(`{"sub":"1"}`)) + "."},
		{"a URL without a password", "postgres://app@db.corp.io/app"},
		{"a URL with a template", "postgres://app:${DB_PASSWORD}@db.corp.io/app"},
		{"a URL with a masked password", "postgres://app:********@db.corp.io/app"},
		{"a URL with a common password", "postgres://app:Password@db.corp.io/app"},
		{"a URL of this machine", "postgres://app:" + line[:16] + "@127.0.0.1/app"},
		{"a URL of a compose file", "postgres://app:hunter2hunter2@db:5432/app"},
		{"a URL of an example", "postgres://app:hunter2hunter2@db.example.com/app"},
		{"another scheme", "postgresx://app:hunter2hunter2@db.corp.io/app"},
		{"a long sk- name", "sk-" + random(1, "a-z", 48)},
		{"a SendGrid key without its dot", "S" + "G." + random(1, alnum, 66)},
		{"a webhook of documentation", "https://hooks.slack.com" + "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"},
		{"the example key of AWS", "AK" + "IAIOSFODNN7EXAMPLE"},
		{"an instruction", "sk-" + "ant-api03-your-api-key-goes-here-and-nowhere-else-1234"},
		{"an instruction for GitHub", "export GITHUB_TOKEN=gh" + "p_" + strings.Repeat("x", 36)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := e.Scan([]byte(tt.in)); len(got) != 0 {
				t.Errorf("Scan(%q) = %v", tt.in, ruleLines(got))
			}
		})
	}
}

// Each rule has a sample, so none is listed that never finds anything.
func TestEveryRuleHasSamples(t *testing.T) {
	covered := map[string]bool{dlp.RuleKnown: true, dlp.RuleCanary: true}
	for _, s := range samples {
		covered[s.rule] = true
	}
	for rule := range shaped(1) {
		covered[rule] = true
	}
	for _, l := range layouts {
		covered[l.rule] = true
	}
	for rule := range dlp.Judged(1) {
		covered[rule] = true
	}
	covered[dlp.RuleUnscanned] = true // TestUnscanned
	ids := dlp.RuleIDs()
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("RuleIDs are not sorted or not unique: %v", ids)
	}
	for _, id := range ids {
		if !covered[id] {
			t.Errorf("the rule %s has no sample", id)
		}
		delete(covered, id)
		if r, ok := dlp.Describe(id); !ok || r.ID != id || r.Description == "" || r.Action != dlp.Block && r.Action != dlp.Warn {
			t.Errorf("Describe(%s) = %+v, %v", id, r, ok)
		}
	}
	for id := range covered {
		t.Errorf("samples of %s, which is no rule", id)
	}
}
