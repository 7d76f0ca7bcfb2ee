package secret

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// tokenServer gives access tokens on loopback, and counts them.
type tokenServer struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []map[string]string // the forms, with the client's login under "basic"
	answer func(n int, form map[string]string) (status int, body map[string]any)
}

func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	s := &tokenServer{answer: func(n int, _ map[string]string) (int, map[string]any) {
		return 200, map[string]any{"access_token": fmt.Sprintf("access-token-number-%d", n), "token_type": "Bearer", "expires_in": 3600}
	}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form := map[string]string{}
		for name := range r.PostForm {
			form[name] = r.PostForm.Get(name)
		}
		if user, password, ok := r.BasicAuth(); ok {
			form["basic"] = user + ":" + password
		}
		s.mu.Lock()
		s.asked = append(s.asked, form)
		status, body := s.answer(len(s.asked), form)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) forms() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// The parts of an OAuth2 client.
const (
	grantClientSecret = "client-secret-h7Jq2mXz9bLw"
	grantRefresh      = "refresh-token-4TnRv8cYk1Ge"
)

func grantOptions(now *time.Time) Options {
	return Options{
		Now: func() time.Time { return *now },
		Named: func(_ context.Context, name string) (string, error) {
			return map[string]string{"client": grantClientSecret, "refresh": grantRefresh}[name], nil
		},
	}
}

func TestGrants(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		source func(url string) Source
		check  func(t *testing.T, form map[string]string, url string)
		values []string // that no error may tell
	}{
		{"client credentials", func(url string) Source {
			return Source{OAuth2: &OAuth2{TokenURL: url, ClientID: "me", ClientSecret: "client", Scopes: []string{"a", "b"}, Params: map[string]string{"audience": "https://api"}}}
		}, func(t *testing.T, form map[string]string, _ string) {
			if form["grant_type"] != "client_credentials" || form["basic"] != "me:"+grantClientSecret || form["scope"] != "a b" || form["audience"] != "https://api" {
				t.Errorf("asked with %v", form)
			}
		}, []string{grantClientSecret}},
		{"refresh token", func(url string) Source {
			return Source{OAuth2: &OAuth2{TokenURL: url, ClientID: "me", ClientSecret: "client", RefreshToken: "refresh"}}
		}, func(t *testing.T, form map[string]string, _ string) {
			if form["grant_type"] != "refresh_token" || form["refresh_token"] != grantRefresh {
				t.Errorf("asked with %v", form)
			}
		}, []string{grantClientSecret, grantRefresh}},
		{"service account", func(url string) Source {
			return Source{File: accountFile(t, key, url), GCP: &GCP{Scopes: []string{"cloud"}}}
		}, func(t *testing.T, form map[string]string, url string) { checkAssertion(t, &key.PublicKey, form, url) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, now := newTokenServer(t), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			s, err := New("cloud", tt.source(server.URL), grantOptions(&now))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Check(); err != nil || len(server.forms()) != 0 {
				t.Errorf("Check: %v, asked %d times", err, len(server.forms()))
			}
			same(t, "the first token", manyValues(t, func() (string, error) { return s.Value(t.Context()) }), "access-token-number-1")
			tt.check(t, server.forms()[0], server.URL)
			now = now.Add(50 * time.Minute)
			same(t, "while it is good", manyValues(t, func() (string, error) { return s.Value(t.Context()) }), "access-token-number-1")
			now = now.Add(6 * time.Minute)
			same(t, "shortly before its end", manyValues(t, func() (string, error) { return s.Value(t.Context()) }), "access-token-number-2")
			if _, err := s.Renew(t.Context(), "access-token-number-2"); err == nil || len(server.forms()) != 2 {
				t.Errorf("a new token that is refused is asked for again: %v", err)
			}
			now = now.Add(2 * time.Minute)
			same(t, "when it is refused", manyValues(t, func() (string, error) { return s.Renew(t.Context(), "access-token-number-2") }), "access-token-number-3")
			if n := len(server.forms()); n != 3 {
				t.Errorf("the server was asked %d times, want 3", n)
			}
			if a, b := s.Sample("x"), s.Sample("y"); a != b {
				t.Error("the placeholder changes with the token")
			}
			grantFails(t, server, s, &now, tt.values)
		})
	}
}

