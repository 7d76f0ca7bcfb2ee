package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/bot-bottle/bottle/dlp"
)

// socketUpstream is a server that speaks WebSocket. It keeps what came.
type socketUpstream struct {
	// serve has the connection; without it, each message is sent back.
	serve func(*websocket.Conn)

	mu       sync.Mutex
	messages []string
	heads    []http.Header
	ends     chan error // of reading, one for each connection
}

func newSocketUpstream(serve func(*websocket.Conn)) *socketUpstream {
	return &socketUpstream{serve: serve, ends: make(chan error, 16)}
}

func (u *socketUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.heads = append(u.heads, r.Header.Clone())
	u.mu.Unlock()
	up := websocket.Upgrader{EnableCompression: true, Subprotocols: []string{"one", "two"}, CheckOrigin: func(*http.Request) bool { return true }}
	c, err := up.Upgrade(w, r, http.Header{"X-Back": r.Header["X-Api-Key"]})
	if err != nil {
		return
	}
	defer c.Close()
	if u.serve != nil {
		u.serve(c)
		return
	}
	for {
		typ, b, err := c.ReadMessage()
		if err != nil {
			u.ends <- err
			return
		}
		u.mu.Lock()
		u.messages = append(u.messages, string(b))
		u.mu.Unlock()
		if c.WriteMessage(typ, b) != nil {
			return
		}
	}
}

func (u *socketUpstream) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.messages
	u.messages = nil
	return got
}

// end is how the upstream's side of a connection ended.
func (u *socketUpstream) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-u.ends:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the upstream still reads")
		return nil
	}
}

func (r *rig) socketDialer() *websocket.Dialer {
	return &websocket.Dialer{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: r.addr}), TLSClientConfig: &tls.Config{RootCAs: r.roots},
		HandshakeTimeout: 20 * time.Second, EnableCompression: true}
}

