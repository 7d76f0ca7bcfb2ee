package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// echoSocket sends back what comes, until the client closes, and notes that.
func (w *way) echoSocket(rw http.ResponseWriter, q *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{"echo"}, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(rw, q, nil)
	if err != nil {
		w.got("no WebSocket: %v", err)
		return
	}
	defer c.Close()
	for {
		op, text, err := c.ReadMessage()
		if err != nil {
			w.got("the WebSocket ended: %v", err)
			return
		}
		w.got("%d %s", op, brief(text))
		if c.WriteMessage(op, text) != nil {
			return
		}
	}
}

const pythonSocketScript = `
import os, websocket
ws = websocket.create_connection("wss://example.com/socket", subprotocols=["echo"], sslopt={"ca_certs": os.environ["SSL_CERT_FILE"]})
print(ws.subprotocol)
ws.send("hello")
print(ws.recv())
ws.send_binary(bytes(range(256)) * 2000)
print(len(ws.recv()))
ws.ping("are you there")
print(ws.recv_data(control_frame=True))
ws.send_frame(websocket.ABNF.create_frame("in ", websocket.ABNF.OPCODE_TEXT, 0))
ws.send_frame(websocket.ABNF.create_frame("pieces", websocket.ABNF.OPCODE_CONT, 1))
print(ws.recv())
ws.close(4001, b"enough")`

// nodeSocketScript drives ws, which offers compression.
const nodeSocketScript = nodeTunnel + `
const WebSocket = require("ws");
tunnel(["http/1.1"], s => {
  const agent = new https.Agent();
  agent.createConnection = () => s;
  const ws = new WebSocket("wss://example.com/socket", ["echo"], {agent});
  const send = ["hello", Buffer.alloc(500000, 7), "x".repeat(70000)];
  ws.on("open", () => { console.log(ws.protocol, ws.extensions); ws.send(send.shift()); });
  ws.on("message", (data, binary) => {
    console.log(binary, data.length);
    if (send.length) ws.send(send.shift()); else ws.ping("are you there");
  });
  ws.on("pong", data => { console.log("pong", data.toString()); ws.close(4001, "enough"); });
  ws.on("close", (code, why) => console.log("closed", code, why.toString()));
});`

// page is what a browser opens. Its load ends with the image, which the server holds
// back until the rest is done.
const page = `<!doctype html><title>a page</title><link rel=icon href="data:,"><img src="/browser/held"><pre id=out></pre><script>
const say = text => out.textContent += text + "\n";
const read = async r => say(r.status + " " + (await r.text()).slice(0, 50));
const socket = () => new Promise(done => {
  const ws = new WebSocket("wss://example.com/socket", "echo");
  ws.binaryType = "arraybuffer";
  ws.onopen = () => { say("open " + ws.protocol); ws.send("hello"); };
  ws.onmessage = e => {
    if (typeof e.data === "string") { say(e.data); ws.send(new Uint8Array(300000)); }
    else { say(e.data.byteLength); ws.close(4001, "enough"); }
  };
  ws.onerror = () => say("error");
  ws.onclose = e => { say("closed " + e.code + " " + e.reason); done(); };
});
(async () => {
  try {
    await read(await fetch("/browser/a?b=c"));
    await read(await fetch("/browser/post", {method: "POST", body: "x".repeat(1000000)}));
    await read(await fetch("/browser/stream"));
    await read(await fetch("/browser/404"));
    await socket();
  } catch (e) { say(e); }
  await fetch("/browser/done", {method: "POST"});
})();
</script>`

// serveBrowser is the upstream of the page.
func (w *way) serveBrowser(rw http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	if q.URL.Path != "/browser/held" { // it comes at any time
		w.got("%s %s %s", q.Method, q.URL, brief(body))
	}
	switch q.URL.Path {
	case "/browser/page":
		rw.Header().Set("Content-Type", "text/html")
		io.WriteString(rw, page)
	case "/browser/held":
		w.wait(w.drained)
	case "/browser/done":
		close(w.drained)
	case "/browser/stream":
		for range 5 {
			io.WriteString(rw, "a line\n")
			rw.(http.Flusher).Flush()
		}
	case "/browser/404":
		http.NotFound(rw, q)
	default:
		io.WriteString(rw, "hello")
	}
}

// driveChromium has it believe one key instead of an authority, since its own store
// of them is not to be changed by a variable.
func driveChromium(w *way) {
	key := w.rig.upstream.Certificate().RawSubjectPublicKeyInfo
	if w.proxied {
		key = w.rig.rawTunnel("example.com:443").ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo
	}
	sum := sha256.Sum256(key)
	chromium := chromiumPath(w.t)
	w.proxy, w.ca = "http://"+w.proxyAddr(), w.bundle()
	out := w.output(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--user-data-dir="+filepath.Join(w.t.TempDir(), "profile"), "--proxy-server="+w.proxy,
		"--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(sum[:]), "--dump-dom", "https://example.com/browser/page")
	_, text, found := strings.Cut(out, `<pre id="out">`)
	if !found {
		w.saw("no page: %s", out)
		return
	}
	text, _, _ = strings.Cut(text, "</pre>")
	w.saw("%s", text)
}

// chromiumPath finds the browser, with a window or without.
func chromiumPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return need(t, "chromium-headless-shell")
}

// nodeModules is where Debian keeps those of its packages.
const nodeModules = "/usr/share/nodejs"

func driveNodeSocket(w *way) {
	if _, err := os.Stat(nodeModules + "/ws"); err != nil {
		if os.Getenv("CI") == "true" {
			w.t.Fatal("the package node-ws is missing")
		}
		w.t.Skip("the package node-ws is not installed: this client is not tested")
	}
	script := fmt.Sprintf("module.paths.push(%q);\n%s", nodeModules, nodeSocketScript)
	w.run(need(w.t, "node"), "-e", script)
}
