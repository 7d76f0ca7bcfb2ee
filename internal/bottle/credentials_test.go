package bottle

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/internal/secret"
)

func TestExpandEnv(t *testing.T) {
	cred := func() *credentials {
		return &credentials{
			placeholders: map[string]string{"a": "PLACE-A", "b.c": "PLACE-B"},
			env:          map[string]string{"TOKEN_A": "PLACE-A"},
		}
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		want map[string]string
		err  string
	}{
		{"a secret's own variable is there", nil, map[string]string{"TOKEN_A": "PLACE-A"}, ""},
		{"the manifest's value wins", map[string]string{"TOKEN_A": "none"}, map[string]string{"TOKEN_A": "none"}, ""},
		{"a placeholder stands anywhere in a value, more than once",
			map[string]string{"X": "u:${secret:a}@${secret:b.c}/${secret:a}"}, map[string]string{"TOKEN_A": "PLACE-A", "X": "u:PLACE-A@PLACE-B/PLACE-A"}, ""},
		{"what is no reference stays as it is", map[string]string{"X": "${HOME} $secret:a {secret:a}"}, map[string]string{"TOKEN_A": "PLACE-A", "X": "${HOME} $secret:a {secret:a}"}, ""},
		{"a secret that no route allows", map[string]string{"X": "${secret:z}"}, nil, `env: X: "z" is not a secret that a route allows`},
		{"a reference that is not closed", map[string]string{"X": "a${secret:a"}, nil, `env: X: ${secret: is not closed by }`},
		{"of two mistakes always the first", map[string]string{"B": "${secret:z}", "A": "${secret:y}"}, nil, `env: A: "y"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := expandEnv(c.env, cred())
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestExpandEnvChangesNoInput(t *testing.T) {
	c := &credentials{placeholders: map[string]string{}, env: map[string]string{"A": "1"}}
	if _, err := expandEnv(map[string]string{"B": "2"}, c); err != nil || len(c.env) != 1 {
		t.Errorf("%v, %v", c.env, err)
	}
}

const routesWithSecrets = `
egress:
  routes: [{host: api.example.com, secrets: [token]}]
  upstream_proxy: {url: "http://proxy.example.com:3128", user: me, password: proxy}
secrets:
  token: {from: {env: BT_TOKEN}, inject: bearer}
  proxy: {from: {file: ./proxy-password}}
  spare: {from: {env: BT_SPARE}}
`

func TestResolve(t *testing.T) {
	p := newProject(t)
	p.write("proxy-password", "pa55word-of-proxy\n", 0o600)
	m := p.load(routesWithSecrets)
	opts := secret.Options{LookupEnv: func(name string) (string, bool) {
		return "tok_live_0123456789abcdef", name == "BT_TOKEN" // the spare one is used nowhere, and need not be there
	}}
	c, err := resolve(t.Context(), m, secret.NewKey(), opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.secrets) != 1 || c.secrets[0].Name != "token" || !c.secrets[0].Inject.Bearer {
		t.Fatalf("secrets: %+v", c.secrets)
	}
	hold := c.secrets[0].Placeholder
	if hold == "tok_live_0123456789abcdef" || len(hold) != len("tok_live_0123456789abcdef") || c.env["BT_TOKEN"] != hold || c.placeholders["token"] != hold || len(c.env) != 1 {
		t.Errorf("placeholder %q in %v and %v", hold, c.env, c.placeholders)
	}
	if len(c.known) != 1 || c.known[0].Name != "proxy" || c.known[0].Value != "pa55word-of-proxy" {
		t.Errorf("what no route injects must be known to the scan: %+v", c.known)
	}
	if c.upstreamProxy == nil || c.upstreamProxy.User != "me" {
		t.Fatalf("upstream proxy: %+v", c.upstreamProxy)
	}
	if v, err := c.upstreamProxy.Password(t.Context()); err != nil || v != "pa55word-of-proxy" {
		t.Errorf("its password: %q, %v", v, err)
	}
}

func TestResolveNamesWhatIsMissing(t *testing.T) {
	p := newProject(t)
	m := p.load(routesWithSecrets)
	_, err := resolve(t.Context(), m, secret.NewKey(), secret.Options{LookupEnv: func(string) (string, bool) { return "tok_live_0123456789abcdef", true }}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "bottle.yaml:") || !strings.Contains(err.Error(), "proxy-password") || strings.Contains(err.Error(), "tok_live") {
		t.Errorf("got %v", err)
	}
}

// TestCommandSecretRotates goes the way of a proxy's configuration.
func TestCommandSecretRotates(t *testing.T) {
	p := newProject(t)
	p.write("token", "tok_first_0123456789", 0o600)
	m := p.load(`
egress: {routes: [{host: api.example.com, secrets: [token]}]}
secrets: {token: {from: {command: [cat, ./token], ttl: 1m}, inject: bearer}}
`)
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cfg, _, err := u.proxyConfig(t.Context(), m, secret.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	p.write("token", "tok_other_0123456789", 0o600)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{59 * time.Second, "tok_first_0123456789"}, {2 * time.Second, "tok_other_0123456789"}} {
		now = now.Add(c.after)
		if v, err := cfg.Secrets[0].Value(t.Context()); err != nil || v != c.want {
			t.Errorf("after %s more: %q, %v", c.after, v, err)
		}
	}
}

func TestProxyEnv(t *testing.T) {
	env := proxyEnv("http://127.0.0.1:3128")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if env[name] != "http://127.0.0.1:3128" {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if env[name] != "127.0.0.1,localhost,::1" {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	for name := range env {
		if strings.EqualFold(name, "ALL_PROXY") {
			t.Error("ALL_PROXY is set: who knows nothing else would send https URLs in clear")
		}
	}
}

func TestTerminalEnvTellsNothingElse(t *testing.T) {
	host := map[string]string{"TERM": "xterm", "LANG": "C.UTF-8", "TZ": "UTC\n", "LC_ALL": "", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "x"}
	got := terminalEnv(func(name string) string { return host[name] })
	if !maps.Equal(got, map[string]string{"TERM": "xterm", "LANG": "C.UTF-8"}) {
		t.Errorf("got %v", got)
	}
}

// A private key has lines, and goes nowhere: the gate and the routes have tokens that are
// made with it.
func TestTokensOfAGitHubApp(t *testing.T) {
	p := newProject(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE" + " KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	p.write("app.pem", text, 0o600)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v3/app/installations/67/access_tokens" {
			t.Errorf("asked %s", r.URL)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":"ghs_0123456789abcdef","expires_at":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	}))
	t.Cleanup(api.Close)
	m := p.load(`
egress: {routes: [{host: api.example.com, secrets: [forge]}]}
secrets:
  forge: {from: {github_app: {app: 12, installation: 67, key: app-key, api: "` + api.URL + `/api/v3"}}, inject: bearer}
  app-key: {from: {file: ./app.pem}}
git:
  github.example.com:
    auth: {secret: app-key, app: 12, installation: 67}
    repos: [{path: org/repo}]
`)
	opts := secret.Options{Transport: http.DefaultTransport}
	c, err := resolve(t.Context(), m, secret.NewKey(), opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.secrets) != 1 || c.secrets[0].Name != "forge" || !strings.HasPrefix(c.placeholders["forge"], "ghs_") || len(c.known) != 1 || c.known[0].Value != strings.TrimSpace(text) {
		t.Fatalf("secrets %+v, %d known", c.secrets, len(c.known))
	}
	if v, err := c.secrets[0].Value(t.Context()); err != nil || v != "ghs_0123456789abcdef" {
		t.Errorf("the token is %q, %v", v, err)
	}
	m.Git[0].URL, err = url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gitAuth(&m.Git[0], c).Authorization(t.Context(), http.DefaultTransport)
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:ghs_0123456789abcdef")); err != nil || got != want {
		t.Errorf("git is asked with %q, %v", got, err)
	}
	// What of the key leaves is found, also without its first and last line.
	scan, err := dlp.New(dlp.Options{Known: c.known})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for name, sent := range map[string]string{"the key": text, "the key without its first line": strings.Join(lines[1:], "\n")} {
		if len(scan.Scan([]byte(sent))) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
