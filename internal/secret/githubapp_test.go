package secret

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func appKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE" + " KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// The signature of what is asked with is verified in gitgate, which signs it.
func TestTokensOfAGitHubApp(t *testing.T) {
	now, key := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), appKey(t)
	var asked atomic.Int64
	answer := func(w http.ResponseWriter, n int64) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"ghs_number-%d","expires_at":%q}`, n, now.Add(time.Hour).Format(time.RFC3339))
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v3/app/installations/67/access_tokens" || strings.Count(r.Header.Get("Authorization"), ".") != 2 {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		answer(w, asked.Add(1))
	}))
	t.Cleanup(api.Close)
	opts := Options{Now: func() time.Time { return now }, Named: func(_ context.Context, name string) (string, error) {
		return map[string]string{"key": key}[name], nil
	}}
	s, err := New("forge", Source{GitHubApp: &GitHubApp{API: api.URL + "/api/v3/", ID: 12, Installation: 67, Key: "key"}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(); err != nil || asked.Load() != 0 {
		t.Errorf("Check: %v, asked %d times", err, asked.Load())
	}
	value := func() (string, error) { return s.Value(t.Context()) }
	same(t, "the first token", manyValues(t, value), "ghs_number-1")
	now = now.Add(50 * time.Minute)
	same(t, "while it is good", manyValues(t, value), "ghs_number-1")
	now = now.Add(6 * time.Minute)
	same(t, "shortly before its end", manyValues(t, value), "ghs_number-2")
	now = now.Add(2 * time.Minute)
	same(t, "when it is refused", manyValues(t, func() (string, error) { return s.Renew(t.Context(), "ghs_number-2") }), "ghs_number-3")
	if n := asked.Load(); n != 3 {
		t.Errorf("the API was asked %d times, want 3", n)
	}
	if a, b := s.Sample("x"), s.Sample("y"); a != b || !strings.HasPrefix(a, "ghs_") {
		t.Errorf("the placeholder goes by %q and %q", a, b)
	}
	for want, bad := range map[string]func(http.ResponseWriter){
		"the status is 401":   func(w http.ResponseWriter) { w.WriteHeader(401); fmt.Fprint(w, key) },
		"the answer has none": func(w http.ResponseWriter) { w.WriteHeader(201); fmt.Fprint(w, `{"token":""}`) },
		"had ended when it came": func(w http.ResponseWriter) {
			w.WriteHeader(201)
			fmt.Fprintf(w, `{"token":"ghs_number-9","expires_at":%q}`, now.Add(-time.Hour).Format(time.RFC3339))
		},
	} {
		answer = func(w http.ResponseWriter, _ int64) { bad(w) }
		now = now.Add(2 * time.Hour)
		if _, err := value(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key[40:60]) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	key = "no key at all"
	now = now.Add(2 * time.Hour)
	if _, err := value(); err == nil || !strings.Contains(err.Error(), "not in PEM") || strings.Contains(err.Error(), key) {
		t.Errorf("the error is %v", err)
	}
}

func TestAppsThatLackSomething(t *testing.T) {
	for name, tt := range map[string]struct {
		app  GitHubApp
		want string
	}{
		"no key":          {GitHubApp{ID: 1, Installation: 2}, "key"},
		"no installation": {GitHubApp{ID: 1, Key: "k"}, "installation"},
		"no app":          {GitHubApp{Installation: 2, Key: "k"}, "app"},
		"in clear":        {GitHubApp{API: "http://forge.example.com/api/v3", ID: 1, Installation: 2, Key: "k"}, "in clear"},
	} {
		if _, err := New("forge", Source{GitHubApp: &tt.app}, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// A private key has lines. It is a value all the same, and never one that is put into a
// request.
func TestAPrivateKeyIsAValue(t *testing.T) {
	key := appKey(t)
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"a key":                   {key, true},
		"text behind it":          {key + "token: something\n", false},
		"what only begins as one": {"-----BEGIN PRIVATE" + " KEY-----\nnothing\n", false},
		"lines of text":           {"one line\nand another\n", false},
	} {
		path := filepath.Join(t.TempDir(), "app.pem")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := New("key", Source{File: path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Value(t.Context())
		if (err == nil) != tt.ok || tt.ok && v != strings.TrimSuffix(tt.text, "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.ok {
			continue
		}
		if _, err := Placeholder(NewKey(), "/project", "key", v); err == nil {
			t.Errorf("%s has a placeholder", name)
		}
	}
}
