package manifest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/secret"
)

var checkTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// secretOptions is an environment with one good variable.
func secretOptions() secret.Options {
	return secret.Options{
		LookupEnv: func(k string) (string, bool) { return "s3cret-value-0123", k == "GOOD" },
		Now:       func() time.Time { return checkTime },
	}
}

func certificate(t *testing.T, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, NotBefore: until.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestCheck(t *testing.T) {
	const v = "version: 1\n"
	use := func(from string) string {
		return v + "egress: {routes: [{host: a.com, secrets: [s]}]}\nsecrets: {s: {from: " + from + "}}\n"
	}
	tests := []struct {
		name, text string
		want       []string
		warning    string
	}{
		{"all is well", v + "mounts: [{path: dir}, {path: file}]\negress: {upstream_ca: [good.pem], routes: [{host: a.com, secrets: [s]}]}\nsecrets: {s: {from: {env: GOOD}}}\n", nil, ""},
		{"no workspace", v + "workspace: {path: nowhere}\n", []string{"bottle.yaml:2:19: workspace.path: |no such file"}, ""},
		{"a file for a workspace", v + "workspace: {path: file}\n", []string{"bottle.yaml:2:19: workspace.path: |not a folder"}, ""},
		{"no mounts", v + "mounts: [{path: nowhere}, {path: dir}, {path: ~/nowhere}]\n", []string{"bottle.yaml:2:17: mounts[0].path: |nothing to mount", "bottle.yaml:2:47: mounts[2].path: |nothing to mount"}, ""},
		{"a missing root", v + "egress: {upstream_ca: [nowhere.pem]}\n", []string{"bottle.yaml:2:24: egress.upstream_ca[0]: |no such file"}, ""},
		{"a root that is none", v + "egress: {upstream_ca: [file]}\n", []string{"bottle.yaml:2:24: egress.upstream_ca[0]: |no PEM certificate"}, ""},
		{"a folder of roots", v + "egress: {upstream_ca: [dir]}\n", []string{"bottle.yaml:2:24: egress.upstream_ca[0]: |not a regular file"}, ""},
		{"a broken root", v + "egress: {upstream_ca: [broken.pem]}\n", []string{"bottle.yaml:2:24: egress.upstream_ca[0]: |certificate 1"}, ""},
		{"a key beside the root", v + "egress: {upstream_ca: [key.pem]}\n", []string{"bottle.yaml:2:24: egress.upstream_ca[0]: |private key"}, ""},
		{"an expired root", v + "egress: {upstream_ca: [old.pem]}\n", nil, "expired on 2025-12-31"},
		{"a variable that is not set", use("{env: NOT_THERE}"), []string{"bottle.yaml:3:22: secrets.s.from: the environment variable NOT_THERE is not set"}, ""},
		{"a file that is not there", use("{file: nowhere}"), []string{"bottle.yaml:3:22: secrets.s.from: |no such file"}, ""},
		{"a command that is not there", use("{command: [no-such-program-here]}"), []string{"bottle.yaml:3:22: secrets.s.from: |not found"}, ""},
		{"a secret that nobody uses", v + "secrets: {s: {from: {env: NOT_THERE}}}\n", nil, "s (bottle.yaml:2) is not used"},
		{"several at once", v + "workspace: {path: nowhere}\nmounts: [{path: nowhere}]\n", []string{"bottle.yaml:2:19: workspace.path", "bottle.yaml:3:17: mounts[0].path"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t).manifest(tt.text)
			for name, text := range map[string]string{
				"file": "x", "dir/x": "x", "good.pem": "# ours\n" + certificate(t, checkTime.Add(time.Hour)), "old.pem": certificate(t, checkTime.Add(-time.Hour)),
				"broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
				"key.pem":    certificate(t, checkTime.Add(time.Hour)) + "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
			} {
				p.write(filepath.Join(p.project, name), text)
			}
			m, trust := p.mustLoad(), newTrust(t)
			mustTrust(t, trust, m)
			warnings, err := m.Check(trust, secretOptions())
			if tt.want != nil {
				wantErrors(t, err, tt.want...)
			} else if err != nil {
				t.Errorf("got %v", err)
			}
			if got := strings.Join(warnings, "\n"); (got == "") != (tt.warning == "") || !strings.Contains(got, tt.warning) {
				t.Errorf("warned %q, want %q", got, tt.warning)
			}
		})
	}
}

