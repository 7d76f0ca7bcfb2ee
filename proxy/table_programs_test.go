package proxy

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// programs are real clients. What each prints, and what the upstream got of it,
// has to be the same with a proxy that looks in as with one that only splices.
var programs = []struct {
	name  string
	drive func(w *way)
	want  []string // stands in the transcript of the one that splices
}{
	{"curl", driveCurl, []string{"200 1.1", "200 2\n", "206 2\n", "HEAD example.com /head", "whole true", "404 1.1"}},
	{"h2load", driveH2load, []string{"400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout", "800 requests"}},
	{"Python's urllib", func(w *way) { w.python("python3", urllibScript) }, []string{"200 b'hello'", "404"}},
	{"Python's requests", func(w *way) { w.python(pythonWith(w.t, "requests"), requestsScript) }, []string{"200 hello", "404", "HTTP/1.1, length -1"}},
	{"Node over HTTP/1.1", func(w *way) { w.run(need(w.t, "node"), "-e", nodeScript) }, []string{"200 hello"}},
	{"Node over HTTP/2", func(w *way) { w.run(need(w.t, "node"), "-e", nodeHTTP2Script) }, []string{"200 hello"}},
	{"Python's websocket-client", func(w *way) { w.python(pythonWith(w.t, "websocket"), pythonSocketScript) }, []string{"echo\nhello\n512000\n(10, b'are you there')\nin pieces\n", "websocket: close 4001: enough"}},
	{"Node's ws", driveNodeSocket, []string{"true 500000", "false 70000", "pong are you there\nclosed 4001 ", "websocket: close 4001: enough"}},
	{"Chromium", driveChromium, []string{"open echo\nhello\n300000\nclosed 4001 ", "404 404 page not found", "websocket: close 4001: enough"}},
	{"Node's fetch", func(w *way) { w.run(need(w.t, "node"), "-e", fetchScript) }, []string{"200 hello", "404"}},
}

func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			up := func(w *way) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
					if q.URL.Path == "/load" {
						w.count()
						io.WriteString(rw, "hello")
						return
					}
					if q.URL.Path == "/socket" {
						w.echoSocket(rw, q)
						return
					}
					if strings.HasPrefix(q.URL.Path, "/browser/") {
						w.serveBrowser(rw, q)
						return
					}
					w.request(q)
					rw.Header()["Set-Cookie"] = []string{"a=1; Path=/", "b=2; Path=/"}
					switch q.URL.Path {
					case "/range":
						http.ServeContent(rw, q, "f", time.Unix(1e9, 0), strings.NewReader("0123456789"))
					case "/gzip":
						rw.Header().Set("Content-Encoding", "gzip")
						_, _ = rw.Write(compress(w.t, "gzip", "hello"))
					case "/stream":
						for range 5 {
							io.WriteString(rw, "a line\n")
							rw.(http.Flusher).Flush()
						}
					case "/404":
						http.NotFound(rw, q)
					default:
						io.WriteString(rw, "hello")
					}
				})
			}
			r := row{up: up, drive: p.drive}
			spliced, proxied := r.transcript(t, false), r.transcript(t, true)
			for _, want := range p.want {
				if !strings.Contains(spliced, want) {
					t.Errorf("without the proxy there is no %q in\n%s", want, spliced)
				}
			}
			if proxied != spliced {
				t.Errorf("%s\nwith the proxy:\n%s\nwithout:\n%s", firstDifference(proxied, spliced), proxied, spliced)
			}
		})
	}
}

// count keeps one line with the number of requests that came so far.
func (w *way) count() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded++
	w.server = []string{fmt.Sprint(w.loaded, " requests")}
}

// proxyAddr is where the program finds a proxy: the one that is tested, or one
// that splices.
func (w *way) proxyAddr() string {
	if w.proxied {
		return w.rig.addr
	}
	return w.listen(func(c net.Conn) {
		br := bufio.NewReader(c)
		if q, err := http.ReadRequest(br); err != nil || q.Method != http.MethodConnect {
			return
		}
		io.WriteString(c, connectEstablished)
		w.splice(c, br)
	})
}

