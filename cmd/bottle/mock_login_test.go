package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// tokens is a mock of the providers' logins: what a login is renewed to is accepted
// from then on, and nothing before. In a script's folder, the file accept has the
// token that is accepted now (without it every one is), and a file revoked ends all
// logins.
type tokens struct {
	u   *upstream
	dir string
	n   int
}

func (t *tokens) file(name string) string { return filepath.Join(t.dir, name) }

// accepts reports whether a request has the token that is accepted, and else refuses
// it.
func (t *tokens) accepts(w http.ResponseWriter, r *http.Request) bool {
	b, err := os.ReadFile(t.file("accept"))
	if err != nil || r.Header.Get("Authorization") == "Bearer "+strings.TrimSpace(string(b)) {
		return true
	}
	t.u.note(map[string]any{"refused": r.Host, "uri": r.RequestURI, "authorization": r.Header.Get("Authorization")})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `{"type":"error","error":{"type":"authentication_error","code":"token_expired","message":"the token has ended"}}`)
	return false
}

// now is the provider's time: the file clock says by how much it differs from the host's.
func (t *tokens) now() (time.Time, error) {
	b, err := os.ReadFile(t.file("clock"))
	if errors.Is(err, os.ErrNotExist) {
		return time.Now(), nil
	}
	if err != nil {
		return time.Time{}, err
	}
	off, err := time.ParseDuration(strings.TrimSpace(string(b)))
	return time.Now().Add(off), err
}

// renew answers a refresh.
func (t *tokens) renew(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t.u.mu.Lock()
	t.n++
	n := t.n
	t.u.mu.Unlock()
	t.u.note(map[string]any{"renewal": r.Host, "uri": r.RequestURI, "refresh_token": body.Refresh})
	now, err := t.now()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	if _, err := os.Stat(t.file("revoked")); err == nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	access := claudeAccess(n)
	if r.Host == "auth.openai.com" {
		access = codexAccess(n, now.Add(time.Hour))
	}
	if err := os.WriteFile(t.file("accept"), []byte(access), 0o600); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "access_token": access, "refresh_token": fmt.Sprintf("real-refresh-token-%d", n), "expires_in": 3600})
}

func claudeAccess(n int) string {
	return fmt.Sprintf("sk-ant-%s-real-access-%d-%s", "oat01", n, strings.Repeat("7hJq2mXz9b", 8))
}

func codexAccess(n int, exp time.Time) string {
	return jwtOf(map[string]any{"exp": exp.Unix(), "jti": fmt.Sprintf("real-access-%d", n)})
}

func jwtOf(claims map[string]any) string {
	e := base64.RawURLEncoding.EncodeToString
	b, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return e([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + e(b) + "." + e([]byte("the-signature-of-the-mock-provider"))
}

// hostLogin writes the credentials file of a client that is logged in on the host:
// its token ends after so long.
func hostLogin(client, home string, left time.Duration) error {
	var (
		path string
		doc  any
	)
	switch ends := time.Now().Add(left); client {
	case "claude":
		path = filepath.Join(home, ".claude", ".credentials.json")
		doc = map[string]any{"claudeAiOauth": map[string]any{"accessToken": claudeAccess(0), "refreshToken": "real-refresh-token-0",
			"expiresAt": ends.UnixMilli(), "scopes": []string{"user:inference", "user:profile"}, "subscriptionType": "max"}}
	case "codex":
		path = filepath.Join(home, ".codex", "auth.json")
		id := jwtOf(map[string]any{"email": "joe@example.com", "https://api.openai.com/auth": map[string]any{"chatgpt_plan_type": "plus", "chatgpt_account_id": "real-account-1"}})
		doc = map[string]any{"auth_mode": "chatgpt", "OPENAI_API_KEY": nil, "last_refresh": time.Now().UTC().Format(time.RFC3339Nano),
			"tokens": map[string]any{"id_token": id, "access_token": codexAccess(0, ends), "refresh_token": "real-refresh-token-0", "account_id": "real-account-1"}}
	case "codex-key":
		path = filepath.Join(home, ".codex", "auth.json")
		doc = map[string]any{"auth_mode": "apikey", "OPENAI_API_KEY": "sk-" + "proj-" + strings.Repeat("7hJq2mXz9b", 6)}
	default:
		return fmt.Errorf("no login is called %q", client)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}
