package mitm

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientEnv(t *testing.T) {
	env := ClientEnv("/etc/bottle/all.pem", "/etc/bottle/added.pem")
	if env["NODE_EXTRA_CA_CERTS"] != "/etc/bottle/added.pem" {
		t.Errorf("Node adds %q", env["NODE_EXTRA_CA_CERTS"])
	}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "PIP_CERT",
		"AWS_CA_BUNDLE", "npm_config_cafile", "BUNDLE_SSL_CA_CERT", "DENO_CERT", "CODEX_CA_CERTIFICATE"} {
		if env[name] != "/etc/bottle/all.pem" {
			t.Errorf("%s is %q", name, env[name])
		}
	}
	if env["NODE_USE_ENV_PROXY"] != "1" || env["UV_NATIVE_TLS"] != "1" {
		t.Error("a switch is missing")
	}
	if len(env) != 14 {
		t.Errorf("%d variables", len(env))
	}
}

// TestRealClientsTrustTheBundle has clients of this machine fetch a page that
// only the bundle makes trustworthy.
func TestRealClientsTrustTheBundle(t *testing.T) {
	ca := mustAuthority(t, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := mustMinter(t, ca, MinterOptions{}).TLSConfig(func(*tls.ClientHelloInfo) (string, error) { return "localhost", nil })
	config.NextProtos = []string{"http/1.1"}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "trusted") })}
	done := make(chan error, 1)
	go func() { done <- server.Serve(tls.NewListener(l, config)) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	roots, err := Bundle(BundleOptions{CA: ca.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all, added := filepath.Join(dir, "all.pem"), filepath.Join(dir, "added.pem")
	for path, data := range map[string][]byte{all: roots.All, added: roots.Added} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	trusting := plain
	for name, value := range ClientEnv(all, added) {
		trusting = append(trusting, name+"="+value)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	url := "https://localhost:" + port + "/"
	clients := []struct {
		name string
		args []string
	}{
		{"curl", []string{"-sS4", "--max-time", "20", url}},
		{"python3", []string{"-c", "import urllib.request,sys; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())", url}},
		{"node", []string{"-e", "fetch(process.argv[1]).then(r=>r.text()).then(console.log,e=>{console.error(e.cause||e);process.exit(1)})", url}},
	}
	ran := 0
	for _, client := range clients {
		path, err := exec.LookPath(client.name)
		if err != nil {
			t.Logf("%s is missing here", client.name)
			continue
		}
		ran++
		run := func(env []string) (string, error) {
			cmd := exec.Command(path, client.args...)
			cmd.Env = env
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := run(plain); err == nil {
			t.Errorf("%s trusts the server without the bundle: %s", client.name, out)
		}
		if out, err := run(trusting); err != nil || strings.TrimSpace(out) != "trusted" {
			t.Errorf("%s does not trust the bundle: %v: %s", client.name, err, out)
		}
	}
	if ran == 0 {
		missing(t, "curl, python3 or node")
	}
}
