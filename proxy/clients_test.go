package proxy

import (
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"archive/tar"
	"bytes"
	"compress/gzip"
)

// need finds a program. Without it the test is skipped with a word about what
// is missing, but never where CI=true.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", program)
	}
	t.Skipf("%s is not installed: this client is not tested", program)
	return ""
}

// clientRig is a rig with a file that holds the bottle's CA, and what a client
// finds in its environment.
type clientRig struct {
	*rig
	dir, ca string
	up      *upstreamLog
}

func newClientRig(t *testing.T, answer http.HandlerFunc) *clientRig {
	t.Helper()
	c := &clientRig{dir: t.TempDir(), up: &upstreamLog{answer: answer}}
	var leaves []byte
	c.rig = newRig(t, c.up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}}, withPasswords,
		func(_ *rig, o *Options, _ *ListenOptions) {
			leaves = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Leaves.Authority().Certificate().Raw})
		})
	c.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	c.ca = filepath.Join(c.dir, "ca.pem")
	if err := os.WriteFile(c.ca, leaves, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// run runs a client in an empty home with the variables that a bottle sets.
func (c *clientRig) run(program string, args ...string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = c.dir
	proxy := "http://bottle:first-password@" + c.addr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy, "HTTP_PROXY=" + proxy, "http_proxy=" + proxy,
		"SSL_CERT_FILE=" + c.ca, "CURL_CA_BUNDLE=" + c.ca, "GIT_SSL_CAINFO=" + c.ca, "NODE_EXTRA_CA_CERTS=" + c.ca, "NODE_USE_ENV_PROXY=1",
		"npm_config_cafile=" + c.ca, "npm_config_update_notifier=false", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1"}
	// pyenv's shims want to know where they live.
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		cmd.Env = append(cmd.Env, "PYENV_ROOT="+root)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// must is run for what has to succeed.
func (c *clientRig) must(program string, args ...string) string {
	c.t.Helper()
	out, err := c.run(program, args...)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return out
}

// tell answers with what the upstream got.
func tell(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s key=%s", r.Method, r.RequestURI, r.Header.Get("X-Api-Key"))
}

func TestCurl(t *testing.T) {
	curl := need(t, "curl")
	c := newClientRig(t, tell)
	out := c.must(curl, "-sS", "--http1.1", "-H", "X-Api-Key: "+testPlaceholder, "https://example.com/a?b=c")
	if out != "GET /a?b=c key="+testPlaceholder {
		t.Errorf("got %q", out)
	}
	if got := c.up.take(); len(got) != 1 || got[0].header.Get("X-Api-Key") != testValue {
		t.Errorf("upstream got %+v", got)
	}
	out = c.must(curl, "-sS", "-d", "key="+githubToken, "-w", "%{http_code}", "https://example.com/leak")
	if !strings.Contains(out, "dlp:github-token") || !strings.HasSuffix(out, "400") {
		t.Errorf("a leak: %q", out)
	}
	out, err := c.run(curl, "-sS", "https://denied.example/")
	if err == nil || !strings.Contains(out, "403") {
		t.Errorf("a denied host: %q %v", out, err)
	}
	big := filepath.Join(c.dir, "big")
	if err := os.WriteFile(big, bytes.Repeat([]byte("some text "), 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	c.up.take()
	c.must(curl, "-sS", "--http1.1", "-T", big, "https://example.com/put") // with Expect: 100-continue
	if got := c.up.take(); len(got) != 1 || len(got[0].body) != 20<<20 || got[0].method != "PUT" {
		t.Errorf("upload: %d requests", len(got))
	}
}

func TestPython(t *testing.T) {
	python := need(t, "python3")
	c := newClientRig(t, tell)
	script := func(body string) string {
		return "import urllib.request, urllib.error\n" + body
	}
	out := c.must(python, "-c", script(`
r = urllib.request.Request("https://example.com/py", headers={"X-Api-Key": "`+testPlaceholder+`"})
print(urllib.request.urlopen(r).read().decode())`))
	if strings.TrimSpace(out) != "GET /py key="+testPlaceholder {
		t.Errorf("got %q", out)
	}
	if got := c.up.take(); len(got) != 1 || got[0].header.Get("X-Api-Key") != testValue {
		t.Errorf("upstream got %+v", got)
	}
	out = c.must(python, "-c", script(`
try:
    urllib.request.urlopen("https://denied.example/")
except urllib.error.URLError as e:
    print(e)`))
	if !strings.Contains(out, "no route allows denied.example:443") {
		t.Errorf("the reason of a refused CONNECT is not shown: %q", out)
	}
	// An early answer on a 60 MB upload: a reset reached Python in its place.
	c.reroute(Route{Host: "example.com", Methods: []string{"GET"}})
	out = c.must(python, "-c", script(`
try:
    urllib.request.urlopen(urllib.request.Request("https://example.com/", data=b"x" * (60 << 20), method="POST"))
except urllib.error.HTTPError as e:
    print(e.code, e.read().decode())`))
	if !strings.HasPrefix(out, "403 {") {
		t.Errorf("an early answer: %q", out)
	}
}

func TestNode(t *testing.T) {
	node := need(t, "node")
	c := newClientRig(t, tell)
	// CONNECT by hand, as the proxy agents of npm packages do it.
	byHand := `
const http = require("http"), https = require("https"), tls = require("tls");
const p = new URL(process.env.HTTPS_PROXY);
const auth = "Basic " + Buffer.from(p.username + ":" + p.password).toString("base64");
const ask = (host, path, done) => http.request({host: p.hostname, port: p.port, method: "CONNECT", path: host + ":443", headers: {"Proxy-Authorization": auth}})
  .on("connect", (res, socket) => {
    if (res.statusCode !== 200) { done(res.statusCode + " " + res.statusMessage); socket.destroy(); return; }
    const s = tls.connect({socket, servername: host, ca: require("fs").readFileSync(process.env.NODE_EXTRA_CA_CERTS)});
    https.get({createConnection: () => s, host, port: 443, path, headers: {"x-api-key": "` + testPlaceholder + `"}}, r => {
      let b = ""; r.on("data", d => b += d).on("end", () => { s.destroy(); done(b); });
    });
  }).end();
ask("example.com", "/node", a => ask("denied.example", "/", b => console.log(a + "\n" + b)));`
	out := c.must(node, "-e", byHand)
	if !strings.HasPrefix(out, "GET /node key="+testPlaceholder+"\n403 no route allows denied.example:443") {
		t.Errorf("got %q", out)
	}
	if got := c.up.take(); len(got) != 1 || got[0].header.Get("X-Api-Key") != testValue {
		t.Errorf("upstream got %+v", got)
	}
	// fetch knows the proxy from 22.21 and 24.5 on; before, it goes out directly
	// and the way by hand is the only one.
	version := c.must(node, "-p", "const [a, b] = process.versions.node.split('.').map(Number); a > 24 || a === 24 && b >= 5 || a === 22 && b >= 21")
	if strings.TrimSpace(version) != "true" {
		return
	}
	out = c.must(node, "-e", `fetch("https://example.com/fetch", {headers: {"x-api-key": "`+testPlaceholder+`"}}).then(r => r.text()).then(console.log)`)
	if strings.TrimSpace(out) != "GET /fetch key="+testPlaceholder {
		t.Errorf("fetch got %q", out)
	}
}

func TestGit(t *testing.T) {
	git := need(t, "git")
	c := newClientRig(t, nil)
	repo := filepath.Join(c.dir, "served", "repo.git")
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", "work"},
		{"-C", "work", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "one"},
		{"clone", "-q", "--bare", "work", repo},
	} {
		c.must(git, args...)
	}
	head := strings.TrimSpace(c.must(git, "-C", "work", "rev-parse", "HEAD"))
	backend := filepath.Join(strings.TrimSpace(c.must(git, "--exec-path")), "git-http-backend")
	var auth atomic.Value
	auth.Store("")
	serve := &cgi.Handler{Path: backend, Dir: c.dir, Env: []string{"GIT_PROJECT_ROOT=" + filepath.Join(c.dir, "served"), "GIT_HTTP_EXPORT_ALL=1", "HOME=" + c.dir}}
	serveGit := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth.Store(r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	})
	c.up.mu.Lock()
	c.up.instead = serveGit
	c.up.mu.Unlock()
	url := "https://git:" + testPlaceholder + "@example.com/repo.git"
	if out := c.must(git, "ls-remote", url); !strings.Contains(out, head+"\tHEAD") || !strings.Contains(out, head+"\trefs/heads/main") {
		t.Errorf("ls-remote: %q", out)
	}
	if got := auth.Load(); got != basic("git", testValue) {
		t.Errorf("the upstream was given %q", got)
	}
	c.must(git, "clone", "-q", url, "copy")
	if got := strings.TrimSpace(c.must(git, "-C", "copy", "rev-parse", "HEAD")); got != head {
		t.Errorf("cloned %s, want %s", got, head)
	}
	if out, err := c.run(git, "ls-remote", "https://denied.example/x.git"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("a denied host: %q %v", out, err)
	}
}

func TestNpm(t *testing.T) {
	npm := need(t, "npm")
	tarball := npmTarball(t)
	sha, sha512sum := sha1.Sum(tarball), sha512.Sum512(tarball)
	c := newClientRig(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/left-padder":
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{
				"name": "left-padder", "dist-tags": map[string]string{"latest": "1.2.3"},
				"versions": map[string]any{"1.2.3": map[string]any{"name": "left-padder", "version": "1.2.3", "dist": map[string]string{
					"tarball": "https://example.com/left-padder/-/left-padder-1.2.3.tgz", "shasum": fmt.Sprintf("%x", sha),
					"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sha512sum[:])}}},
			})
		case "/left-padder/-/left-padder-1.2.3.tgz":
			_, _ = w.Write(tarball)
		default:
			http.NotFound(w, r)
		}
	})
	if err := os.WriteFile(filepath.Join(c.dir, ".npmrc"), []byte("registry=https://example.com/\n//example.com/:_authToken="+testPlaceholder+"\nfetch-retries=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := c.must(npm, "view", "left-padder", "version"); strings.TrimSpace(out) != "1.2.3" {
		t.Errorf("view: %q", out)
	}
	if got := c.up.take(); len(got) == 0 || got[0].header.Get("Authorization") != "Bearer "+testValue {
		t.Errorf("upstream got %+v", got)
	}
	c.must(npm, "pack", "--silent", "left-padder")
	if b, err := os.ReadFile(filepath.Join(c.dir, "left-padder-1.2.3.tgz")); err != nil || !bytes.Equal(b, tarball) {
		t.Errorf("pack: %d bytes, %v", len(b), err)
	}
	out, err := c.run(npm, "view", "--registry=https://denied.example/", "left-padder")
	if err == nil || !strings.Contains(out, "403") && !strings.Contains(out, "no route allows") {
		t.Errorf("a denied registry: %q %v", out, err)
	}
}

func npmTarball(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	manifest := `{"name":"left-padder","version":"1.2.3"}`
	if err := w.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(manifest))}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, manifest)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
