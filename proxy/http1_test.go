package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo tells what the upstream got.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Host, r.RequestURI)
	r.Header.Write(w)
	fmt.Fprintf(w, "\n%s", b)
}

func TestExchange(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	status, body := r.post("https://example.com/a%2Fb/c;d?q=1&q=2;3", "text/plain", "hello", "X-Thing", "v")
	if status != 200 || !strings.HasPrefix(body, "POST example.com /a%2Fb/c;d?q=1&q=2;3\n") || !strings.HasSuffix(body, "\nhello") || !strings.Contains(body, "X-Thing: v\r\n") {
		t.Errorf("got %d %q", status, body)
	}
	e := r.journal.wait(t, isEnd)
	if e.Status != 200 || e.BytesOut != 5 || e.BytesIn != int64(len(body)) {
		t.Errorf("end %+v", e)
	}
	d := r.journal.all()[0]
	if d.Type != EventDecision || d.Verdict != Allow || d.Method != "POST" || d.Host != "example.com" || d.Path != "/a%2Fb/c;d?q=1&q=2;3" || d.ID != e.ID || d.Session != "test" {
		t.Errorf("decision %+v", d)
	}
}

func TestAuthorityIsPinned(t *testing.T) {
	var hosts sync.Map
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { hosts.Store(q.Host, true) }), Config{})
	tests := []struct {
		name, request string
		want          int
	}{
		{"the same authority", "GET / HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 200},
		{"no port", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 200},
		{"other case", "GET / HTTP/1.1\r\nHost: EXAMPLE.com\r\n\r\n", 200},
		{"absolute form of the same", "GET https://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 200},
		{"another host", "GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n", 421},
		{"another port", "GET / HTTP/1.1\r\nHost: example.com:8443\r\n\r\n", 421},
		{"absolute form to another host", "GET https://evil.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 421},
		{"absolute form in another scheme", "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 421},
		{"userinfo in the host", "GET / HTTP/1.1\r\nHost: example.com@evil.com\r\n\r\n", 400},
		{"an opaque URL", "GET https:x HTTP/1.1\r\nHost: example.com\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"CONNECT inside", "CONNECT evil.com:443 HTTP/1.1\r\nHost: evil.com:443\r\n\r\n", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), tt.request, "GET")
			if resp.StatusCode != tt.want {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
			rule := map[int]string{421: "authority-mismatch", 400: resp.Header.Get("Bottle-Rule")}[tt.want]
			if tt.want != 200 && (rule == "" || resp.Header.Get("Bottle-Rule") != rule || !strings.Contains(body, "bottle_denied")) {
				t.Errorf("answer %v %q", resp.Header, body)
			}
		})
	}
	if _, ok := hosts.Load("evil.com"); ok {
		t.Error("the upstream was asked for another host")
	}
}

func TestEarlyBytesBehindConnectAreKept(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	c := r.dial()
	// The ClientHello travels in the same packet as the CONNECT.
	hello := &firstWrite{Conn: c, prefix: "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"}
	tc := tls.Client(hello, &tls.Config{RootCAs: r.roots, ServerName: "example.com"})
	resp, _ := exchangeRaw(t, tc, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET")
	if resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

// firstWrite puts a prefix in front of the first write and takes the answer to
// it away from the first read.
type firstWrite struct {
	net.Conn
	prefix  string
	skipped bool
}

func (c *firstWrite) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(append([]byte(c.prefix), p...))
	c.prefix = ""
	return len(p), err
}

func (c *firstWrite) Read(p []byte) (int, error) {
	if !c.skipped {
		c.skipped = true
		var b [len(connectEstablished)]byte
		if _, err := io.ReadFull(c.Conn, b[:]); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

func TestKeepAliveAndPipelining(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	c := r.rawTunnel("example.com:443")
	br := bufio.NewReader(c)
	for range 3 {
		// Two requests in one write; the connection serves six in all.
		io.WriteString(c, "POST /1 HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: example.com\r\n\r\n")
		for _, want := range []string{"POST example.com /1", "GET example.com /2"} {
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			if !strings.HasPrefix(string(b), want) {
				t.Errorf("got %q, want %q", b, want)
			}
		}
	}
}

func TestClientAbortCancelsUpstream(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		close(started)
		<-q.Context().Done()
		close(cancelled)
	}), Config{})
	c := r.rawTunnel("example.com:443")
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	<-started
	c.NetConn().Close()
	select {
	case <-cancelled:
	case <-time.After(20 * time.Second):
		t.Fatal("the upstream request goes on")
	}
}

func TestContinueIsSentWhenTheBodyIsWanted(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for name, body := range map[string]string{"small": "hello", "large": strings.Repeat("hello ", decideBytes)} {
		t.Run(name, func(t *testing.T) {
			got100 := false
			req, _ := http.NewRequest("POST", "https://example.com/", strings.NewReader(body))
			req.Header.Set("Expect", "100-continue")
			req = req.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got100Continue: func() { got100 = true }}))
			status, answer := r.do(req)
			if status != 200 || !got100 || !strings.HasSuffix(answer, body) {
				t.Errorf("status %d, 100 seen %v, %d bytes back", status, got100, len(answer))
			}
		})
	}
	t.Run("not for a denied request", func(t *testing.T) {
		r.reroute(Route{Host: "example.com", Methods: []string{"GET"}})
		c := r.rawTunnel("example.com:443")
		resp, _ := exchangeRaw(t, c, "POST / HTTP/1.1\r\nHost: example.com\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "POST")
		if resp.StatusCode != 403 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
}

func TestInformationalAnswersPass(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.WriteHeader(204)
	}), Config{})
	var link string
	req, _ := http.NewRequest("GET", "https://example.com/", nil)
	req = req.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		link = fmt.Sprint(code, h.Get("Link"))
		return nil
	}}))
	if status, _ := r.do(req); status != 204 || link != "103</style.css>; rel=preload" {
		t.Errorf("status %d, 1xx %q", status, link)
	}
}

