package gitgate_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
)

// need returns the path of a program, or skips the test.
func need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if _, err = os.Stat("/usr/sbin/" + program); err == nil {
			return "/usr/sbin/" + program
		}
	}
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed", program)
	default:
		t.Skipf("%s is not installed", program)
	}
	return ""
}

// journal keeps what is recorded.
type journal struct {
	mu     sync.Mutex
	events []proxy.Event
	fail   error
}

func (j *journal) Record(_ context.Context, e *proxy.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	j.events = append(j.events, *e)
	return nil
}

func (j *journal) all() []proxy.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]proxy.Event(nil), j.events...)
}

// token is the credential of the origins.
const token = "origin-" + "token-7Kq2"

// origin is a git server: `git http-backend` behind TLS, for the repositories below
// a folder. It wants a credential.
type origin struct {
	*httptest.Server
	root string
	// bearer wants the credential as "Authorization: Bearer", not as Basic.
	bearer atomic.Bool

	mu   sync.Mutex
	seen []string // method, path and Git-Protocol of each request
}

func newOrigin(t testing.TB, root string) *origin {
	t.Helper()
	o := unstartedOrigin(t, root)
	o.StartTLS()
	return o
}

// unstartedOrigin is one that can still be told to speak HTTP/2.
func unstartedOrigin(t testing.TB, root string) *origin {
	t.Helper()
	git := need(t, "git")
	path, err := exec.Command(git, "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{root: root}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"), Env: []string{
		"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=agent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}, InheritEnv: []string{"PATH"}}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.seen = append(o.seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Git-Protocol"))
		o.mu.Unlock()
		isStore := strings.HasPrefix(r.URL.Path, "/lfs-store/") // which wants a header of its own
		if !o.admits(r) && !isStore {
			w.Header().Set("WWW-Authenticate", `Basic realm="origin"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		if o.serveLFS(w, r) {
			return
		}
		h := *backend
		r.TransferEncoding = nil // package cgi refuses chunks, which the program can take
		h.Env = append(append([]string(nil), backend.Env...), "GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

// admits checks the credential.
func (o *origin) admits(r *http.Request) bool {
	if o.bearer.Load() {
		return r.Header.Get("Authorization") == "Bearer "+token
	}
	_, password, _ := r.BasicAuth()
	return password == token
}

// requests are those that came.
func (o *origin) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.seen...)
}

func (o *origin) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(o.Certificate())
	return pool
}

func (o *origin) url() *url.URL {
	u, err := url.Parse(o.URL)
	if err != nil {
		panic(err)
	}
	return u
}

func value(s string) gitgate.Value {
	return func(context.Context) (string, error) { return s, nil }
}

// newServer makes a proxy server with a gate.
func newServer(t testing.TB, cfg proxy.Config, j *journal, hosts ...gitgate.Host) *proxy.Server {
	t.Helper()
	gate, err := gitgate.New(gitgate.Options{Hosts: hosts, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Gate = gate
	return newServerOf(t, cfg, j)
}

func newServerOf(t testing.TB, cfg proxy.Config, j *journal) *proxy.Server {
	t.Helper()
	s, _ := newServerAndCA(t, cfg, j)
	return s
}

func newServerAndCA(t testing.TB, cfg proxy.Config, j *journal) (*proxy.Server, *mitm.Authority) {
	t.Helper()
	var err error
	if cfg.Policy == nil {
		if cfg.Policy, err = proxy.NewPolicy(proxy.Deny, nil); err != nil {
			t.Fatal(err)
		}
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxy.New(t.Context(), cfg, proxy.Options{Leaves: leaves, Recorder: j})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, ca
}

// newFront serves a gate on a loopback port and returns its base URL.
func newFront(t testing.TB, s *proxy.Server) string {
	t.Helper()
	front := &gitgate.Front{Server: s, Session: "test", Prefix: gitgate.NewPrefix()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := front.HTTPServer()
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + l.Addr().String() + "/" + front.Prefix
}

// sshServer is a real sshd, for this user.
type sshServer struct {
	url        *url.URL
	key        string // file of the client's private key
	knownHosts string
}

func newSSHServer(t testing.TB, root string, acceptProtocol bool) *sshServer {
	t.Helper()
	sshd := need(t, "sshd")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &sshServer{key: filepath.Join(dir, "id"), knownHosts: filepath.Join(dir, "known_hosts")}
	hostKey := writeKey(t, filepath.Join(dir, "host"))
	clientKey := writeKey(t, s.key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	host, port, _ := net.SplitHostPort(addr)
	accept := ""
	if acceptProtocol {
		accept = "AcceptEnv GIT_PROTOCOL\n"
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("known_hosts", "["+host+"]:"+port+" "+string(ssh.MarshalAuthorizedKey(hostKey)))
	keys := write("authorized_keys", string(ssh.MarshalAuthorizedKey(clientKey)))
	// A login shell reads its owner's start-up files before each service, and
	// those may print much: these do, whoever runs the test.
	write(".bashrc", "echo "+strings.Repeat("noise ", pktline.MaxReason)+">&2\n")
	config := write("sshd_config", "SetEnv HOME="+dir+"\nListenAddress "+addr+"\nHostKey "+filepath.Join(dir, "host")+"\nAuthorizedKeysFile "+keys+
		"\nPidFile none\nUsePAM no\nPasswordAuthentication no\nStrictModes no\nPermitRootLogin yes\nLogLevel ERROR\n"+accept)
	if os.Geteuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // which the package makes at boot
	}
	log := write("log", "")
	cmd := exec.Command(sshd, "-D", "-f", config, "-E", log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for try := 0; ; try++ {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			_ = c.Close()
			break
		}
		if try == 200 {
			text, _ := os.ReadFile(log)
			t.Fatalf("sshd does not listen: %s", text)
		}
		time.Sleep(25 * time.Millisecond) // it says nowhere that it listens
	}
	user := os.Getenv("USER")
	if out, err := exec.Command("id", "-un").Output(); err == nil {
		user = strings.TrimSpace(string(out))
	}
	s.url = &url.URL{Scheme: "ssh", Host: addr, User: url.User(user), Path: root}
	return s
}

func writeKey(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
