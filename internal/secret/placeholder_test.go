package secret

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func testKey(b byte) (k Key) {
	for i := range k.b {
		k.b[i] = b
	}
	return k
}

func mustPlaceholder(t *testing.T, key Key, project, name, value string) string {
	t.Helper()
	p, err := Placeholder(key, project, name, value)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlaceholderKeepsTheShape(t *testing.T) {
	tests := []struct{ name, value, prefix, alphabet string }{
		{"a Claude login token", "sk-ant-oat01-Ab3dEf6hIj9lMn-pQr_StUvWx", "sk-ant-oat01-", ""},
		{"an Anthropic key", "sk-ant-api03-Ab3dEf6hIj9lMn-pQr_StUvWxAA", "sk-ant-api03-", ""},
		{"an OpenAI project key", "sk-proj-Ab3dEf6hIj9lMnpQrStUvWx", "sk-proj-", ""},
		{"a GitHub token", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_", ""},
		{"a fine-grained one", "github_pat_11ABCDEFG0abcdefghijkl_ZYXwvu98", "github_pat_", ""},
		{"a GitLab token", "glpat-ABCdef123456_-xyz789", "glpat-", ""},
		{"a Slack token", "xoxb-2345678901-2345678901234-AbCdEfGhIjKlMnOp", "xoxb-", ""},
		{"an AWS key identifier stays base32", "AKIAQ3EGS5XT27YZWABC", "AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
		{"an npm token", "npm_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789", "npm_", ""},
		{"a hex token stays hexadecimal", "0123456789abcdef0123456789abcdef", "", "0123456789abcdef"},
		{"a UUID too", "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "", "-0123456789abcdef"},
		{"a password keeps its punctuation", `c0rrect "horse"\battery%20`, "", ""},
		{"characters beyond ASCII stay", "Grüße-aus-München-2024", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustPlaceholder(t, testKey(1), "/p", "s", tt.value)
			checkShape(t, tt.value, p)
			if !strings.HasPrefix(p, tt.prefix) {
				t.Errorf("%q does not begin with %q", p, tt.prefix)
			}
			if tt.alphabet != "" && strings.Trim(p[len(tt.prefix):], tt.alphabet) != "" {
				t.Errorf("%q has other characters than %s", p, tt.alphabet)
			}
		})
	}
}

// checkShape holds a placeholder to what Placeholder promises.
func checkShape(t *testing.T, value, p string) {
	t.Helper()
	if p == value || len(p) != len(value) {
		t.Fatalf("%q for %q: equal, or of another length", p, value)
	}
	s := shapeOf(value)
	if s.claims == nil {
		for i := range len(value) {
			if from := anyText.of(value[i]); from != anyText.of(p[i]) || from == "" && value[i] != p[i] {
				t.Fatalf("%q for %q: byte %d is of another kind", p, value, i)
			}
		}
	}
	if p[:s.public] != value[:s.public] {
		t.Errorf("%q for %q: the prefix changed", p, value)
	}
	for i := s.private; i+sharedRun <= len(value); i++ {
		if strings.Contains(p[s.private:], value[i:i+sharedRun]) {
			t.Fatalf("%q for %q: %q is in both", p, value, value[i:i+sharedRun])
		}
	}
}

func TestPlaceholderIsStableAndItsOwn(t *testing.T) {
	const value = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	p := mustPlaceholder(t, testKey(1), "/a", "b", value)
	if again := mustPlaceholder(t, testKey(1), "/a", "b", value); again != p {
		t.Errorf("%q became %q", p, again)
	}
	seen := map[string]string{p: "the first"}
	for _, o := range []struct {
		what          string
		key           Key
		project, name string
	}{
		{"another project", testKey(1), "/c", "b"},
		{"another name", testKey(1), "/a", "c"},
		{"another user", testKey(2), "/a", "b"},
		{"the same letters in another place", testKey(1), "/ab", ""},
	} {
		q := mustPlaceholder(t, o.key, o.project, o.name, value)
		if was, ok := seen[q]; ok {
			t.Errorf("%s has the placeholder of %s", o.what, was)
		}
		seen[q] = o.what
	}
}

// TestPlaceholderDoesNotFollowTheValue: it is derived from the shape, so it
// says nothing about the characters, and a refreshed token of the same shape
// keeps it: a resumed conversation stays true.
func TestPlaceholderDoesNotFollowTheValue(t *testing.T) {
	a := mustPlaceholder(t, testKey(1), "/p", "s", "tok_abcdEFGH12345678")
	b := mustPlaceholder(t, testKey(1), "/p", "s", "tok_zyxwVUTS98765432")
	if a != b {
		t.Errorf("%q and %q differ", a, b)
	}
}

func TestPlaceholderOfJSONWebToken(t *testing.T) {
	payload := `{"iss":"https://auth.example.com","aud":["app-client-id"],"exp":1764000000,"email":"person@example.com","n":-120.5e+10,` +
		`"https://api.example.com/auth":{"account":"acc-12345678","quote":"a\"b\\","u":"\u00e9x"},"list":[true,null,"word7"]}`
	value := jwt(`{"alg":"RS256","typ":"JWT"}`, payload, "c2lnbmF0dXJlLXRoYXQtaXMtbG9uZy1lbm91Z2g")
	p := mustPlaceholder(t, testKey(1), "/p", "s", value)
	checkShape(t, value, p)
	parts := strings.Split(p, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if got["iss"] != "https://auth.example.com" || got["exp"] != 1764000000.0 {
		t.Errorf("issuer or expiry changed: %s", raw)
	}
	if len(raw) != len(payload) {
		t.Errorf("%d bytes became %d", len(payload), len(raw))
	}
	for _, gone := range []string{"person", "example.com\",\"n", "12345678", "word7"} {
		if strings.Contains(string(raw), gone) {
			t.Errorf("%q is still in %s", gone, raw)
		}
	}
	for _, kept := range []string{`"https://api.example.com/auth":{"account":`, `\u00e9`, "app-client-id"} {
		if !strings.Contains(string(raw), kept) {
			t.Errorf("%q is not in %s", kept, raw)
		}
	}
}

func jwt(header, payload, signature string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(payload)) + "." + signature
}

func TestPlaceholderRefuses(t *testing.T) {
	tests := []struct{ name, value, text string }{
		{"a short value", "hunter2", "too short"},
		{"nothing", "", "empty"},
		{"a newline inside", "abcdefgh\nijklmnop", "control character"},
		{"spaces around", " abcdefghijk", "space"},
		{"only punctuation", "-_-_-_-_-_-_-_", "too few letters"},
		{"a prefix with nothing behind it", "github_pat_a1", "too few letters"},
		{"a long run that stays", "abc123!!!!!!!!xyz789", "long runs"},
		{"a huge value", strings.Repeat("a", MaxLength+1), "more than 16384"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Placeholder(testKey(1), "/p", "mine", tt.value)
			if !errors.Is(err, ErrNoPlaceholder) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "secret mine") {
				t.Errorf("got %q, %v, want an error with %q", p, err, tt.text)
			}
			if err != nil && len(tt.value) > 6 && strings.Contains(err.Error(), tt.value) {
				t.Errorf("the error quotes the value: %v", err)
			}
		})
	}
}

func FuzzPlaceholder(f *testing.F) {
	for _, v := range []string{"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAQ3EGS5XT27YZWABC", "0123456789abcdef", "a1!!!!!!!b2c3d4e5", "hunter22",
		jwt(`{"alg":"none"}`, `{"a":"b\\","n":-10}`, "abcdefgh12"), jwt(`{}`, `{"a":[{"b":"\""}]}`, "abcdefgh12")} {
		f.Add("/project", "name", v)
	}
	f.Fuzz(func(t *testing.T, project, name, value string) {
		p, err := Placeholder(testKey(7), project, name, value)
		if err != nil {
			if !errors.Is(err, ErrNoPlaceholder) {
				t.Fatalf("%v is no ErrNoPlaceholder", err)
			}
			return
		}
		checkShape(t, value, p)
		if again, err := Placeholder(testKey(7), project, name, value); err != nil || again != p {
			t.Errorf("%q became %q, %v", p, again, err)
		}
		if shapeOf(value).claims != nil {
			raw, err := base64.RawURLEncoding.DecodeString(strings.Split(p, ".")[1])
			if err != nil || !json.Valid(raw) {
				t.Errorf("the payload %q is not JSON any more (%v)", raw, err)
			}
		}
	})
}

func TestLoadKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "bottle")
	keys := make([]Key, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := LoadKey(dir)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] || k == (Key{}) {
			t.Fatal("two processes have two keys, or none")
		}
	}
	path := filepath.Join(dir, KeyFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v: want the key alone", left, err)
	}
	t.Run("others can read it", func(t *testing.T) {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("it is cut short", func(t *testing.T) {
		if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(dir); err == nil || !strings.Contains(err.Error(), "32 bytes") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a link is not followed", func(t *testing.T) {
		if err := errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path)); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(dir); err == nil {
			t.Error("a link was followed")
		}
	})
}