// socket opens a WebSocket through the proxy with gorilla's client.
func (r *rig) socket(url string, header ...string) (*websocket.Conn, *http.Response) {
	r.t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	c, resp, err := r.socketDialer().Dial(url, h)
	if err != nil {
		body := ""
		if resp != nil {
			b, _ := io.ReadAll(resp.Body)
			body = string(b)
		}
		r.t.Fatalf("%s: %v %s", url, err, body)
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	r.t.Cleanup(func() { c.Close() })
	return c, resp
}

func socketRead(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	_, b, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func socketWrite(t *testing.T, c *websocket.Conn, typ int, text string) {
	t.Helper()
	if err := c.WriteMessage(typ, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// socketClosed reads to the end and returns the close frame.
func socketClosed(t *testing.T, c *websocket.Conn) *websocket.CloseError {
	t.Helper()
	for {
		_, _, err := c.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed
		}
		if err != nil {
			t.Fatalf("no close: %v", err)
		}
	}
}

// closeSocket closes in order.
func closeSocket(t *testing.T, c *websocket.Conn, code int, reason string) {
	t.Helper()
	if err := c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := socketClosed(t, c); got.Code != code {
		t.Errorf("closed with %d, and the answer was %v", code, got)
	}
}

func TestWebSocketEcho(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{})
	d := r.socketDialer()
	d.Subprotocols = []string{"two", "other"}
	c, resp, err := d.Dial("wss://example.com/chat?a=b", http.Header{"Origin": {"https://example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Subprotocol() != "two" || resp.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("agreed on %q, %v", c.Subprotocol(), resp.Header)
	}
	big := strings.Repeat("some longer text. ", 1<<15) // in one frame
	size := 0
	for _, m := range []struct {
		typ  int
		text string
	}{{websocket.TextMessage, "hello"}, {websocket.TextMessage, ""}, {websocket.BinaryMessage, "\x00\xff\xfe"}, {websocket.TextMessage, "Grüße"}, {websocket.TextMessage, big}, {websocket.BinaryMessage, big[:100000]}} {
		socketWrite(t, c, m.typ, m.text)
		typ, b, err := c.ReadMessage()
		if err != nil || typ != m.typ || string(b) != m.text {
			t.Fatalf("sent %d bytes of type %d, got %d of %d, %v", len(m.text), m.typ, len(b), typ, err)
		}
		size += len(b)
	}
	closeSocket(t, c, 4001, "done")
	if err := u.end(t); !websocket.IsCloseError(err, 4001) || !strings.Contains(err.Error(), "done") {
		t.Errorf("the upstream got %v", err)
	}
	h := u.heads[0]
	if h.Get("Sec-Websocket-Extensions") != "" || h.Get("Origin") != "https://example.com" || h.Get("Sec-Websocket-Protocol") != "two, other" {
		t.Errorf("the upstream got the head %v", h)
	}
	end := r.lastEnd()
	if end.Status != 101 || end.Error != "" || end.BytesOut < int64(size) || end.BytesIn < int64(size) || end.BytesOut > int64(size+50) {
		t.Errorf("%d bytes each way, and the journal says %+v", size, end)
	}
	decisions := 0
	for _, e := range r.journal.all() {
		if e.Type == EventDecision {
			decisions++
			if e.Proto != "websocket" || e.Method != "GET" || e.Path != "/chat?a=b" || e.Verdict != Allow {
				t.Errorf("the decision is %+v", e)
			}
		}
	}
	if decisions != 1 {
		t.Errorf("%d decisions", decisions)
	}
}

func TestWebSocketControlFrames(t *testing.T) {
	pinged := make(chan string, 1)
	u := newSocketUpstream(func(c *websocket.Conn) {
		c.SetPingHandler(func(text string) error {
			pinged <- text
			return c.WriteControl(websocket.PongMessage, []byte("re "+text), time.Now().Add(time.Minute))
		})
		_ = c.WriteControl(websocket.PingMessage, []byte("from the server"), time.Now().Add(time.Minute))
		c.ReadMessage()
		_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4321, "enough"), time.Now().Add(time.Minute))
		c.ReadMessage()
	})
	r := newRig(t, u, Config{})
	c, _ := r.socket("wss://example.com/")
	var pong, ping string
	c.SetPongHandler(func(text string) error { pong = text; return nil })
	c.SetPingHandler(func(text string) error { ping = text; return nil })
	if err := c.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	socketWrite(t, c, websocket.TextMessage, "go on")
	if got := socketClosed(t, c); got.Code != 4321 || got.Text != "enough" {
		t.Errorf("closed with %v", got)
	}
	if got := <-pinged; got != "are you there" || pong != "re are you there" || ping != "from the server" {
		t.Errorf("the upstream was pinged with %q, pong %q, ping %q", got, pong, ping)
	}
	if end := r.lastEnd(); end.Error != "" {
		t.Errorf("the end is %+v", end)
	}
}

func TestWebSocketIsDecidedAsARequest(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{})
	r.reroute(Route{Host: "example.com", Paths: []string{"/ok"}, Methods: []string{"GET"}})
	c, _ := r.socket("wss://example.com/ok")
	closeSocket(t, c, 1000, "")
	for _, try := range []struct {
		url, header, value string
		status             int
		rule               string
	}{
		{"wss://example.com/no", "X", "y", 403, ""},
		{"wss://example.com/ok?key=" + githubToken, "X", "y", 400, "dlp:github-token"},
		{"wss://example.com/ok", "X-Note", githubToken, 400, "dlp:github-token"},
	} {
		_, resp, err := r.socketDialer().Dial(try.url, http.Header{try.header: {try.value}})
		if err == nil || resp == nil || resp.StatusCode != try.status || try.rule != "" && resp.Header.Get("Bottle-Rule") != try.rule {
			t.Errorf("%s: %v, %+v", try.url, err, resp)
		}
	}
	if n := len(u.heads); n != 1 {
		t.Errorf("the upstream got %d requests", n)
	}
}

func TestWebSocketHandshakesThatAreNone(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for name, c := range map[string]struct {
		head string
		want int
		text string
	}{
		"another protocol": {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: tls/1.0\r\n", 501, "passthrough"},
		"two protocols":    {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket, x\r\n", 501, "passthrough"},
		"no key":           {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400, "16 bytes"},
		"a short key":      {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n", 400, "16 bytes"},
		"another version":  {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, "version 13"},
		"a POST":           {"POST / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, "GET"},
		"refused upstream": {"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 200, ""},
	} {
		resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), c.head+"\r\n", "GET")
		if resp.StatusCode != c.want || !strings.Contains(body, c.text) {
			t.Errorf("%s: got %d %q", name, resp.StatusCode, body)
		}
	}
}

func TestWebSocketUpstreamThatAnswersWrong(t *testing.T) {
	for name, head := range map[string]string{
		"no accept":         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"an extension":      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		"another protocol":  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mail\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n",
		"nothing at all":    "",
		"half of an answer": "HTTP/1.1 101 Switching",
	} {
		r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, strings.ReplaceAll(head, "ACCEPT", acceptKey(q.Header.Get("Sec-Websocket-Key"))))
			c.Close()
		}), Config{})
		_, resp, err := r.socketDialer().Dial("wss://example.com/", nil)
		if err == nil || resp == nil || resp.StatusCode != 502 {
			t.Errorf("%s: %v %v", name, resp, err)
		}
	}
}