// listen serves connections until the test ends.
func (w *way) listen(serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// splice connects c to the upstream, through a tunnel or not.
func (w *way) splice(c net.Conn, from io.Reader) {
	up := w.conn()
	defer up.Close()
	go func() {
		_, _ = io.Copy(up, from)
		_ = closeWrite(up)
	}()
	_, _ = io.Copy(c, up)
}

// bundle writes the CA that the program is to believe.
func (w *way) bundle() string {
	cert := w.rig.upstream.Certificate()
	if w.proxied {
		cert = w.rig.ca
	}
	path := filepath.Join(w.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// run runs a program with the variables of a bottle and notes what it prints.
func (w *way) run(program string, args ...string) { w.saw("%s", w.output(program, args...)) }

func (w *way) output(program string, args ...string) string {
	w.t.Helper()
	if w.proxy == "" {
		w.proxy, w.ca = "http://"+w.proxyAddr(), w.bundle()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = w.t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "HTTPS_PROXY=" + w.proxy, "https_proxy=" + w.proxy,
		"SSL_CERT_FILE=" + w.ca, "CURL_CA_BUNDLE=" + w.ca, "REQUESTS_CA_BUNDLE=" + w.ca, "NODE_EXTRA_CA_CERTS=" + w.ca, "NODE_USE_ENV_PROXY=1"}
	if root := os.Getenv("PYENV_ROOT"); root != "" {
		cmd.Env = append(cmd.Env, "PYENV_ROOT="+root)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s\n%v", out, err)
	}
	return string(out)
}

func driveCurl(w *way) {
	curl := need(w.t, "curl")
	large := filepath.Join(w.t.TempDir(), "large")
	if err := os.WriteFile(large, []byte(someText(2<<20)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for _, version := range []string{"--http1.1", "--http2", "--http1.0"} {
		for _, args := range [][]string{
			{"https://example.com/a?b=c"},
			{"-I", "https://example.com/head"},
			{"-d", "x=1", "https://example.com/post"},
			{"--data-binary", "@" + large, "-H", "Expect: 100-continue", "https://example.com/large"},
			{"-T", large, "https://example.com/put"},
			{"-T", large, "-H", "Transfer-Encoding: chunked", "https://example.com/chunked"},
			{"--compressed", "https://example.com/gzip"},
			{"-r", "2-4", "https://example.com/range"},
			{"-N", "https://example.com/stream"},
			{"https://example.com/404"},
			{"https://example.com/one", "https://example.com/two"}, // on one connection
		} {
			if version == "--http1.0" && strings.Contains(strings.Join(args, " "), "/chunked") {
				continue // it has no chunks
			}
			out := w.output(curl, append([]string{"-sS", version, "-D", "-", "-w", "\n%{http_code} %{http_version}\n"}, args...)...)
			w.saw("%s", sortHeads(unimportant.ReplaceAllString(out, "")))
		}
	}
}

// unimportant are lines of heads: the answer to CONNECT, what RFC 9110 leaves to
// each connection, dates.
var unimportant = regexp.MustCompile(`(?mi)^(HTTP/1.1 200 Connection established\r\n\r\n|(date|connection|transfer-encoding|accept-ranges|last-modified|vary|x-content-type-options): .*\r\n)`)

// sortHeads sorts the fields of each head by name: their order is net/http's.
func sortHeads(out string) string {
	lines, from := strings.SplitAfter(out, "\n"), -1
	for i, line := range lines {
		switch isField := fieldLine.MatchString(line); {
		case isField && from < 0:
			from = i
		case !isField && from >= 0:
			slices.SortStableFunc(lines[from:i], func(a, b string) int {
				name, _, _ := strings.Cut(a, ":")
				other, _, _ := strings.Cut(b, ":")
				return strings.Compare(name, other)
			})
			from = -1
		}
	}
	return strings.Join(lines, "")
}

var fieldLine = regexp.MustCompile(`^[A-Za-z-]+: .*\r\n$`)

func driveH2load(w *way) {
	h2load := need(w.t, "h2load")
	// It knows no proxies, so its connections are made into tunnels on the way.
	addr := w.listen(func(c net.Conn) { w.splice(c, c) })
	for _, args := range [][]string{{"-c4", "-m25"}, {"-c8", "--h1"}} {
		out := w.output(h2load, append(args, "-n400", "-t1", "--connect-to="+addr, "https://example.com/load")...)
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "requests:") || strings.HasPrefix(line, "status codes:") || strings.HasPrefix(line, "Application protocol:") {
				w.saw("%s", strings.TrimSpace(line))
			}
		}
	}
}

// pythonWith finds a Python that has a module.
func pythonWith(t *testing.T, module string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import "+module).Run() == nil {
			return python
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no python3 has the module %s", module)
	}
	t.Skipf("no python3 has the module %s: this client is not tested", module)
	return ""
}

func (w *way) python(python, script string) { w.run(need(w.t, python), "-c", script) }

const urllibScript = `
import urllib.request, urllib.error
def ask(path, **more):
    try:
        r = urllib.request.urlopen(urllib.request.Request("https://example.com" + path, **more))
    except urllib.error.HTTPError as e:
        r = e
    print(r.status, r.read(), sorted(r.headers.get_all("Set-Cookie")))
ask("/a?b=c", headers={"X-Thing": "v"})
ask("/head", method="HEAD")
ask("/post", data=b"x" * 1000000)
ask("/chunked", data=iter([b"some", b"text"]), method="PUT")
ask("/range", headers={"Range": "bytes=2-4"})
ask("/stream")
ask("/404")`

const requestsScript = `
import requests
s = requests.Session()
def ask(method, path, **more):
    r = s.request(method, "https://example.com" + path, **more)
    print(r.status_code, r.text, sorted(r.cookies.items()))
ask("GET", "/a", params={"b": "c|d", "e": "é"})
ask("HEAD", "/head")
ask("POST", "/post", json={"a": [1, 2, "é"]})
ask("POST", "/large", data=b"x" * 1000000)
ask("PUT", "/chunked", data=(b for b in [b"some", b"text"]))
ask("GET", "/gzip")
ask("GET", "/range", headers={"Range": "bytes=2-4"})
ask("GET", "/404")
with s.get("https://example.com/stream", stream=True) as r:
    print(list(r.iter_lines()))`

// nodeTunnel opens a tunnel as the proxy agents of npm packages do.
const nodeTunnel = `
const http = require("http"), https = require("https"), http2 = require("http2"), tls = require("tls"), fs = require("fs");
const p = new URL(process.env.HTTPS_PROXY);
const tunnel = (protocols, then) => http.request({host: p.hostname, port: p.port, method: "CONNECT", path: "example.com:443"})
  .on("connect", (res, socket) => {
    const s = tls.connect({socket, servername: "example.com", ALPNProtocols: protocols, ca: fs.readFileSync(process.env.NODE_EXTRA_CA_CERTS)}, () => then(s));
  }).end();
`

const nodeScript = nodeTunnel + `
tunnel(["http/1.1"], s => {
  const agent = new https.Agent({keepAlive: true, maxSockets: 1});
  agent.createConnection = () => s;
  const ask = (method, path, body, then) => https.request({agent, host: "example.com", method, path, headers: {"x-thing": "v|w"}}, r => {
    let b = "";
    r.on("data", d => b += d).on("end", () => { console.log(r.statusCode, b, r.headers["set-cookie"]); then(); });
  }).end(body);
  ask("GET", "/a|b?c=^", undefined, () => ask("POST", "/post", "x".repeat(1000000), () => ask("GET", "/stream", undefined, () => s.destroy())));
});`

const nodeHTTP2Script = nodeTunnel + `
tunnel(["h2"], s => {
  const session = http2.connect("https://example.com", {createConnection: () => s});
  const ask = (head, body, then) => {
    const r = session.request(head);
    let b = "", h;
    r.on("response", x => h = x).on("data", d => b += d).on("end", () => { console.log(h[":status"], b, h["set-cookie"]); then(); });
    r.end(body);
  };
  ask({":path": "/a|b?c=^", "x-thing": "v"}, undefined, () => ask({":path": "/post", ":method": "POST"}, "x".repeat(1000000), () => ask({":path": "/stream"}, undefined, () => session.close(() => s.destroy()))));
});`

// fetchScript has fetch find the proxy in the environment, which Node's does from
// 22.21 and 24.5 on. Before, it is shown the way.
const fetchScript = nodeTunnel + `(async () => {
  const [a, b] = process.versions.node.split(".").map(Number), more = {};
  if (!(a > 24 || a === 24 && b >= 5 || a === 22 && b >= 21)) {
    await fetch("data:,"); // loads it
    const Agent = globalThis[Symbol.for("undici.globalDispatcher.1")].constructor;
    more.dispatcher = new Agent({connect: (_, done) => tunnel(["http/1.1"], s => done(null, s))});
  }
  for (const [path, own] of [["/a|b?c=^", {}], ["/post", {method: "POST", body: "x".repeat(1000000)}], ["/gzip", {}], ["/stream", {}], ["/404", {}]]) {
    const r = await fetch("https://example.com" + path, {...more, ...own});
    console.log(r.status, await r.text(), r.headers.getSetCookie());
  }
  process.exit();
})()`
