package proxy

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// plainHTTP is a client that sends http to the proxy in absolute form.
func (w *way) plainHTTP() *http.Client {
	tr := &http.Transport{DisableCompression: true}
	if w.proxied {
		tr.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: w.rig.addr})
	} else {
		tr.Dial = func(string, string) (net.Conn, error) { return w.conn(), nil } //nolint:staticcheck // there is no context to pass on
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// refusal notes an answer with the rule that made it.
func (w *way) refusal(resp *http.Response) {
	defer resp.Body.Close()
	w.saw("%d %s", resp.StatusCode, resp.Header.Get("Bottle-Rule"))
}

// sent sends a text on a connection and notes the answer.
func (w *way) sent(c net.Conn, text, method string) {
	resp, _ := exchangeRaw(w.t, c, text, method)
	w.refusal(resp)
}

// toFront connects to the proxy itself, and to the upstream without one.
func (w *way) toFront() net.Conn {
	if w.proxied {
		return w.rig.dial()
	}
	return w.conn()
}

// gettingAsked notes only that somebody came.
func gettingAsked(w *way) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		w.got("asked")
		_, _ = io.Copy(io.Discard, q.Body)
	})
}

var notAsked = difference{"the upstream saw\nasked", "the upstream saw\n", "it never leaves"}

var rowsPlain = []row{
	{
		name:  "absolute form",
		plain: true,
		up:    noting(say("hello")),
		drive: func(w *way) {
			c := w.plainHTTP()
			w.answer(c.Get("http://example.com/a?b"))
			w.answer(c.Post("http://example.com/", "text/plain", strings.NewReader("a body")))
			w.answer(c.Post("http://example.com/", "text/plain", hidden{strings.NewReader(large)}))
			w.answer(c.Head("http://example.com/"))
		},
		want: []string{"GET example.com /a?b HTTP/1.1", "POST example.com / HTTP/1.1, length -1"},
	},
	{
		name:  "in a tunnel",
		plain: true,
		up:    noting(say("hello")),
		drive: func(w *way) {
			w.h1().send(get).read("GET").send("POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"+get).read("POST", "GET")
		},
		want: []string{`body "hello", whole true`},
	},
	{
		name:  "an offer of h2c is not taken up",
		plain: true,
		up:    noting(say("hello")),
		drive: func(w *way) {
			w.h1().send("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n").read("GET")
		},
		want: []string{"HTTP/1.1 200"},
	},
	{
		name:  "HTTP/2 without TLS",
		plain: true,
		up:    noting(say("hello")),
		drive: func(w *way) {
			p := new(http.Protocols)
			p.SetUnencryptedHTTP2(true)
			tr := &http.Transport{Protocols: p, DisableCompression: true}
			tr.Dial = func(string, string) (net.Conn, error) { return w.conn(), nil } //nolint:staticcheck // there is no context to pass on
			w.t.Cleanup(tr.CloseIdleConnections)
			c := &http.Client{Transport: tr, Timeout: 30 * time.Second}
			w.answer(c.Get("http://example.com/a?b"))
			w.answer(c.Post("http://example.com/", "text/plain", strings.NewReader("a body")))
			w.answer(c.Post("http://example.com/", "text/plain", hidden{strings.NewReader(large)}))
		},
		want: []string{"GET example.com /a?b HTTP/2.0", "POST example.com / HTTP/2.0"},
	},
	{
		name:  "half of the preface of HTTP/2",
		plain: true,
		up:    gettingAsked,
		drive: func(w *way) {
			w.sent(w.conn(), "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", "PRI")
		},
		differs: []difference{{"200 ", "400 ambiguous-head", "a request in the clothes of HTTP/1.1 is not one"}, notAsked},
	},
	{
		name: "CONNECT in CONNECT",
		up:   gettingAsked,
		drive: func(w *way) {
			w.sent(w.secure(), "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", "CONNECT")
			c := w.h2raw()
			c.headers(1, true, ":method", "CONNECT", ":authority", "example.com:443")
			_ = c.until(func() bool { return c.done[1] })
			status, _, _ := strings.Cut(strings.TrimPrefix(c.seen[1][0], "HEADERS\n"), "\n")
			w.saw("%s", status)
		},
		differs: []difference{
			{"200 \n:status: 200", "400 nested-connect\n:status: 400", "a tunnel in a tunnel would go past the policy"},
			{"asked\nasked", "", "it never leaves"},
		},
	},
	{
		name:  "absolute form of https",
		plain: true,
		up:    gettingAsked,
		drive: func(w *way) {
			w.sent(w.toFront(), "GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET")
		},
		differs: []difference{{"200 ", "400 absolute-form", "the client would send its credentials in clear"}, notAsked},
	},
	{
		name: "a credential in a small compressed upload",
		up:   gettingAsked,
		drive: func(w *way) {
			for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
				for _, text := range []string{"key " + githubToken, noise(200<<10) + " key " + githubToken + " " + noise(1<<10)} {
					for _, h2 := range []bool{false, true} {
						req := request("POST", "https://example.com/", string(compress(w.t, coding, text)), "Content-Encoding", coding)()
						resp, err := w.http(h2).Do(req)
						if err != nil {
							w.t.Fatal(err)
						}
						w.refusal(resp)
					}
				}
			}
		},
		differs: []difference{
			{"200 ", "400 dlp:github-token", "what it decompresses to is scanned"},
			{strings.TrimSuffix(strings.Repeat("asked\n", 16), "\n"), "", "it never leaves"},
		},
	},
}
