package dlp_test

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

func TestCustomRules(t *testing.T) {
	e, err := dlp.New(dlp.Options{Custom: []dlp.CustomRule{
		{ID: "acme", Prefix: "acme_", Class: "[A-Za-z0-9]", Length: 32},
		{ID: "acme-range", Prefix: "ac:", Class: "[a-f0-9-]", Min: 20, Max: 24},
		{ID: "acme-open", Prefix: "acmeopen", Class: "[a-z]", Min: 10},
		{ID: "acme-pattern", Prefix: "AK~"[:2] + ".", Pattern: `[a-z]{3}\.[A-Za-z0-9+/]{16,40}=*`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	body := random(1, alnum, 32)
	hexed := random(2, "a-f0-9", 22)
	tests := []struct{ name, in, want string }{
		{"a class and a length", "key acme_" + body + ";", "acme"},
		{"inside JSON behind an escape", `{"a":"\nacme_` + body + `"}`, "acme"},
		{"one byte too many", "key acme_" + body + "x", ""},
		{"one too few", "key acme_" + body[:31], ""},
		{"no boundary before", "xacme_" + body, ""},
		{"another case", "Acme_" + body, ""},
		{"what looks like an example", "acme_EXAMPLE" + body[:25], "acme"},
		{"a token for tests", "acme_0123456789abcdef0123456789abcdef", "acme"},
		{"a pattern on what looks like an example", "AK.abc.0123456789abcdef", "acme-pattern"},
		{"a range", "ac:" + hexed, "acme-range"},
		{"above it", "ac:" + hexed + "abc", ""},
		{"no upper bound", "acmeopen" + random(3, "a-z", 200), "acme-open"},
		{"a pattern", "AK.abc." + body + "== end", "acme-pattern"},
		{"a pattern at the end", "AK.abc." + body, "acme-pattern"},
		{"what it does not match", "AK.ab." + body, ""},
		{"more than it matches", "AK.abc." + body + random(4, alnum, 30), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.in); size += 3 {
				sc := e.NewScanner()
				got := scanChunks(t, sc, []byte(tt.in), func() int { return size })
				if strings.Join(ruleLines(got), ", ") != tt.want {
					t.Fatalf("in chunks of %d: %v, want %q", size, ruleLines(got), tt.want)
				}
			}
			padded := strings.Repeat("- ", 300) + tt.in + strings.Repeat(" -", 300)
			if got := strings.Join(ruleLines(e.Scan([]byte(padded))), ", "); got != tt.want {
				t.Errorf("in the middle: %q", got)
			}
		})
	}
	f := e.Scan([]byte("acme_" + body))[0]
	for _, p := range []dlp.Policy{{Rules: map[string]dlp.Action{"acme": dlp.Off}}, {Allow: []dlp.Exemption{{Rule: "acme", Host: "example.com"}}}} {
		if got := p.Decide(f, "example.com"); got != dlp.Off {
			t.Errorf("a policy that names the rule: %s", got)
		}
	}
	if got := (dlp.Policy{}).Decide(f, "example.com"); got != dlp.Block {
		t.Errorf("by default: %s", got)
	}
}

func TestCustomRulesThatCannotBe(t *testing.T) {
	ok := dlp.CustomRule{ID: "acme", Prefix: "acme_", Class: "[a-z]", Length: 20}
	change := func(f func(*dlp.CustomRule)) []dlp.CustomRule {
		r := ok
		f(&r)
		return []dlp.CustomRule{r}
	}
	tests := []struct {
		name  string
		rules []dlp.CustomRule
		want  string
	}{
		{"no ID", change(func(r *dlp.CustomRule) { r.ID = "" }), "the ID must be"},
		{"an ID with spaces", change(func(r *dlp.CustomRule) { r.ID = "a b" }), `"a b": the ID must be`},
		{"the ID of another rule", change(func(r *dlp.CustomRule) { r.ID = "github-token" }), "another rule with this ID"},
		{"one ID twice", []dlp.CustomRule{ok, ok}, "another rule with this ID"},
		{"a short prefix", change(func(r *dlp.CustomRule) { r.Prefix = "a" }), "the prefix must be 2"},
		{"a prefix with a space", change(func(r *dlp.CustomRule) { r.Prefix = "a b" }), "the prefix must be 2"},
		{"no class", change(func(r *dlp.CustomRule) { r.Class = "" }), "in brackets"},
		{"a class with an escape", change(func(r *dlp.CustomRule) { r.Class = `[\w]` }), "name the bytes"},
		{"a class that excludes", change(func(r *dlp.CustomRule) { r.Class = `[^a]` }), "name the bytes"},
		{"a range that runs backwards", change(func(r *dlp.CustomRule) { r.Class = `[z-a]` }), "runs backwards"},
		{"a class with other bytes", change(func(r *dlp.CustomRule) { r.Class = `[a-z.]` }), "use a pattern"},
		{"a body that is too short", change(func(r *dlp.CustomRule) { r.Length = 9 }), "has 14 letters"},
		{"two lengths", change(func(r *dlp.CustomRule) { r.Min = 9 }), "min and max have no place"},
		{"no length", change(func(r *dlp.CustomRule) { r.Length = 0 }), "length of the body must be given"},
		{"bounds that are turned round", change(func(r *dlp.CustomRule) { r.Length, r.Min, r.Max = 0, 30, 20 }), "min not above max"},
		{"a length without end", change(func(r *dlp.CustomRule) { r.Length = 1 << 20 }), "to 4096 bytes"},
		{"a pattern and a class", change(func(r *dlp.CustomRule) { r.Pattern = "a" }), "have no place"},
		{"a pattern that does not compile", []dlp.CustomRule{{ID: "p", Prefix: "p_", Pattern: "("}}, `"p": the pattern does not compile`},
		{"a pattern of nothing", []dlp.CustomRule{{ID: "p", Prefix: "p_", Pattern: "a*"}}, "matches nothing at all"},
		{"too many", make([]dlp.CustomRule, dlp.MaxCustom+1), "at most 256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := dlp.New(dlp.Options{Custom: tt.rules}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestDisable(t *testing.T) {
	token := "gh" + "p_" + random(5, alnum, 36)
	texts := map[string]string{
		"github-token":   "token " + token + ";",
		"basic-auth-url": "https://bob:" + random(6, alnum, 20) + "@git.corp.io/x",
		"generic-secret": `{"api_secret":"` + random(7, alnum, 32) + `"}`,
		"card-number":    "pay 4716 2930 8561 7429 now",
	}
	for rule, text := range texts {
		if got := ruleLines(mustEngine(t).Scan([]byte(text))); len(got) != 1 || got[0] != rule {
			t.Errorf("%s: found %v", rule, got)
		}
		e, err := dlp.New(dlp.Options{Disable: []string{rule}})
		if err != nil {
			t.Fatal(err)
		}
		if got := ruleLines(e.Scan([]byte(text))); len(got) > 0 {
			t.Errorf("%s is disabled, and found as %v", rule, got)
		}
	}
	e, err := dlp.New(dlp.Options{Known: []dlp.Known{{Name: "k", Value: token}}, Disable: []string{dlp.RuleKnown}})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Scan([]byte(token))) != 1 {
		t.Error("known values can be disabled")
	}
}

func TestCloseClears(t *testing.T) {
	value := random(8, alnum, 40)
	e := sessionEngine(t, dlp.Known{Name: "k", Value: value})
	if texts := e.Texts(); !strings.Contains(texts, value) {
		t.Fatal("an engine does not hold its values in memory of its own")
	}
	e.Close()
	if texts := strings.Trim(e.Texts(), "\x00"); texts != "" {
		t.Errorf("%d bytes are left", len(texts))
	}
}