func TestWebSocketSecretsAreStopped(t *testing.T) {
	half := len(githubToken) / 2
	for name, send := range map[string]func(*websocket.Conn){
		"in a text":   func(c *websocket.Conn) { c.WriteMessage(websocket.TextMessage, []byte(`{"k":"`+githubToken+`"}`)) },
		"in a binary": func(c *websocket.Conn) { c.WriteMessage(websocket.BinaryMessage, []byte("\x00 "+githubToken+" \x01")) },
		"in a ping":   func(c *websocket.Conn) { c.WriteControl(websocket.PingMessage, []byte(githubToken), time.Time{}) },
		"in a close": func(c *websocket.Conn) {
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, githubToken), time.Time{})
		},
		"over messages": func(c *websocket.Conn) {
			c.WriteMessage(websocket.TextMessage, []byte(githubToken[:half]))
			c.WriteMessage(websocket.TextMessage, []byte(githubToken[half:]+" "))
		},
		"in a large one": func(c *websocket.Conn) {
			c.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("some text ", 60000)+githubToken+strings.Repeat(" some text", 60000)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newSocketUpstream(nil)
			r := newRig(t, u, Config{})
			c, _ := r.socket("wss://example.com/v1/chat")
			send(c)
			closed := socketClosed(t, c)
			if closed.Code != 1008 || !strings.Contains(closed.Text, "dlp:github-token") || len(closed.Text) > 123 {
				t.Errorf("closed with %v", closed)
			}
			if err := u.end(t); !websocket.IsCloseError(err, 1001) {
				t.Errorf("the upstream's end: %v", err)
			}
			for _, m := range u.take() {
				if strings.Contains(m, githubToken[half:]) || name != "over messages" && strings.Contains(m, githubToken[:half]) {
					t.Errorf("the upstream got %q", m)
				}
			}
			end := r.lastEnd()
			if end.Verdict != Deny || end.Rule != "dlp:github-token" || len(end.Findings) == 0 || end.Findings[0].Where != "messages" {
				t.Errorf("the journal says %+v", end)
			}
		})
	}
}

func TestWebSocketAgentIsToldInItsProtocol(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{})
	c, _ := r.socket("wss://example.com/backend-api/codex/responses")
	socketWrite(t, c, websocket.TextMessage, `{"type":"response.create","input":"`+githubToken+`"}`)
	var told struct {
		Type   string
		Status int
		Error  struct{ Code, Rule, Message string }
	}
	if text := socketRead(t, c); json.Unmarshal([]byte(text), &told) != nil || told.Type != "error" || told.Status != 400 || told.Error.Rule != "dlp:github-token" || told.Error.Message == "" || strings.Contains(text, githubToken) {
		t.Errorf("got %s", text)
	}
	if closed := socketClosed(t, c); closed.Code != 1008 {
		t.Errorf("closed with %v", closed)
	}
	if got := u.take(); len(got) != 0 {
		t.Errorf("the upstream got %q", got)
	}
}

func TestWebSocketInjection(t *testing.T) {
	u := newSocketUpstream(nil)
	r := secretRig(t, u, Inject{Headers: []string{"X-Api-Key"}, Body: true})
	c, resp := r.socket("wss://example.com/", "X-Api-Key", testPlaceholder)
	if u.heads[0].Get("X-Api-Key") != testValue || resp.Header.Get("X-Back") != testPlaceholder {
		t.Errorf("the upstream got %v, and what came back is %v", u.heads[0], resp.Header)
	}
	for _, m := range []string{"login " + testPlaceholder + " now", `{"key":"` + testPlaceholder + `"}`, testPlaceholder} {
		socketWrite(t, c, websocket.TextMessage, m)
		// What the upstream sends back is redacted.
		if got := socketRead(t, c); got != m {
			t.Errorf("sent %q, and got back %q", m, got)
		}
		if got := u.take(); len(got) != 1 || got[0] != strings.ReplaceAll(m, testPlaceholder, testValue) {
			t.Errorf("the upstream got %q", got)
		}
	}
	socketWrite(t, c, websocket.BinaryMessage, testPlaceholder) // is no text
	socketRead(t, c)
	if got := u.take(); len(got) != 1 || got[0] != testPlaceholder {
		t.Errorf("in a binary message, the upstream got %q", got)
	}
	closeSocket(t, c, 1000, "")
	if end := r.lastEnd(); len(end.Secrets) != 1 || end.Redacted < 4 {
		t.Errorf("the journal says %+v", end)
	}
	other, _ := r.socket("wss://other.example.com/")
	socketWrite(t, other, websocket.TextMessage, "login "+testPlaceholder)
	if closed := socketClosed(t, other); closed.Code != 1008 || !strings.Contains(closed.Text, "placeholder") {
		t.Errorf("where it is not allowed: %v", closed)
	}
}

