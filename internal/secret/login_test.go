package secret

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// provider is the token endpoint of a login.
type provider struct {
	mu      sync.Mutex
	asked   []map[string]string
	answers []func(n int) (int, string) // the last one stays
	date    func() time.Time
	during  func() // runs while the provider thinks
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	body["url"] = r.URL.String()
	n := len(p.asked)
	p.asked = append(p.asked, body)
	if p.during != nil {
		p.during()
	}
	status, answer := p.answers[min(n, len(p.answers)-1)](n)
	h := http.Header{}
	if p.date != nil {
		h.Set("Date", p.date().UTC().Format(http.TimeFormat))
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func accessToken(n int) string  { return fmt.Sprintf("sk-ant-%s-%d-abcdefghijklmnop", "oat01", n) }
func refreshToken(n int) string { return fmt.Sprintf("sk-ant-%s-%d-abcdefghijklmnop", "ort01", n) }

// granted is the answer to the nth request, with tokens of that number and one.
func granted(n int) (int, string) {
	return http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","access_token":%q,"refresh_token":%q,"expires_in":28800}`, accessToken(n+1), refreshToken(n+1))
}

func answer(status int, text string) func(int) (int, string) {
	return func(int) (int, string) { return status, text }
}

var loginStart = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// claudeHost is a host on which somebody is logged in with Claude Code.
type claudeHost struct {
	home, file string
	clock      *clock
	provider   *provider
	warned     []string
	mu         sync.Mutex
}

func newClaudeHost(t *testing.T, left time.Duration, answers ...func(int) (int, string)) *claudeHost {
	h := &claudeHost{home: t.TempDir(), clock: &clock{now: loginStart}, provider: &provider{answers: answers}}
	h.file = filepath.Join(h.home, ".claude", ".credentials.json")
	if err := os.Mkdir(filepath.Dir(h.file), 0o700); err != nil {
		t.Fatal(err)
	}
	h.write(t, claudeDoc(0, loginStart.Add(left)))
	return h
}

func claudeDoc(n int, expires time.Time) string {
	return fmt.Sprintf(`{"mcpOAuth":{"x":1},"claudeAiOauth":{"accessToken":%q,"refreshToken":%q,"expiresAt":%d,"scopes":["user:inference","user:profile"],"subscriptionType":"max","new":[1.50]}}`,
		accessToken(n), refreshToken(n), expires.UnixMilli())
}

func (h *claudeHost) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *claudeHost) read(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(h.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bottle is the login as one bottle has it.
func (h *claudeHost) bottle(t *testing.T) *Secret {
	return mustNew(t, Source{Login: LoginClaude}, Options{
		LookupEnv: env(map[string]string{"HOME": h.home}), Now: h.clock.Now, LockDir: h.home, Transport: h.provider,
		Warn: func(s string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.warned = append(h.warned, s)
		},
	})
}

func TestLoginIsRenewedBeforeItsEnd(t *testing.T) {
	h := newClaudeHost(t, 10*time.Minute, granted)
	if err := os.Chmod(h.file, 0o640); err != nil {
		t.Fatal(err)
	}
	s := h.bottle(t)
	if v, err := s.Value(t.Context()); err != nil || v != accessToken(0) || h.provider.count() != 0 {
		t.Fatalf("%q, %v after %d requests: one that is good for ten minutes is used", v, err, h.provider.count())
	}
	h.clock.advance(6 * time.Minute)
	if v, err := s.Value(t.Context()); err != nil || v != accessToken(1) {
		t.Fatalf("%q, %v", v, err)
	}
	want := map[string]string{"grant_type": "refresh_token", "refresh_token": refreshToken(0), "client_id": claudeClientID, "scope": "user:inference user:profile", "url": claudeEndpoint}
	if got := h.provider.asked[0]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", got, want)
	}
	// The client's own format and mode, and what this program knows nothing of.
	if got, want := h.read(t), claudeDoc(1, loginStart.Add(6*time.Minute+8*time.Hour)); got != want {
		t.Errorf("the file is\n%s, want\n%s", got, want)
	}
	if fi, err := os.Stat(h.file); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	h.noRest(t)
}

// noRest looks for files that a renewal has left behind.
func (h *claudeHost) noRest(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(h.file))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the credentials there is something: %v, %v", entries, err)
	}
}