func TestValuesThatLookLikeCredentialsAreWarnedAbout(t *testing.T) {
	const token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
	p := newPlace(t).manifest("version: 1\nenv:\n  PLAIN: hello\n  GH: " + token + "\n")
	m, trust := p.mustLoad(), newTrust(t)
	mustTrust(t, trust, m)
	warnings, err := m.Check(trust, secretOptions())
	got := strings.Join(warnings, "\n")
	if err != nil || len(warnings) != 1 || !strings.Contains(got, "env: GH (bottle.yaml:4) looks like a credential (rule github") || strings.Contains(got, token) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestUnusedSecretsOfTheUserAreNoMatter(t *testing.T) {
	p := newPlace(t).manifest("version: 1\n").user("version: 1\nsecrets: {s: {from: {env: NOT_THERE}}}\n")
	m, trust := p.mustLoad(), newTrust(t)
	mustTrust(t, trust, m)
	if warnings, err := m.Check(trust, secretOptions()); err != nil || len(warnings) > 0 {
		t.Errorf("got %v, %v", warnings, err)
	}
}

func TestSummary(t *testing.T) {
	p := newPlace(t).manifest(`version: 1
workspace: {path: /work, mode: mount}
mounts: [{path: /data}, {path: "/a\u202eb", at: ~/c, mode: rw}]
egress:
  default: allow
  upstream_ca: [/ca.pem]
  upstream_proxy: {url: "http://proxy.corp:3128", user: me, password: p}
  routes:
    - {host: api.example.com, ports: [443, 8443], methods: [GET, POST], paths: ["/v1/**"], secrets: [s]}
    - {host: "*.example.org", tls: passthrough, action: ask}
    - {host: local.test, private: true, upstream: "127.0.0.1:5000", secrets: [s]}
    - {host: bad.test, action: deny}
dlp:
  action: warn
  rules: {jwt: warn, github-token: off, aws-key: block}
  allow: [{rule: github-token, host: "*.slack.com"}, {rule: jwt, host: a.com}]
  known: [/home/me/.netrc]
secrets:
  s: {from: {command: [gh, "auth token", --x]}}
  p: {from: {file: /f}}
  unused: {from: {env: U}}
`)
	s := p.mustLoad().Summary()
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"reach", s.Reach, []string{
			"api.example.com port 443, 8443 GET, POST /v1/**: allowed, with s",
			"*.example.org: you are asked while the request waits, not looked into",
			"local.test: allowed, private addresses too, at 127.0.0.1:5000, with s",
			"bad.test: denied",
			"everything else: allowed",
			"public hosts are reached through http://proxy.corp:3128"}},
		{"mounts", s.Mounts, []string{"/work: the folder itself, writable", "/data: read-only", `/a\u202eb at ~/c: writable`}},
		{"secrets", s.Secrets, []string{"p (from /f): may go to proxy.corp:3128 (the upstream proxy)", "s (from the command gh): may go to api.example.com, local.test"}},
		{"scan", s.Scan, []string{"/home/me/.netrc is read: its secrets must not leave"}},
		{"commands", s.Commands, []string{"gh 'auth token' --x"}},
		{"cautions", s.Cautions, []string{
			"workspace.mode is mount: what the agent writes is in your folder at once, where your own tools may run it; what it commits stays in a .git of its own, and \"bottle pull\" fetches that",
			"egress.default is allow: whatever no route denies can be reached",
			"dlp.action is warn: what looks secret may leave",
			"dlp.rules has off for github-token: what it finds may leave",
			"dlp.allow: what the rule github-token finds may go to *.slack.com",
			"dlp.allow: what the rule jwt finds may go to a.com",
			"*.example.org is passthrough (bottle.yaml:10): nothing that goes there is scanned",
			"upstreams are also believed by the roots in /ca.pem"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", c.what, strings.Join(c.got, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}

func TestExplain(t *testing.T) {
	m := loadText(t, "version: 1\negress:\n  routes:\n    - {host: \"*.example.com\"}\n    - {host: api.example.com, methods: [PUT], action: deny}\n    - {host: \"2001:db8::1\", ports: [8443], secrets: [s], private: true}\nsecrets: {s: {from: {env: S}}}\n")
	e, err := m.Explain("", "API.example.com")
	if err != nil || e.URL != "https://api.example.com/" || e.Method != http.MethodGet || e.Rule != "route bottle.yaml:4" || e.TLS != "intercept" ||
		len(e.Losers) != 1 || e.Losers[0] != (LosingRoute{Source: "bottle.yaml:5", Host: "api.example.com", Action: "deny", Why: "another method: PUT"}) {
		t.Errorf("got %+v, %v", e, err)
	}
	e, err = m.Explain("put", "https://api.example.com/x?y#z")
	if err != nil || e.Verdict != "deny" || e.Source != "bottle.yaml:5" || !strings.Contains(e.Reason, "denies PUT https://api.example.com/x") || e.TLS != "" {
		t.Errorf("got %+v, %v", e, err)
	}
	e, err = m.Explain("GET", "[2001:db8::1]:8443/a")
	if err != nil || e.URL != "https://[2001:db8::1]:8443/a" || !e.Private || !slices.Equal(e.Secrets, []string{"s"}) {
		t.Errorf("got %+v, %v", e, err)
	}
	e, err = m.Explain("GET", "nowhere.test")
	if err != nil || e.Verdict != "deny" || e.Rule != "default" || e.Source != "" {
		t.Errorf("got %+v, %v", e, err)
	}
	for _, bad := range []struct{ method, url, text string }{
		{"GET", "ftp://a.com", "scheme"}, {"GET", "", "host"}, {"GET", "https://0x7f.1/", "usual form"}, {"GET", "a.com:0", "not a port"},
		{"GET", "u:hunter2@a.com", "login"}, {"G T", "a.com", "method"}, {"GET", "https://a.com/%zz", "not a URL"},
	} {
		if e, err := m.Explain(bad.method, bad.url); err == nil || !strings.Contains(err.Error(), bad.text) {
			t.Errorf("%s %s: got %+v, %v, want an error with %q", bad.method, bad.url, e, err, bad.text)
		}
	}
}
