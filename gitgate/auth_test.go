package gitgate_test

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
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// TestAppTokensAreMadeAndRenewed plays GitHub: it checks the signature.
func TestAppTokensAreMadeAndRenewed(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	made := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made++
		jwt, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		parts := strings.Split(jwt, ".")
		if len(parts) != 3 || r.Method != http.MethodPost || r.URL.Path != "/app/installations/67/access_tokens" {
			t.Errorf("%s %s %q", r.Method, r.URL, jwt)
			return
		}
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature); err != nil {
			t.Error(err)
		}
		var claims struct {
			Iat, Exp int64
			Iss      string
		}
		text, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(text, &claims); err != nil || claims.Iss != "12" || claims.Exp-now.Unix() > 600 || claims.Iat >= now.Unix() {
			t.Errorf("%s: %v", text, err)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"made-%d","expires_at":%q}`, made, now.Add(time.Hour).Format(time.RFC3339))
	}))
	defer api.Close()
	text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	app := &gitgate.AppAuth{API: api.URL, ID: 12, Installation: 67, Key: value(text), Now: func() time.Time { return now }}
	for _, step := range []struct {
		after time.Duration
		token string
	}{{0, "made-1"}, {50 * time.Minute, "made-1"}, {6 * time.Minute, "made-2"}} {
		now = now.Add(step.after)
		got, err := app.Authorization(t.Context(), http.DefaultTransport)
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+step.token))
		if err != nil || got != want {
			t.Errorf("after %v: %q, %v", step.after, got, err)
		}
	}
}

// TestSSHLogins drives a real sshd: who is believed, and with which keys.
func TestSSHLogins(t *testing.T) {
	root := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", "--bare", filepath.Join(root, "org", "read")).CombinedOutput(); err != nil {
		t.Skipf("git: %v %s", err, out)
	}
	s := newSSHServer(t, root, true)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw, err := os.ReadFile(s.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := ssh.ParseRawPrivateKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	lockedKey := file("locked", string(pem.EncodeToMemory(locked)))
	other := writeKey(t, filepath.Join(dir, "other"))
	changed := file("changed", "["+s.url.Hostname()+"]:"+s.url.Port()+" "+string(ssh.MarshalAuthorizedKey(other)))
	keyring := agent.NewKeyring()
	if err := keyring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "a")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(keyring, c) }()
		}
	}()
	known := []string{s.knownHosts}
	for name, c := range map[string]struct {
		auth gitgate.SSHAuth
		want string // "" is a success
	}{
		"a key":                    {gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: known}, ""},
		"an agent":                 {gitgate.SSHAuth{AgentSocket: socket, KnownHosts: known}, ""},
		"a key with a passphrase":  {gitgate.SSHAuth{Key: gitgate.KeyFile(lockedKey), Passphrase: value("open sesame"), KnownHosts: known}, ""},
		"a wrong passphrase":       {gitgate.SSHAuth{Key: gitgate.KeyFile(lockedKey), Passphrase: value("x"), KnownHosts: known}, "the passphrase does not open"},
		"no passphrase":            {gitgate.SSHAuth{Key: gitgate.KeyFile(lockedKey), KnownHosts: known}, "names no secret for it"},
		"another key":              {gitgate.SSHAuth{Key: gitgate.KeyFile(filepath.Join(dir, "other")), KnownHosts: known}, "accepts none of the keys"},
		"a server that is unknown": {gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: []string{file("empty", "")}}, "is not among the known hosts"},
		"a server with a new key":  {gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: []string{changed}}, "shows another key"},
		"no file of known hosts":   {gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: []string{filepath.Join(dir, "none")}}, "no such file or directory; the operator can make the file"},
	} {
		j := &journal{}
		base := newFront(t, newServer(t, proxy.Config{}, j, gitgate.Host{Name: "forge.test", URL: s.url, Private: true, SSH: &c.auth, Repos: repos()}))
		out, err := exec.CommandContext(context.Background(), "git", "-c", "http.proxy=", "ls-remote", base+"/forge.test/org/read").CombinedOutput()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v %s", name, err, out)
		case c.want != "" && !strings.Contains(string(out), c.want):
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestNoRedirectCarriesTheCredential has the server send git elsewhere.
func TestNoRedirectCarriesTheCredential(t *testing.T) {
	need(t, "git")
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	for code, want := range map[int]string{301: "answers with a redirect", 302: "answers with a redirect", 307: "answers with a redirect",
		401: "does not accept the credential", 403: "refuses this to the credential", 404: "has no such repository", 500: "the status 500", 200: "not as a git server does"} {
		srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(code)
		}))
		o := &origin{Server: srv}
		base := newFront(t, newServer(t, proxy.Config{RootCAs: o.roots()}, &journal{}, gitgate.Host{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}))
		cmd := exec.Command("git", "-c", "http.proxy=", "ls-remote", base+"/forge.test/org/read")
		cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "Username") {
			t.Errorf("%d: %s", code, out)
		}
		srv.Close()
	}
	if asked > 0 {
		t.Errorf("the other server was asked %d times", asked)
	}
}

// TestATokenIsSentAsBearer clones from and pushes to a server that takes nothing else.
func TestATokenIsSentAsBearer(t *testing.T) {
	o, _, base := newGate(t, func(h *gitgate.Host) { h.Auth = gitgate.BearerAuth{Token: value(token)} })
	o.bearer.Store(true)
	dir := filepath.Join(t.TempDir(), "work")
	for _, args := range [][]string{{"clone", "-q", base + "/org/write", dir}, {"-C", dir, "commit", "-q", "--allow-empty", "-m", "one"}, {"-C", dir, "push", "-q", "origin", "HEAD:refs/heads/agent/one"}} {
		cmd := exec.Command("git", append([]string{"-c", "http.proxy=", "-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	o.bearer.Store(false)
	if out, err := exec.Command("git", "-c", "http.proxy=", "ls-remote", base+"/org/write").CombinedOutput(); err == nil || !strings.Contains(string(out), "does not accept the credential") {
		t.Errorf("a server that takes no bearer: %v\n%s", err, out)
	}
}