// TestOneRenewalForAllBottles has many requests of two bottles refused at once.
func TestOneRenewalForAllBottles(t *testing.T) {
	h := newClaudeHost(t, time.Hour, granted)
	bottles := []*Secret{h.bottle(t), h.bottle(t)}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if v, err := bottles[i%2].Renew(t.Context(), accessToken(0)); err != nil || v != accessToken(1) {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
	wg.Wait()
	if n := h.provider.count(); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
}

// TestRefusedStorm: a provider that refuses what it has just given is not asked for
// more, by any bottle, before a pause.
func TestRefusedStorm(t *testing.T) {
	h := newClaudeHost(t, time.Hour, granted)
	bottles := []*Secret{h.bottle(t), h.bottle(t)}
	token := accessToken(0)
	for i := range 20 {
		v, err := bottles[i%2].Renew(t.Context(), token)
		switch {
		case i == 0 && err != nil, i > 0 && (err == nil || !strings.Contains(err.Error(), "refuses a token")):
			t.Fatalf("refusal %d: %q, %v", i, v, err)
		case i == 0:
			token = v
		}
	}
	if n := h.provider.count(); n != 1 {
		t.Errorf("%d renewals, want 1", n)
	}
	h.clock.advance(2 * renewPause)
	if v, err := bottles[1].Renew(t.Context(), token); err != nil || v != accessToken(2) {
		t.Errorf("after the pause: %q, %v", v, err)
	}
}

func TestNewerTokenOfTheHostWins(t *testing.T) {
	later := loginStart.Add(time.Hour)
	t.Run("before the provider is asked", func(t *testing.T) {
		h := newClaudeHost(t, time.Minute, granted)
		s := h.bottle(t)
		h.write(t, claudeDoc(7, later))
		if v, err := s.Renew(t.Context(), accessToken(0)); err != nil || v != accessToken(7) || h.provider.count() != 0 {
			t.Errorf("%q, %v, %d requests", v, err, h.provider.count())
		}
	})
	t.Run("while it is asked", func(t *testing.T) {
		h := newClaudeHost(t, time.Minute, answer(http.StatusBadRequest, `{"error":"invalid_grant"}`))
		h.provider.during = func() { h.write(t, claudeDoc(7, later)) }
		if v, err := h.bottle(t).Value(t.Context()); err != nil || v != accessToken(7) {
			t.Errorf("%q, %v", v, err)
		}
		if got := h.read(t); got != claudeDoc(7, later) {
			t.Errorf("the file is %s", got)
		}
	})
}

// TestLoginThatCannotBeRenewed: each says what happened and what to do, and the
// client's file stays as it was.
func TestLoginThatCannotBeRenewed(t *testing.T) {
	tests := []struct {
		name    string
		left    time.Duration
		prepare func(t *testing.T, h *claudeHost)
		answer  func(int) (int, string)
		value   string // "" for an error
		text    string // of the error, or of the warning
	}{
		{"revoked", -time.Hour, nil, answer(400, `{"error":"invalid_grant","error_description":"`+refreshToken(0)+`"}`), "", `has ended (the provider says: invalid_grant): run "claude auth login"`},
		{"revoked, in another form", -time.Hour, nil, answer(401, `{"error":{"code":"refresh_token_reused"}}`), "", "refresh_token_reused"},
		{"no answer, while the token is good", time.Minute, nil, answer(503, ``), accessToken(0), "is still good until"},
		{"no answer, and the token has ended", -time.Minute, nil, answer(503, ``), "", "answers with status 503"},
		{"an answer that is none", -time.Minute, nil, answer(200, `<html>`), "", "not the JSON"},
		{"an answer without a token", -time.Minute, nil, answer(200, `{}`), "", "it is empty"},
		{"a read-only file", -time.Minute, func(t *testing.T, h *claudeHost) {
			if err := os.Chmod(h.file, 0o400); err != nil {
				t.Fatal(err)
			}
		}, granted, "", "is read-only: chmod u+w it"},
		{"nobody is logged in", 0, func(t *testing.T, h *claudeHost) {
			if err := os.Remove(h.file); err != nil {
				t.Fatal(err)
			}
		}, granted, "", `run "claude auth login"`},
		{"logged out", 0, func(t *testing.T, h *claudeHost) { h.write(t, `{"claudeAiOauth":{"accessToken":""}}`) }, granted, "", "it is logged out"},
		{"another file", 0, func(t *testing.T, h *claudeHost) { h.write(t, `sk-ant-oat`) }, granted, "", "not the JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newClaudeHost(t, tt.left, tt.answer)
			if tt.prepare != nil {
				tt.prepare(t, h)
			}
			before, _ := os.ReadFile(h.file)
			v, err := h.bottle(t).Value(t.Context())
			said := strings.Join(h.warned, "\n")
			if err != nil {
				said = err.Error()
			}
			if v != tt.value || (err == nil) != (tt.value != "") || !strings.Contains(said, tt.text) {
				t.Errorf("%q, %q, want %q with %q", v, said, tt.value, tt.text)
			}
			if strings.Contains(said, "abcdefghijklmnop") {
				t.Errorf("it tells of the tokens: %s", said)
			}
			if after, _ := os.ReadFile(h.file); string(after) != string(before) {
				t.Errorf("the file is now %s", after)
			}
		})
	}
}