func grantFails(t *testing.T, server *tokenServer, s *Secret, now *time.Time, values []string) {
	t.Helper()
	for _, tt := range []struct {
		status int
		body   map[string]any
		want   string
	}{
		{400, map[string]any{"error": "invalid_grant", "error_description": "bad " + grantRefresh}, "invalid_grant"},
		{400, map[string]any{"error": "odd " + grantClientSecret}, "status 400"},
		{500, map[string]any{"sent": grantClientSecret + grantRefresh}, "status 500"},
		{200, map[string]any{"echo": grantClientSecret + grantRefresh}, "no access token"},
		{200, map[string]any{"access_token": "short"}, "too short"},
	} {
		server.mu.Lock()
		server.answer = func(int, map[string]string) (int, map[string]any) { return tt.status, tt.body }
		server.mu.Unlock()
		*now = now.Add(2 * time.Hour)
		_, err := s.Value(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("the error is %v, want %s", err, tt.want)
			continue
		}
		for _, v := range values {
			if strings.Contains(err.Error(), v) {
				t.Errorf("the error tells a value: %v", err)
			}
		}
	}
}

// manyValues asks from many goroutines at once.
func manyValues(t *testing.T, ask func() (string, error)) map[string]int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 40 {
		wg.Go(func() {
			v, err := ask()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[v]++
		})
	}
	wg.Wait()
	return got
}

func same(t *testing.T, when string, got map[string]int, want string) {
	t.Helper()
	if len(got) != 1 || got[want] == 0 {
		t.Errorf("%s: got %v, want %s", when, got, want)
	}
}

func accountFile(t *testing.T, key *rsa.PrivateKey, url string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "agent@project.iam", "private_key_id": "k1", "token_uri": url,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE" + " KEY", Bytes: der}))})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkAssertion verifies what RFC 7523, section 3, asks of an assertion.
func checkAssertion(t *testing.T, key *rsa.PublicKey, form map[string]string, url string) {
	t.Helper()
	if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Fatalf("asked with %v", form)
	}
	parts := strings.Split(form["assertion"], ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("the assertion's signature: %v", err)
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"iss":"agent@project.iam"`, `"aud":"` + url + `"`, `"scope":"cloud"`} {
		if !strings.Contains(string(claims), want) {
			t.Errorf("the claims are %s, without %s", claims, want)
		}
	}
}

func TestARotatedRefreshTokenIsUsed(t *testing.T) {
	server, now := newTokenServer(t), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	server.answer = func(n int, _ map[string]string) (int, map[string]any) {
		return 200, map[string]any{"access_token": fmt.Sprintf("access-token-number-%d", n), "expires_in": 60, "refresh_token": fmt.Sprintf("rotated-%d", n)}
	}
	opts := grantOptions(&now)
	var warned []string
	opts.Warn = func(s string) { warned = append(warned, s) }
	s, err := New("cloud", Source{OAuth2: &OAuth2{TokenURL: server.URL, ClientID: "me", RefreshToken: "refresh"}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Value(t.Context()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	forms := server.forms()
	if forms[0]["refresh_token"] != grantRefresh || forms[1]["refresh_token"] != "rotated-1" || forms[2]["refresh_token"] != "rotated-2" {
		t.Errorf("asked with %v", forms)
	}
	if len(warned) != 1 || strings.Contains(warned[0], "rotated-1") {
		t.Errorf("warned %q", warned)
	}
}

// TestATokenThatComesEnded: it is no token, and the clocks are named.
func TestATokenThatComesEnded(t *testing.T) {
	server, now := newTokenServer(t), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	server.answer = func(int, map[string]string) (int, map[string]any) {
		return 200, map[string]any{"access_token": "access-token-number-1", "expires_in": -60}
	}
	s, err := New("cloud", Source{OAuth2: &OAuth2{TokenURL: server.URL, ClientID: "me", RefreshToken: "refresh"}}, grantOptions(&now))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Value(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("%q, %v", v, err)
	}
}

func TestSourcesOfGrantsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		src  Source
		want string
	}{
		"in clear":          {Source{OAuth2: &OAuth2{TokenURL: "http://idp.example.com/t", ClientID: "me", ClientSecret: "client"}}, "in clear"},
		"no secret":         {Source{OAuth2: &OAuth2{TokenURL: "https://idp.example.com/t", ClientID: "me"}}, "client_secret"},
		"no client":         {Source{OAuth2: &OAuth2{TokenURL: "https://idp.example.com/t", ClientSecret: "client"}}, "client_id"},
		"no URL":            {Source{OAuth2: &OAuth2{ClientID: "me", ClientSecret: "client"}}, "URL for tokens"},
		"a key in a string": {Source{File: "/k.json", Pointer: "/a", GCP: &GCP{}}, "whole file"},
		"beside another":    {Source{Env: "X", OAuth2: &OAuth2{}}, "one source"},
	} {
		if _, err := New("cloud", tt.src, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	path := filepath.Join(t.TempDir(), "k.json")
	if err := os.WriteFile(path, []byte(`{"type":"authorized_user"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New("cloud", Source{File: path, GCP: &GCP{}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(); err == nil || !strings.Contains(err.Error(), "service account") {
		t.Errorf("another key: %v", err)
	}
}
