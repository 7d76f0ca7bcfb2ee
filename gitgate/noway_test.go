package gitgate_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

// egress is a proxy with a gate, and a client of it that trusts its certificates.
type egress struct {
	*origin
	journal *journal
	proxy   *url.URL
	ca      string // file
	roots   *x509.CertPool
}

func newEgress(t *testing.T, routes ...proxy.Route) *egress {
	t.Helper()
	root := t.TempDir()
	e := &egress{origin: newOrigin(t, root), journal: &journal{}}
	policy, err := proxy.NewPolicy(proxy.Deny, routes)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := gitgate.New(gitgate.Options{TempDir: root, Hosts: []gitgate.Host{{Name: "forge.test", URL: e.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}}})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxy.New(t.Context(), proxy.Config{Policy: policy, RootCAs: e.origin.roots(), Gate: gate}, proxy.Options{Leaves: leaves, Recorder: e.journal})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l, proxy.ListenOptions{Session: "test"}) }()
	t.Cleanup(func() { _ = s.Close() })
	e.proxy = &url.URL{Scheme: "http", Host: l.Addr().String()}
	e.ca = filepath.Join(t.TempDir(), "ca.pem")
	bundle, err := mitm.Bundle(mitm.BundleOptions{CA: ca.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(e.ca, bundle.All, 0o600); err != nil {
		t.Fatal(err)
	}
	e.roots = x509.NewCertPool()
	e.roots.AddCert(ca.Certificate())
	return e
}

// git runs git without any configuration, behind the proxy.
func (e *egress) git(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = e.root
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"HTTPS_PROXY=" + e.proxy.String(), "HTTP_PROXY=" + e.proxy.String(), "http_proxy=" + e.proxy.String(), "GIT_SSL_CAINFO=" + e.ca,
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (e *egress) mustGit(t *testing.T, args ...string) string {
	t.Helper()
	out, err := e.git(t, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// passed reports what reached the origin since it was last asked.
func (e *egress) passed() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() { e.seen = nil }()
	return e.seen
}

// TestGitTakesNoOtherWay drives a git that knows nothing of a gate through the
// proxy: the repository, the credential and the rules are the gate's.
func TestGitTakesNoOtherWay(t *testing.T) {
	need(t, "git")
	for name, routes := range map[string][]proxy.Route{
		"no route":                        nil,
		"a route that allows the host":    {{Host: "forge.test", Private: true}},
		"one that passes its TLS through": {{Host: "forge.test", Private: true, TLS: proxy.Passthrough}},
		"one that carries it raw":         {{Host: "forge.test", Private: true, TLS: proxy.Raw, Ports: []int{80, 443}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEgress(t, routes...)
			for _, repo := range []string{"read", "other"} {
				e.mustGit(t, "init", "-q", "--bare", "org/"+repo+".git")
			}
			for _, from := range []string{"https://forge.test/org/read", "http://forge.test/org/read.git", "https://agent@FORGE.test/org/read"} {
				dir := filepath.Join(t.TempDir(), "clone")
				e.mustGit(t, "clone", "-q", from, dir)
			}
			if got := e.passed(); len(got) == 0 {
				t.Fatal("nothing reached the origin")
			}
			dir := filepath.Join(t.TempDir(), "work")
			e.mustGit(t, "clone", "-q", "https://forge.test/org/read", dir)
			e.mustGit(t, "-C", dir, "commit", "-q", "--allow-empty", "-m", "one")
			e.passed()
			for url, want := range map[string]string{
				"https://forge.test/org/read":  "can be read and not pushed to",
				"https://forge.test/org/other": "not one of those that were given",
				"http://forge.test/org/other":  "not one of those that were given",
			} {
				out, err := e.git(t, "-C", dir, "push", url, "HEAD:refs/heads/x")
				if err == nil || !strings.Contains(out, want) {
					t.Errorf("push to %s: %v, %s", url, err, out)
				}
			}
			if got := e.passed(); len(got) != 0 {
				t.Errorf("reached the origin: %q", got)
			}
		})
	}
}

// TestGitInDisguise sends what a server may take for git's in other spellings. An
// answer of the origin would show that one got past the gate.
func TestGitInDisguise(t *testing.T) {
	need(t, "git")
	e := newEgress(t, proxy.Route{Host: "forge.test", Private: true})
	e.Close()
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(e.proxy), TLSClientConfig: &tls.Config{RootCAs: e.roots}}}
	for _, c := range []struct{ method, path, contentType string }{
		{"POST", "/org/other.git/git-receive-pack", "application/x-git-receive-pack-request"},
		{"POST", "/org/other.git/git-receive-pack", ""},
		{"POST", "/org/other.git/%67it-receive-pack", ""},
		{"POST", "/org/other.git/%2567it-receive-pack", ""},
		{"POST", "/org/other.git//git-receive-pack", ""},
		{"POST", "/org/other.git/git-receive-pack/", ""},
		{"POST", "/org/other.git/./git-receive-pack", ""},
		{"POST", "/org/other.git/x/../git-receive-pack", ""},
		{"POST", "/org/other.git%2fgit-receive-pack", ""},
		{"POST", "/org/other.git%5cgit-receive-pack", ""},
		{"POST", "/org/other.git/GIT-RECEIVE-PACK", ""},
		{"POST", "/org/other.git/git-receive-pack;x", ""},
		{"POST", "/org/other.git/git-upload-pack", ""},
		{"POST", "/org/other.git/git-upload-archive", ""},
		{"POST", "/something", "application/x-git-receive-pack-request"},
		{"GET", "/org/other.git/info/refs?service=git-receive-pack", ""},
		{"GET", "/org/other.git/info/refs?service=git%2Dreceive-pack", ""},
		{"GET", "/x?y=%zz&service=git%2Dreceive-pack", ""},
		{"POST", "/org/other.git/%25zz/%2567it-receive-pack", ""},
		{"GET", "/org/other.git/info//refs", ""},
		{"GET", "/org/other.git/info%2frefs", ""},
		{"GET", "/x?service=git-receive-pack", ""},
		{"POST", "/org/other.git/info/lfs/objects/batch", ""},
		{"GET", "/org/other.git/info/lfs/locks", ""},
		{"POST", "/org/other.git/info/LFS/objects/batch", ""},
		{"POST", "/org/read.git/git-upload-pack?x=y", "application/x-git-upload-pack-request"},
		{"POST", "/org/read.git/git-receive-pack", "application/x-git-receive-pack-request"},
		{"GET", "/org/read.git/git-upload-pack", "application/x-git-upload-pack-request"},
		{"GET", "/org/read.git/info/refs?service=git-upload-archive", ""},
		{"GET", "/org/read.git/info/refs?service=git-upload-pack&service=git-receive-pack", ""},
	} {
		req, err := http.NewRequest(c.method, "https://forge.test"+c.path, strings.NewReader("0000"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.contentType)
		resp, err := client.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		// The origin is gone: what went to it is answered by 502.
		if resp.StatusCode < 400 || resp.StatusCode >= 500 || !strings.HasPrefix(string(body), "bottle: ") {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body)
		}
	}
	// A page that only has such a name is the route's.
	req, err := http.NewRequest(http.MethodGet, "https://forge.test/git/git/blob/git-receive-pack.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("a page: %d", resp.StatusCode)
	}
}