func TestUpstreamFailureIsAnAnswerAndTheTunnelGoesOn(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	r.reroute(Route{Host: "example.com", Paths: []string{"/ok"}}, Route{Host: "example.com", Upstream: closed, Private: true})
	c := r.rawTunnel("example.com:443")
	resp, body := exchangeRaw(t, c, "GET /bad HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET")
	if resp.StatusCode != 502 || !strings.Contains(body, "connection refused") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if resp, _ = exchangeRaw(t, c, "GET /ok HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET"); resp.StatusCode != 200 {
		t.Errorf("afterwards %d", resp.StatusCode)
	}
}

func TestTruncationIsVisible(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/length" {
			w.Header().Set("Content-Length", "1000")
		}
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), Config{})
	for _, h2 := range []bool{false, true} {
		for _, path := range []string{"/length", "/chunked"} {
			resp, err := r.client(h2).Get("https://example.com" + path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil {
				t.Errorf("h2 %v %s: %q ends cleanly", h2, path, b)
			}
		}
	}
	if e := r.journal.wait(t, isEnd); !strings.Contains(e.Error, "broke off") {
		t.Errorf("end %+v", e)
	}
}

func TestStreamsAreNotHeldUp(t *testing.T) {
	for _, typ := range []string{"text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream", "text/plain"} {
		for _, length := range []string{"", "10"} {
			t.Run(typ+" "+length, func(t *testing.T) {
				step := make(chan struct{})
				r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
					w.Header().Set("Content-Type", typ)
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					w.WriteHeader(200)
					w.(http.Flusher).Flush()
					for range 10 {
						<-step
						io.WriteString(w, "x")
						w.(http.Flusher).Flush()
					}
				}), Config{})
				// The head is here before the first byte of the body is sent,
				// and each byte before the next.
				resp, err := r.client(false).Get("https://example.com/")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				for range 10 {
					step <- struct{}{}
					var b [1]byte
					if _, err := io.ReadFull(resp.Body, b[:]); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

func TestFullDuplex(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		br := bufio.NewReader(q.Body)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(w, "got "+line)
			w.(http.Flusher).Flush()
		}
	}), Config{})
	pr, pw := io.Pipe()
	req, _ := http.NewRequest("POST", "https://example.com/", pr)
	go io.WriteString(pw, "0\n")
	resp, err := r.client(false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	br := bufio.NewReader(resp.Body)
	for i := range 5 {
		if line, err := br.ReadString('\n'); err != nil || line != fmt.Sprintf("got %d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
		fmt.Fprintf(pw, "%d\n", i+1)
	}
	pw.Close()
}

func TestHeadersAreForwardedAsTheyCame(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	_, body := exchangeRaw(t, r.rawTunnel("example.com:443"), "GET / HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: zstd, br\r\n"+
		"Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nProxy-Authorization: Basic abc\r\nTE: gzip\r\nX-End: 2\r\n\r\n", "GET")
	want := "GET example.com /\nAccept-Encoding: zstd, br\r\nX-End: 2\r\n\n"
	if body != want {
		t.Errorf("upstream got %q\nwant %q", body, want)
	}
}

func TestResponseHeaders(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h["Connection"] = []string{"X-Hop"}
		h.Set("X-Hop", "1")
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("X-End", "2")
		h["Content-Type"] = nil
		h.Set("Content-Encoding", "gzip")
		io.WriteString(w, "not really gzip")
	}), Config{})
	resp, err := r.client(false).Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if string(b) != "not really gzip" || resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("X-End") != "2" {
		t.Errorf("got %q %v", b, resp.Header)
	}
	for _, name := range []string{"X-Hop", "Alt-Svc", "Content-Type"} {
		if v, ok := resp.Header[name]; ok {
			t.Errorf("%s: %q got through", name, v)
		}
	}
}