// TestFullDisk: without room nothing is asked, as a renewed login that cannot be
// kept is lost; one that is lost in between goes on while the bottle lives.
func TestFullDisk(t *testing.T) {
	h := newClaudeHost(t, -time.Minute, granted)
	s := h.bottle(t)
	s.login.store = brokenStore{store: s.login.store, room: errors.New("no space left on device")}
	if _, err := s.Value(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left") || h.provider.count() != 0 {
		t.Fatalf("%v after %d requests", err, h.provider.count())
	}
	h.clock.advance(renewPause)
	s.login.store = brokenStore{store: fileStore{path: h.file}, save: errors.New("no space left on device")}
	for range 2 {
		if v, err := s.Value(t.Context()); err != nil || v != accessToken(1) {
			t.Fatalf("%q, %v", v, err)
		}
	}
	if len(h.warned) != 1 || !strings.Contains(h.warned[0], "it is lost when this bottle ends") {
		t.Errorf("warned %q", h.warned)
	}
	s.login.store = fileStore{path: h.file}
	h.clock.advance(9 * time.Hour)
	if v, err := s.Value(t.Context()); err != nil || v != accessToken(2) || h.provider.asked[1]["refresh_token"] != refreshToken(1) {
		t.Errorf("%q, %v: the login that was not kept is renewed, not the one that the provider knows no more: %v", v, err, h.provider.asked[1])
	}
	if got := h.read(t); !strings.Contains(got, accessToken(2)) {
		t.Errorf("the file is %s", got)
	}
}

// brokenStore is a store on a disk that is full, before or after.
type brokenStore struct {
	store
	room, save error
}

func (s brokenStore) prepare(size int, of string) (func([]byte) error, func(), error) {
	if s.room != nil {
		return nil, nil, s.room
	}
	_, closeIt, err := s.store.prepare(size, of)
	return func([]byte) error { return s.save }, closeIt, err
}

