package dlp_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// glued are placeholders, P, and tokens, T, with nothing between them.
var glued = []struct {
	text string
	want []int // which letters are tokens that are found
}{
	{"P", nil},
	{"PP", nil},
	{"PPP", nil},
	{"TP", []int{0}},
	{"PT", []int{1}},
	{"TPP", []int{0}},
	{"PPT", []int{2}},
	{"PTP", []int{1}},
	{"TPT", []int{0, 2}},
}

// A placeholder is no token, and no token passes for one because it is glued to
// it, whatever their format.
func TestTokensGluedToPlaceholders(t *testing.T) {
	for i, s := range samples {
		checkGlued(t, s.rule, s.text(uint64(i)), s.text(uint64(i)+500))
	}
	for rule, texts := range shaped(1) {
		if rule == "database-url" || rule == "private-key" || rule == "openssh-private-key" {
			continue // more than a token
		}
		for i, token := range texts {
			if len(token) < 1000 {
				checkGlued(t, rule, token, strings.TrimPrefix(shaped(9)[rule][i], "https://"))
			}
		}
	}
}

func checkGlued(t *testing.T, rule, token, placeholder string) {
	t.Helper()
	e := mustEngine(t, dlp.Known{Name: "p", Value: placeholder, Kind: dlp.KnownPlaceholder})
	sc := e.NewScanner()
	for _, g := range glued {
		for _, around := range []struct{ before, after string }{{"", ""}, {`{"a":"`, `"}`}, {"Bearer ", " and"}} {
			in := around.before
			var want []int64
			for i, c := range g.text {
				if slices.Contains(g.want, i) {
					want = append(want, int64(len(in)+strings.Index(token, strings.TrimPrefix(token, "https://"))))
				}
				in += map[rune]string{'P': placeholder, 'T': token}[c]
			}
			in += around.after
			b := []byte(in)
			all := scanWhole(e, b)
			var got []int64
			for _, f := range all {
				if f.Kind == dlp.KindFormat {
					got = append(got, f.Offset)
					if f.Rule != rule || f.Length > len(token) {
						t.Errorf("%s as %s: found %s of %d bytes in %q", rule, g.text, f.Rule, f.Length, in)
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s as %s: found at %v, want %v in %q", rule, g.text, got, want, in)
			}
			for _, size := range []int{1, 2, 3, 7, 16, 41} {
				if chunked := scanChunks(t, sc, b, func() int { return size }); !slices.Equal(chunked, all) {
					t.Errorf("%s as %s in chunks of %d: %s", rule, g.text, size, difference(chunked, all))
				}
			}
		}
	}
	for _, in := range []string{
		"u:" + placeholder + "abc", "see " + placeholder + ".", placeholder + "-here", "x" + placeholder, placeholder + "_" + placeholder,
		base64.StdEncoding.EncodeToString([]byte(placeholder)),
		base64.StdEncoding.EncodeToString([]byte("u:" + placeholder)),
		base64.RawURLEncoding.EncodeToString([]byte("x:" + placeholder + placeholder + "tail")),
	} {
		for _, f := range e.Scan([]byte(in)) {
			if f.Kind != dlp.KindPlaceholder {
				t.Errorf("%s: found %s at %d in %q", rule, f.Rule, f.Offset, in)
			}
		}
	}
}

// A known value inside of a match cuts it, and what is left is judged.
func TestKnownValuesInsideFormats(t *testing.T) {
	placeholder := random(1, alnum, 30)
	password, line := random(2, alnum, 20), random(3, b64, 64)
	key := "-----BEGIN " + "PRIVATE KEY-----\n"
	magic := "b3BlbnNzaC1r" + "ZXktdjEAAAAABG5vbmU"
	ant := "sk-" + "ant-api03-" + random(4, alnum, 95)
	e := mustEngine(t,
		dlp.Known{Name: "p", Value: placeholder, Kind: dlp.KnownPlaceholder},
		dlp.Known{Name: "s", Value: ant[20:60]},
		dlp.Known{Name: "k", Value: ant})
	tests := []struct{ name, in, want string }{
		{"a token that a secret cuts", placeholder + ant[:90], "placeholder p, known-secret s"},
		{"a known token is found once", ant, "known-secret k, known-secret s"},
		{"and not because it goes on", ant + "abc", "known-secret k, known-secret s"},
		{"a token cut in the middle", ant[:15] + placeholder + ant[15:18], "placeholder p"},
		{"a password of nothing else", "postgres://app:" + placeholder + "@db.corp.io/x", "placeholder p"},
		{"a password behind it", "postgres://app:" + placeholder + password + "@db.corp.io/x", "placeholder p, database-url"},
		{"a password before it", "postgres://app:" + password + placeholder + "@db.corp.io/x", "database-url, placeholder p"},
		{"a password on both sides", "postgres://app:" + password + placeholder + password + "@db.corp.io/x", "database-url, placeholder p, database-url"},
		{"a few letters around it", "postgres://app:pre-" + placeholder + "-post@db.corp.io/x", "placeholder p"},
		{"the body of a key", key + placeholder + placeholder + "\n", "placeholder p, placeholder p"},
		{"a key before it", key + line + placeholder + "\n", "private-key, placeholder p"},
		{"a key behind it", key + placeholder + line + "\n", "placeholder p, private-key"},
		{"an OpenSSH key before it", magic + line + placeholder, "openssh-private-key, placeholder p"},
		{"an OpenSSH key behind it", placeholder + magic + line, "placeholder p, openssh-private-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(ruleLines(scanWhole(e, []byte(tt.in))), ", "); got != tt.want {
				t.Errorf("Scan(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}