func TestHTTP10Clients(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for _, req := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: example.com\r\n\r\n"} {
		c := r.rawTunnel("example.com:443")
		io.WriteString(c, req)
		all, err := io.ReadAll(c)
		if err != nil || !bytes.Contains(all, []byte("200 OK")) || !bytes.Contains(all, []byte("GET example.com /\n")) || bytes.Contains(all, []byte("chunked")) {
			t.Errorf("got %q, %v", all, err)
		}
	}
}

func TestBodilessAnswers(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(304)
		default:
			w.Header().Set("Content-Length", "1234")
			if q.Method != "HEAD" {
				io.WriteString(w, strings.Repeat("x", 1234))
			}
		}
	}), Config{})
	c := r.rawTunnel("example.com:443")
	for _, tt := range []struct {
		method, path string
		status, body int
		length       string
	}{{"GET", "/204", 204, 0, ""}, {"GET", "/304", 304, 0, ""}, {"HEAD", "/", 200, 0, "1234"}, {"GET", "/", 200, 1234, "1234"}} {
		resp, body := exchangeRaw(t, c, tt.method+" "+tt.path+" HTTP/1.1\r\nHost: example.com\r\n\r\n", tt.method)
		if resp.StatusCode != tt.status || len(body) != tt.body || resp.Header.Get("Content-Length") != tt.length {
			t.Errorf("%s %s: %d, %d bytes, %v", tt.method, tt.path, resp.StatusCode, len(body), resp.Header)
		}
	}
}

func TestTrailersBothWays(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		w.Header().Set("Trailer", "X-Announced")
		io.WriteString(w, q.Trailer.Get("X-Up"))
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	}), Config{})
	for _, h2 := range []bool{false, true} {
		req, _ := http.NewRequest("POST", "https://example.com/", io.NopCloser(strings.NewReader("body")))
		req.ContentLength = -1
		req.Trailer = http.Header{"X-Up": {"there"}}
		resp, err := r.client(h2).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != "there" || resp.Trailer.Get("X-Announced") != "1" || resp.Trailer.Get("X-Late") != "2" {
			t.Errorf("h2 %v: body %q, trailers %v", h2, b, resp.Trailer)
		}
	}
}

func TestOptionsStarAndRange(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == "OPTIONS" {
			w.Header().Set("Allow", q.RequestURI+" yes")
			return
		}
		http.ServeContent(w, q, "f", time.Time{}, strings.NewReader("0123456789"))
	}), Config{})
	c := r.rawTunnel("example.com:443")
	if resp, _ := exchangeRaw(t, c, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n", "OPTIONS"); resp.Header.Get("Allow") != "* yes" || resp.StatusCode != 200 {
		t.Errorf("OPTIONS *: %d %v", resp.StatusCode, resp.Header)
	}
	if resp, body := exchangeRaw(t, c, "GET / HTTP/1.1\r\nHost: example.com\r\nRange: bytes=2-4\r\n\r\n", "GET"); resp.StatusCode != 206 || body != "234" {
		t.Errorf("range: %d %q", resp.StatusCode, body)
	}
}

// TestOptionsOfAServerAsAWhole come in absolute form with an empty path (RFC 9112,
// section 3.2.4).
func TestOptionsOfAServerAsAWhole(t *testing.T) {
	up := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { w.Header().Set("Allow", q.RequestURI) })
	r := newRig(t, up, Config{})
	r.reroute(Route{Host: "example.com"}, Route{Host: "plain.example.com", Ports: []int{80}, Private: true, Upstream: plainUpstream(t, up)})
	for _, tt := range []struct{ target, want string }{
		{"http://plain.example.com", "*"},
		{"http://plain.example.com/", "/"},
		{"http://plain.example.com?a", "/?a"},
		{"http://plain.example.com?", "/?"},
		{"https://example.com", "*"},
		{"https://example.com/", "/"},
	} {
		c := r.dial()
		if host, tls := strings.CutPrefix(tt.target, "https://"); tls {
			c = r.rawTunnel(strings.TrimSuffix(host, "/") + ":443")
		}
		host := strings.Trim(strings.TrimPrefix(strings.TrimPrefix(tt.target, "https:"), "http:"), "/?a")
		resp, _ := exchangeRaw(t, c, "OPTIONS "+tt.target+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n", "OPTIONS")
		if got := resp.Header.Get("Allow"); got != tt.want {
			t.Errorf("%s: the upstream got %q (%s)", tt.target, got, resp.Status)
		}
	}
}