func TestLinkedCredentialsStayLinked(t *testing.T) {
	h := newClaudeHost(t, -time.Minute, granted)
	real := filepath.Join(h.home, "real.json")
	if err := errors.Join(os.Rename(h.file, real), os.Symlink(real, h.file)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.bottle(t).Value(t.Context()); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(h.file); err != nil || to != real || !strings.Contains(h.read(t), accessToken(1)) {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

func TestClockThatIsOff(t *testing.T) {
	home := t.TempDir()
	c := &clock{now: loginStart.Add(24 * time.Hour)} // a day ahead
	p := &provider{date: func() time.Time { return loginStart }, answers: []func(int) (int, string){func(n int) (int, string) {
		return 200, fmt.Sprintf(`{"access_token":%q,"refresh_token":"r-%d","id_token":%q}`, codexToken(n+1, loginStart.Add(time.Hour)), n+1, codexID("plus", "acc-1"))
	}}}
	file := filepath.Join(home, "auth.json")
	if err := os.WriteFile(file, []byte(codexDoc(0, loginStart.Add(time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	var warned []string
	s := mustNew(t, Source{Login: LoginCodex}, Options{LookupEnv: env(map[string]string{"CODEX_HOME": home}), Now: c.Now, LockDir: home, Transport: p,
		Warn: func(s string) { warned = append(warned, s) }})
	for range 3 {
		if v, err := s.Value(t.Context()); err != nil || v != codexToken(1, loginStart.Add(time.Hour)) {
			t.Fatalf("%q, %v", v, err)
		}
	}
	if p.count() != 1 || len(warned) != 1 || !strings.Contains(warned[0], "clock is 24h0m0s ahead of that of auth.openai.com") {
		t.Errorf("%d renewals, warned %q", p.count(), warned)
	}
	if err := os.Chtimes(file, loginStart, loginStart); err != nil {
		t.Fatal(err)
	}
	if warnings, err := s.Check(); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "clock was 24h0m0s ahead of that of its provider") {
		t.Errorf("the next bottle is told %q, %v", warnings, err)
	}
}

func signedToken(claims string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(`{"alg":"RS256"}`)) + "." + e([]byte(claims)) + "." + e([]byte("signature-of-the-provider"))
}

func codexToken(n int, exp time.Time) string {
	return signedToken(fmt.Sprintf(`{"exp":%d,"jti":"token-%d"}`, exp.Unix(), n))
}

func codexID(plan, account string) string {
	return signedToken(fmt.Sprintf(`{"https://api.openai.com/auth":{"chatgpt_plan_type":%q,"chatgpt_account_id":%q}}`, plan, account))
}

func codexDoc(n int, exp time.Time) string {
	return fmt.Sprintf("{\n  \"auth_mode\": \"chatgpt\",\n  \"OPENAI_API_KEY\": null,\n  \"tokens\": {\n    \"id_token\": %q,\n    \"access_token\": %q,\n    \"refresh_token\": \"r-%d\"\n  },\n  \"last_refresh\": \"2026-07-01T00:00:00.123456789Z\"\n}",
		codexID("plus", "acc-1"), codexToken(n, exp), n)
}

func TestCodexLogin(t *testing.T) {
	home := t.TempDir()
	c := &clock{now: loginStart}
	p := &provider{answers: []func(int) (int, string){answer(200, fmt.Sprintf(`{"access_token":%q}`, codexToken(1, loginStart.Add(time.Hour))))}}
	file := filepath.Join(home, "auth.json")
	if err := os.WriteFile(file, []byte(codexDoc(0, loginStart.Add(time.Minute))), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustNew(t, Source{Login: LoginCodex}, Options{LookupEnv: env(map[string]string{"CODEX_HOME": home}), Now: c.Now, LockDir: home, Transport: p})
	info, ok, err := s.Login()
	if want := (LoginInfo{Mode: LoginOAuth, Plan: "plus", Account: "acc-1", Expires: loginStart.Add(time.Minute).Local()}); err != nil || !ok || info != want {
		t.Errorf("info %+v, %v, want %+v", info, err, want)
	}
	if _, err := s.Value(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.asked[0]; got["refresh_token"] != "r-0" || got["client_id"] != codexClientID || got["url"] != codexEndpoint {
		t.Errorf("asked %v", got)
	}
	b, err := os.ReadFile(file)
	want := strings.NewReplacer(codexToken(0, loginStart.Add(time.Minute)), codexToken(1, loginStart.Add(time.Hour)),
		"2026-07-01T00:00:00.123456789Z", "2026-07-01T12:00:00Z").Replace(codexDoc(0, loginStart.Add(time.Minute)))
	if err != nil || string(b) != want {
		t.Errorf("the file is\n%s\nwant\n%s", b, want)
	}
	if err := os.WriteFile(file, []byte(`{"auth_mode":"apikey","OPENAI_API_KEY":"`+goodValue+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Value(t.Context()); err != nil || v != goodValue {
		t.Errorf("an API key: %q, %v", v, err)
	}
	if _, err := s.Renew(t.Context(), goodValue); err == nil || !strings.Contains(err.Error(), "cannot be renewed") {
		t.Errorf("renewed an API key: %v", err)
	}
}

// TestSamples: what stands for a login's token is the same after each renewal.
func TestSamples(t *testing.T) {
	h := newClaudeHost(t, time.Hour, granted)
	s := h.bottle(t)
	first, err := Placeholder(NewKey(), "/p", "login", s.Sample(accessToken(0)))
	if err != nil || !strings.HasPrefix(first, "sk-ant-oat01-") {
		t.Errorf("%q, %v", first, err)
	}
	key := NewKey()
	var got []string
	for _, v := range []string{accessToken(0), "another-token-of-another-length-1234"} {
		p, err := Placeholder(key, "/p", "login", s.Sample(v))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if len(slices.Compact(got)) != 1 {
		t.Errorf("placeholders %q", got)
	}
	if p, err := Placeholder(key, "/p", "login", codexSample()); err != nil {
		t.Error(err)
	} else {
		var claims struct{ Exp int64 }
		readClaims(p, &claims)
		if claims.Exp != FarAway {
			t.Errorf("the placeholder ends at %d", claims.Exp)
		}
	}
}

func TestCheckOfLogins(t *testing.T) {
	for _, tt := range []struct {
		name      string
		left      time.Duration
		doc       func(string) string
		err, warn string
	}{
		{"a good one", time.Hour, nil, "", ""},
		{"one that ended and can be renewed", -time.Hour, nil, "", ""},
		{"one that ends and cannot", time.Hour, func(s string) string { return strings.ReplaceAll(s, refreshToken(0), "") }, "", "cannot be renewed"},
		{"one that ended and cannot", -time.Hour, func(s string) string { return strings.ReplaceAll(s, refreshToken(0), "") }, "ended at", ""},
		{"logged out", time.Hour, func(string) string { return "{}" }, "logged out", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newClaudeHost(t, tt.left, granted)
			if tt.doc != nil {
				h.write(t, tt.doc(h.read(t)))
			}
			old := loginStart.Add(-time.Hour)
			if err := os.Chtimes(h.file, old, old); err != nil {
				t.Fatal(err)
			}
			warnings, err := h.bottle(t).Check()
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if got := strings.Join(warnings, "\n"); (got != "") != (tt.warn != "") || !strings.Contains(got, tt.warn) {
				t.Errorf("warned %q, want %q", got, tt.warn)
			}
			if h.provider.count() != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// What else the client keeps in its file may change while the provider thinks.
func TestWhatTheClientWritesMeanwhileStays(t *testing.T) {
	h := newClaudeHost(t, time.Minute, granted)
	h.provider.during = func() {
		h.write(t, strings.Replace(claudeDoc(0, loginStart.Add(time.Minute)), `{"x":1}`, `{"x":1,"y":2}`, 1))
	}
	if v, err := h.bottle(t).Value(t.Context()); err != nil || v != accessToken(1) {
		t.Fatal(v, err)
	}
	if got := h.read(t); !strings.Contains(got, `{"x":1,"y":2}`) || !strings.Contains(got, refreshToken(1)) {
		t.Errorf("the file has %s", got)
	}
}