func TestWebSocketInjectionEscapesJSON(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, oddValue, Inject{Body: true})}})
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}})
	c, _ := r.socket("wss://example.com/")
	socketWrite(t, c, websocket.TextMessage, ` ["`+testPlaceholder+`"]`)
	socketWrite(t, c, websocket.TextMessage, "key "+testPlaceholder)
	socketRead(t, c)
	socketRead(t, c)
	j, _ := json.Marshal([]string{oddValue})
	var back []string
	got := u.take()
	if json.Unmarshal([]byte(got[0]), &back) != nil || back[0] != oddValue || got[1] != "key "+oddValue {
		t.Errorf("the upstream got %q, wanted %s", got, j)
	}
}

func TestWebSocketRedaction(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{DLP: dlp.Policy{Rules: map[string]dlp.Action{"github-token": dlp.Redact}}})
	c, _ := r.socket("wss://example.com/")
	for range 2 {
		socketWrite(t, c, websocket.TextMessage, `{"key":"`+githubToken+`","more":1}`)
		if got := socketRead(t, c); strings.Contains(got, githubToken) || !strings.HasPrefix(got, `{"key":"BOTTLE_REDACTED_GITHUB_TOKEN_`) || !strings.HasSuffix(got, `","more":1}`) {
			t.Errorf("the upstream got %s", got)
		}
	}
	socketWrite(t, c, websocket.BinaryMessage, "\x01 "+githubToken+" ")
	if closed := socketClosed(t, c); closed.Code != 1008 {
		t.Errorf("in a binary message: %v", closed)
	}
	if end := r.lastEnd(); !strings.Contains(end.Reason, "Only text messages") || len(end.Findings) != 3 {
		t.Errorf("the journal says %+v", end)
	}
}

func TestWebSocketSlowReaders(t *testing.T) {
	const message = 100 << 10
	sent := make(chan int, 1)
	u := newSocketUpstream(func(c *websocket.Conn) {
		n := 0
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		for ; n < 1<<12 && c.WriteMessage(websocket.BinaryMessage, bytes.Repeat([]byte{1}, message)) == nil; n++ {
		}
		sent <- n
	})
	r := newRig(t, u, Config{})
	r.socket("wss://example.com/") // and nobody reads
	// What is between is in buffers of the kernel and one frame of the proxy.
	if n := <-sent; n*message > 64<<20 {
		t.Errorf("%d messages were taken", n)
	}
	r.server.budget.mu.Lock()
	defer r.server.budget.mu.Unlock()
	if sh := r.server.budget.shares["test"]; sh == nil || !sh.bodies.TryAcquire(maxSessionBodyBytes-decideBytes) {
		t.Error("more than one frame is held")
	}
}

func TestWebSocketOverPlainHTTP(t *testing.T) {
	u := newSocketUpstream(nil)
	r := newRig(t, u, Config{})
	plain := plainUpstream(t, u)
	r.reroute(Route{Host: "example.com", Ports: []int{80}, Upstream: plain, Private: true})
	// A tunnel without TLS in it, as gorilla opens one.
	c, _ := r.socket("ws://example.com/")
	socketWrite(t, c, websocket.TextMessage, "hello")
	if got := socketRead(t, c); got != "hello" {
		t.Errorf("got %q", got)
	}
	closeSocket(t, c, 1000, "")
	// And in absolute form, without a tunnel.
	conn := r.dial()
	io.WriteString(conn, "GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	head := strings.Join(readHead(t, conn), "\n")
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
		t.Errorf("got %s", head)
	}
	conn.Close()
	if end := r.lastEnd(); end.Status != 101 || !strings.Contains(end.Error, "client ended") {
		t.Errorf("the journal says %+v", end)
	}
}