func TestAmbiguousHeadsAreRefusedAndNeverForwarded(t *testing.T) {
	asked := make(chan string, 10)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { asked <- q.RequestURI }), Config{})
	for _, head := range []string{
		"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.com\r\nX: a\r\n b\r\n\r\n",
		"GET / HTTP/1.1\nHost: example.com\n\n",
	} {
		resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), head, "POST")
		if resp.StatusCode != 400 || resp.Header.Get("Bottle-Rule") != "ambiguous-head" {
			t.Errorf("%q: %d %q", head, resp.StatusCode, body)
		}
		// In front of the tunnel as well.
		c := r.dial()
		io.WriteString(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\nX: a\r\n b\r\n\r\n")
		if l := readHead(t, c)[0]; !strings.Contains(l, "400") {
			t.Errorf("front: %s", l)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the upstream got %q", <-asked)
	}
}

func TestEarlyAnswerReachesASendingClient(t *testing.T) {
	// The rest of the upload is taken, so the client reads 403 and no reset.
	r := newRig(t, http.HandlerFunc(echo), Config{})
	r.reroute(Route{Host: "example.com", Methods: []string{"GET"}})
	c := r.rawTunnel("example.com:443")
	const size = 60 << 20
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: %d\r\n\r\n", size)
		buf := make([]byte, 1<<20)
		for range size / len(buf) {
			if _, err := c.Write(buf); err != nil {
				t.Errorf("upload: %v", err)
				return
			}
		}
	}()
	br := bufio.NewReader(c)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 403 {
		t.Fatalf("%v %v", resp, err)
	}
	io.Copy(io.Discard, resp.Body)
	<-sent
	if resp, _ := exchangeRaw(t, c, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET"); resp.StatusCode != 200 {
		t.Errorf("afterwards %d", resp.StatusCode)
	}
}

func TestUpstreamAnswersEarly(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(413)
	}), Config{})
	req, _ := http.NewRequest("POST", "https://example.com/", bytes.NewReader(make([]byte, 30<<20)))
	if status, _ := r.do(req); status != 413 && status != 502 {
		t.Errorf("got %d", status)
	}
}

func TestLengthsThatDoNotFit(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, rw, _ := w.(http.Hijacker).Hijack()
		defer conn.Close()
		switch q.URL.Path {
		case "/more": // than declared: what is behind must not become an answer
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		case "/fewer":
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}
		rw.Flush()
	}), Config{})
	if status, body := r.get("https://example.com/more"); status != 200 || body != "abc" {
		t.Errorf("more: %d %q", status, body)
	}
	resp, err := r.client(false).Get("https://example.com/fewer")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("fewer: %q, %v", b, err)
	}
}

func TestUpgradeIsRefusedClearly(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	resp, body := exchangeRaw(t, r.rawTunnel("example.com:443"), "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: mail/1\r\n\r\n", "GET")
	if resp.StatusCode != 501 || !strings.Contains(body, "passthrough") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestHTTP2Clients(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, q.Proto) }), Config{})
	for h2, want := range map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"} {
		c := r.client(h2)
		for range 3 {
			resp, err := c.Get("https://example.com/")
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			// The upstream is spoken to in the client's protocol.
			if string(b) != want || resp.Proto != want {
				t.Errorf("client %s, upstream %s, want %s", resp.Proto, b, want)
			}
		}
	}
}

func TestManyConnectionsReuseUpstreamConnections(t *testing.T) {
	const clients, each = 16, 20
	var mu sync.Mutex
	conns := 0
	r := newRig(t, http.HandlerFunc(echo), Config{})
	// The first request of each client waits for those of the others, so that
	// there is one connection for each before any can be used again.
	var first sync.WaitGroup
	first.Add(clients)
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/first" {
			first.Done()
			first.Wait()
		}
		echo(w, q)
	}))
	up.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			conns++
			mu.Unlock()
		}
	}
	up.TLS = r.upstream.TLS.Clone()
	up.StartTLS()
	defer up.Close()
	r.reroute(Route{Host: "example.com", Upstream: up.Listener.Addr().String(), Private: true})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			c := r.client(false)
			for i := range each {
				path := ""
				if i == 0 {
					path = "first"
				}
				resp, err := c.Get("https://example.com/" + path)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if conns > 2*clients {
		t.Errorf("%d upstream connections for %d clients", conns, clients)
	}
}
