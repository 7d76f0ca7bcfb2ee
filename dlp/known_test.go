package dlp_test

import (
	"encoding/base64"
	hexcode "encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// ruleLines describes findings in one line each, without hashes.
func ruleLines(findings []dlp.Finding) []string {
	var out []string
	for _, f := range findings {
		s := f.Rule
		if f.Name != "" {
			s += " " + f.Name
		}
		if f.Path != "" {
			s += " in " + f.Path
		}
		out = append(out, s)
	}
	return out
}

func mustEngine(t testing.TB, known ...dlp.Known) *dlp.Engine {
	t.Helper()
	e, err := dlp.New(dlp.Options{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const secretValue = "q9!Zr/7w+Lk2\"vXé\nTb5&mP0"

func TestKnown(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "db", Value: secretValue}, dlp.Known{Name: "pin", Value: "correct-9"})
	js, err := json.Marshal(map[string]string{"v": secretValue})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want string }{
		{"the value as it is", "x" + secretValue + "x", "known-secret db"},
		{"a part of it is not it", secretValue[1:], ""},
		{"one changed byte is not it", strings.Replace(secretValue, "Z", "z", 1), ""},
		{"base64 at the first alignment", base64.StdEncoding.EncodeToString([]byte(secretValue)), "known-secret db in base64"},
		{"base64 at the second", base64.StdEncoding.EncodeToString([]byte("u" + secretValue + "tail")), "known-secret db in base64"},
		{"base64 at the third", base64.StdEncoding.EncodeToString([]byte("u:" + secretValue)), "known-secret db in base64"},
		{"base64 for URLs", base64.RawURLEncoding.EncodeToString([]byte("abc:" + secretValue)), "known-secret db in base64"},
		{"a form field", "p=" + url.QueryEscape(secretValue) + "&q=1", "known-secret db in percent"},
		{"a parameter as a script writes it", "p=q9!Zr%2F7w%2BLk2%22vX%C3%A9%0ATb5%26mP0", "known-secret db in percent"},
		{"a JSON string", string(js), "known-secret db in json"},
		{"base64 of what stands around it", base64.StdEncoding.EncodeToString([]byte("{" + secretValue + "}")), "known-secret db in base64"},
		{"hex", hexcode.EncodeToString([]byte("x" + secretValue)), "known-secret db in hex"},
		{"hex in capitals", strings.ToUpper(hexcode.EncodeToString([]byte(secretValue))), "known-secret db in hex"},
		{"reversed", "<" + reversed(secretValue) + ">", "known-secret db in reversed"},
		{"every byte as an escape of a URL", "p=" + everyByte(secretValue, "%%%02x"), "known-secret db in percent"},
		{"every character as an escape of JSON", everyRune(secretValue, `\u%04x`), "known-secret db in json"},
		{"and in capitals", everyRune(secretValue, `\u%04X`), "known-secret db in json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(ruleLines(e.Scan([]byte(tt.in))), ", "); got != tt.want {
				t.Errorf("Scan(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func everyByte(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func everyRune(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

// A value that ordinary text may have counts where a credential stands.
func TestWeakValues(t *testing.T) {
	e := mustEngine(t,
		dlp.Known{Name: "pin", Value: "correct-9"},
		dlp.Known{Name: "env", Value: "production"},
		dlp.Known{Name: "key", Value: "q7Zt4mX9w2"},
		dlp.Known{Name: "repeat", Value: "aaaa-bbbb-aaaa-bbbb"})
	tests := []struct{ name, in, want string }{
		{"JSON", `{"password":"correct-9"}`, "pin"},
		{"a form", "user=x&password=correct-9&q=1", "pin"},
		{"a form's end", "db_password=correct-9", "pin"},
		{"a file of settings", "A=1\nDB_PASSWORD=correct-9\nB=2\n", "pin"},
		{"in quotation marks", "export DB_PASSWORD='correct-9'", "pin"},
		{"YAML", "db:\n  password: correct-9\n  port: 1\n", "pin"},
		{"a header", "X-Api-Key: correct-9", "pin"},
		{"a header with a scheme", "Authorization: Bearer correct-9", "pin"},
		{"such a header in JSON", `{"Authorization": "token correct-9"}`, "pin"},
		{"the password of a URL", "redis://app:correct-9@cache:6379/0", "pin"},
		{"Basic authentication", "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("user:correct-9")), "pin"},
		{"JSON in base64", base64.StdEncoding.EncodeToString([]byte(`{"user":"someone","password":"correct-9"}`)), "pin"},
		{"what looks like a key has any name", `{"value":"q7Zt4mX9w2"}`, "key"},
		{"one that repeats", "SECRET=aaaa-bbbb-aaaa-bbbb", "repeat"},

		{"prose", "that is correct-9 times out of ten", ""},
		{"inside a word", "password=incorrect-9", ""},
		{"before a digit", "password=correct-99", ""},
		{"before more of the value", "password=correct-9-and-more", ""},
		{"a word in another place", `{"environment":"production","tier":"production"}`, ""},
		{"a variable that names no secret", "NODE_ENV=production\n", ""},
		{"a path", "https://example.com/production/q7Zt4mX9w2/index", ""},
		{"words in base64", base64.StdEncoding.EncodeToString([]byte("this is in production and correct-9 too")), ""},
		{"a host", "https://production@example.com/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for size := 1; size <= len(tt.in); size += 5 {
				var names []string
				sc := e.NewScanner()
				for i := 0; i < len(tt.in); i += size {
					for _, f := range sc.Write([]byte(tt.in[i:min(i+size, len(tt.in))])) {
						names = appendKnown(names, f)
					}
				}
				for _, f := range sc.Close() {
					names = appendKnown(names, f)
				}
				if got := strings.Join(names, ", "); got != tt.want {
					t.Fatalf("in chunks of %d: found %q, want %q", size, got, tt.want)
				}
			}
		})
	}
}

func appendKnown(names []string, f dlp.Finding) []string {
	if f.Kind == dlp.KindKnown {
		names = append(names, f.Name)
	}
	return names
}

func TestWeak(t *testing.T) {
	for value, want := range map[string]string{
		"3000":                         "it has 4 bytes and is not looked for",
		"postgres1":                    "it has 9 bytes",
		"aaaa-bbbb-aaaa-bbbb":          "its bytes repeat",
		random(1, alnum, 16):           "",
		random(2, "0-9a-f", 32):        "",
		strings.Repeat("abc-", 30):     "",
		"correct horse battery staple": "",
	} {
		reason, weak := dlp.Weak(value)
		if weak != (want != "") || !strings.HasPrefix(reason, want) {
			t.Errorf("Weak(%q) = %q, %v, want %q", value, reason, weak, want)
		}
	}
}

func TestKnownOffsets(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "db", Value: secretValue})
	in := "0123456789" + secretValue + "tail"
	got := e.Scan([]byte(in))
	if len(got) != 1 || got[0].Offset != 10 || got[0].Length != len(secretValue) || got[0].Kind != dlp.KindKnown {
		t.Fatalf("Scan = %+v", got)
	}
	again := e.Scan([]byte(secretValue))
	if len(again) != 1 || again[0].Hash != got[0].Hash || again[0].Hash == "" {
		t.Errorf("the same text has the hashes %q and %q", got[0].Hash, again[0].Hash)
	}
	other := mustEngine(t, dlp.Known{Name: "db", Value: secretValue}).Scan([]byte(secretValue))
	if len(other) != 1 || other[0].Hash == got[0].Hash {
		t.Errorf("another engine has the same hash")
	}
}

func TestLongKnownIsFoundWhole(t *testing.T) {
	value := random(7, "A-Za-z0-9", 5000)
	e := mustEngine(t, dlp.Known{Name: "key", Value: value})
	for _, text := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
		next := 0
		for _, f := range e.Scan([]byte(text)) {
			if int(f.Offset) != next {
				t.Fatalf("a finding at %d, want one at %d", f.Offset, next)
			}
			next += f.Length
		}
		if next < len(text)-4 {
			t.Errorf("found up to %d of %d", next, len(text))
		}
	}
}

func TestPlaceholders(t *testing.T) {
	placeholder := "gh" + "p_" + random(1, "A-Za-z0-9", 36)
	token := "gh" + "p_" + random(2, "A-Za-z0-9", 36)
	secret := "gh" + "p_" + random(3, "A-Za-z0-9", 36)
	jwt := sampleJWT(4, 60)
	e := mustEngine(t,
		dlp.Known{Name: "gh", Value: placeholder, Kind: dlp.KnownPlaceholder},
		dlp.Known{Name: "gh", Value: secret},
		dlp.Known{Name: "id", Value: jwt, Kind: dlp.KnownPlaceholder})
	tests := []struct{ name, in, want string }{
		{"a placeholder is no token", "token " + placeholder + ".", "placeholder gh"},
		{"a token is one", "token " + token + ".", "github-token"},
		{"a token beside a placeholder is one", placeholder + " " + token, "placeholder gh, github-token"},
		{"a secret is found once", "token " + secret, "known-secret gh"},
		{"a placeholder in base64 is told", base64.StdEncoding.EncodeToString([]byte("x-access-token:" + placeholder)), "placeholder gh in base64"},
		{"a placeholder in the shape of a JWT is none", "Bearer " + jwt, "placeholder id"},
		{"a placeholder inside a URL's password", "postgres://app:" + placeholder + "@db.corp.io/x", "placeholder gh"},
		{"a placeholder before a URL's password", "postgres://" + placeholder + ":" + random(9, "A-Za-z0-9", 20) + "@db.corp.io/x", "placeholder gh, database-url"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(ruleLines(e.Scan([]byte(tt.in))), ", "); got != tt.want {
				t.Errorf("Scan(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// A placeholder that is in base64 inside what has a token's format is no token.
func TestPlaceholderInBase64InsideFormat(t *testing.T) {
	placeholder := random(5, "a-z0-9", 30)
	in := "xai-" + (base64.StdEncoding.EncodeToString([]byte(placeholder)) + random(6, "A-Za-z0-9", 80))[:80]
	if got := ruleLines(mustEngine(t).Scan([]byte(in))); len(got) != 1 || got[0] != "xai-key" {
		t.Fatalf("without the placeholder: %v", got)
	}
	e := mustEngine(t, dlp.Known{Name: "x", Value: placeholder, Kind: dlp.KnownPlaceholder})
	if got := ruleLines(e.Scan([]byte(in))); len(got) != 1 || got[0] != "placeholder x in base64" {
		t.Errorf("with it: %v", got)
	}
}

// A URL is decided at its end, when a known value behind its password was
// already reported.
func TestScanIsInOrder(t *testing.T) {
	host := "db7.cluster-cx3.corp.io"
	e := mustEngine(t, dlp.Known{Name: "host", Value: host})
	got := ruleLines(e.Scan([]byte("postgres://app:" + random(1, alnum, 20) + "@" + host)))
	if want := []string{"database-url", "known-secret host"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name  string
		known []dlp.Known
		want  string
	}{
		{"a value that is too short", []dlp.Known{{Name: "pin", Value: "1234567"}}, `"pin" has 7 bytes`},
		{"no value", []dlp.Known{{Name: "none"}}, `"none" has 0 bytes`},
		{"a value that is too long", []dlp.Known{{Name: "blob", Value: strings.Repeat("ab", dlp.MaxKnown)}}, `"blob" has 131072 bytes`},
		{"a secret that is its own placeholder", []dlp.Known{{Name: "a", Value: "hunter2hunter2"}, {Name: "a", Value: "hunter2hunter2", Kind: dlp.KnownPlaceholder}}, "both a secret and a placeholder"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dlp.New(dlp.Options{Known: tt.known})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("New = %v, want it to say %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells the value: %v", err)
			}
		})
	}
}
