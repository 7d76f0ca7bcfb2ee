package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// row is one kind of exchange. It is driven twice, straight to the upstream and
// through the intercepting proxy; what the client and the upstream saw must be
// the same.
type row struct {
	name string
	// The upstream, as a handler of net/http or byte by byte.
	up  func(w *way) http.Handler
	raw func(w *way, c net.Conn)

	h1     bool // the upstream does not speak HTTP/2
	plain  bool // it speaks http without TLS
	secret bool // a secret may be injected there, so answers are searched

	drive func(w *way)
	// want stands in what was seen without the proxy: the row shows what its name
	// says.
	want []string
	// differs has what is meant to be another with the proxy.
	differs []difference
}

// difference is a text of the direct transcript and what stands in its place in
// the other one.
type difference struct{ direct, proxied, why string }

// table has the rows by subject; each file adds its own.
var table = map[string][]row{
	"HTTP1.0 and 1.1": rowsHTTP1,
	"heads":           rowsHeads,
	"bodies":          rowsBodies,
	"interim answers": rowsInterim,
	"HTTP2":           rowsHTTP2,
	"streams":         rowsStreams,
	"endings":         rowsEndings,
	"plain http":      rowsPlain,
}

func TestTable(t *testing.T) {
	for _, subject := range slices.Sorted(maps.Keys(table)) {
		for _, r := range table[subject] {
			t.Run(subject+": "+r.name, func(t *testing.T) {
				t.Parallel()
				direct := r.transcript(t, false)
				for _, want := range r.want {
					if !strings.Contains(direct, want) {
						t.Errorf("without the proxy there is no %q in\n%s", want, direct)
					}
				}
				expected := direct
				for _, d := range r.differs {
					if !strings.Contains(expected, d.direct) {
						t.Errorf("without the proxy there is no %q in\n%s", d.direct, expected)
					}
					expected = strings.ReplaceAll(expected, d.direct, d.proxied)
				}
				if proxied := r.transcript(t, true); proxied != expected {
					t.Errorf("%s\nwith the proxy:\n%s\nwithout:\n%s", firstDifference(proxied, expected), proxied, expected)
				}
			})
		}
	}
}

// firstDifference names the line from which on two texts differ.
func firstDifference(proxied, direct string) string {
	a, b := strings.Split(proxied, "\n"), strings.Split(direct, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %.400s\nin the place of: %.400s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines in the place of %d", len(a), len(b))
}

// transcript is what both sides saw of one drive.
func (r row) transcript(t *testing.T, proxied bool) string {
	t.Helper()
	w := &way{t: t, proxied: proxied, plain: r.plain, more: make(chan struct{}), step: make(chan struct{}), drained: make(chan struct{})}
	var up http.Handler
	if r.up != nil {
		up = r.up(w)
	}
	cfg := Config{}
	if r.secret {
		cfg.Secrets = []Secret{fixedSecret("acme", testPlaceholder, testValue, Inject{})}
	}
	w.rig = newRig(t, up, cfg)
	w.addr = w.rig.upstream.Listener.Addr().String()
	switch {
	case r.raw != nil:
		w.addr = w.serveRaw(r.raw, r.h1)
	case r.plain:
		w.addr = plainUpstream(t, up)
	case r.h1:
		w.rig.upstream.TLS.NextProtos = []string{"http/1.1"}
	}
	route := Route{Host: "example.com", Upstream: w.addr, Private: true}
	if r.secret {
		route.Secrets = []string{"acme"}
	}
	w.rig.reroute(route)
	r.drive(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	return "the client saw\n" + strings.Join(w.client, "\n") + "\nthe upstream saw\n" + strings.Join(w.server, "\n") + "\n"
}

// way is one of the two ways to the upstream.
type way struct {
	t       *testing.T
	rig     *rig
	addr    string // the upstream's
	proxied bool
	plain   bool

	mu             sync.Mutex
	client, server []string
	more           chan struct{} // closed and replaced at every line

	proxy, ca string // of a program
	loaded    int    // requests that were only counted

	step    chan struct{} // lets one side wait for the other
	drained chan struct{} // closed when the server is going away
}

// saw notes what came to the client, got what came to the upstream.
func (w *way) saw(format string, args ...any) { w.note(&w.client, format, args...) }
func (w *way) got(format string, args ...any) { w.note(&w.server, format, args...) }

func (w *way) note(lines *[]string, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*lines = append(*lines, fmt.Sprintf(format, args...))
	close(w.more)
	w.more = make(chan struct{})
}

// untilGot waits for a line of the upstream's.
func (w *way) untilGot(line string) {
	w.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		w.mu.Lock()
		there, more, all := slices.Contains(w.server, line), w.more, slices.Clone(w.server)
		w.mu.Unlock()
		if there {
			return
		}
		select {
		case <-more:
		case <-timeout:
			w.t.Fatalf("proxied %v: the upstream did not get %q, but %q", w.proxied, line, all)
		}
	}
}

// wait waits for a step of the other side.
func (w *way) wait(step <-chan struct{}) {
	select {
	case <-step:
	case <-time.After(20 * time.Second):
		w.t.Error("the other side did not come to its step")
	}
}

// conn connects to the upstream, through a tunnel or not.
func (w *way) conn() net.Conn {
	w.t.Helper()
	c, err := w.dial()
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// dial is conn for net/http, which may still be about it when the test has ended.
func (w *way) dial() (net.Conn, error) {
	addr := w.addr
	if w.proxied {
		addr = w.rig.addr
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	w.t.Cleanup(func() { c.Close() })
	if !w.proxied {
		return c, nil
	}
	authority := "example.com:443"
	if w.plain {
		authority = "example.com:80"
	}
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority)
	head, err := tryReadHead(c)
	if err == nil && !strings.Contains(head[0], " 200 ") {
		err = errors.New(head[0])
	}
	return c, err
}

func (w *way) tlsConfig() *tls.Config {
	roots := w.rig.cfg.RootCAs
	if w.proxied {
		roots = w.rig.roots
	}
	return &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// secure is conn with TLS on it.
func (w *way) secure(protos ...string) *tls.Conn {
	w.t.Helper()
	cfg := w.tlsConfig()
	cfg.NextProtos = protos
	c := tls.Client(w.conn(), cfg)
	if err := c.Handshake(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// http returns net/http's client, whose connections go the way. Each dial is a
// tunnel of its own.
func (w *way) http(h2 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!h2 || !w.proxied) // without a proxy the client has to speak what the upstream does
	p.SetHTTP2(h2)
	tr := &http.Transport{Protocols: p, DisableCompression: true, TLSClientConfig: w.tlsConfig(), ExpectContinueTimeout: 20 * time.Second}
	tr.Dial = func(string, string) (net.Conn, error) { return w.dial() } //nolint:staticcheck // there is no context to pass on
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// h1 is a client that is told byte by byte what to send.
type h1 struct {
	w  *way
	c  net.Conn
	br *bufio.Reader
}

func (w *way) h1() *h1 {
	w.t.Helper()
	var c net.Conn
	if w.plain {
		c = w.conn()
	} else {
		c = w.secure()
	}
	return &h1{w, c, bufio.NewReader(c)}
}

func (c *h1) send(text string) *h1 {
	if _, err := io.WriteString(c.c, text); err != nil {
		c.w.saw("sending failed: %v", err)
	}
	return c
}

// read notes the next answers to requests of these methods, interim ones too.
func (c *h1) read(methods ...string) *h1 {
	for _, method := range methods {
		for {
			resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
			if err != nil {
				c.w.saw("no answer: %v", err)
				return c
			}
			c.w.answer(resp, nil)
			if resp.StatusCode >= 200 {
				break
			}
		}
	}
	return c
}

// end notes whether the connection ends here.
func (c *h1) end() {
	rest, err := io.ReadAll(c.br)
	c.w.saw("the connection ended: %d bytes more, clean %v", len(rest), err == nil)
}

// answer notes what came of an answer.
func (w *way) answer(resp *http.Response, err error) {
	if err != nil {
		w.saw("no answer")
		return
	}
	defer resp.Body.Close()
	w.head(resp)
	body, err := io.ReadAll(resp.Body)
	w.saw("body %s, whole %v", brief(body), err == nil)
	if len(resp.Trailer) > 0 {
		w.saw("trailers\n%s", fields(resp.Trailer))
	}
}

func (w *way) head(resp *http.Response) {
	w.saw("%s %d, length %d, announced %q\n%s", resp.Proto, resp.StatusCode, resp.ContentLength, slices.Sorted(maps.Keys(resp.Trailer)), fields(resp.Header))
}

// request notes a request and reads its body.
func (w *way) request(q *http.Request) {
	announced := slices.Sorted(maps.Keys(q.Trailer))
	body, err := io.ReadAll(q.Body)
	w.got("%s %s %s %s, length %d, announced %q\n%sbody %s, whole %v", q.Method, q.Host, q.RequestURI, q.Proto, q.ContentLength, announced, fields(q.Header), brief(body), err == nil)
	if len(q.Trailer) > 0 {
		w.got("trailers\n%s", fields(q.Trailer))
	}
}

// fields has the header in a fixed order; that of one name's values is theirs.
// What concerns one connection only is left out, and so is Date, which RFC
// 9110, section 6.6.1, has a proxy add where it is missing.
func fields(h http.Header) string {
	h = h.Clone()
	stripHopByHop(h)
	h.Del("Date")
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			fmt.Fprintf(&b, "  %s: %s\n", name, brief([]byte(v)))
		}
	}
	return b.String()
}

// brief keeps long texts apart by their sums.
func brief(b []byte) string {
	if len(b) <= 300 {
		return fmt.Sprintf("%q", b)
	}
	h := newSum()
	h.Write(b)
	return fmt.Sprintf("of %d bytes with the sum %s", len(b), sum(h))
}

// noting is an upstream that notes its requests and then answers.
func noting(answer http.HandlerFunc) func(*way) http.Handler {
	return func(w *way) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
			w.request(q)
			if answer != nil {
				answer(rw, q)
			}
		})
	}
}

// serveRaw serves connections byte by byte, at an address that it returns.
func (w *way) serveRaw(serve func(*way, net.Conn), h1 bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := w.rig.upstream.TLS.Clone()
	if cfg.NextProtos = []string{"h2", "http/1.1"}; h1 {
		cfg.NextProtos = nil
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			conns.Go(func() {
				defer c.Close()
				if w.plain {
					serve(w, c)
					return
				}
				tc := tls.Server(c, cfg)
				if tc.Handshake() == nil {
					serve(w, tc)
				}
			})
		}
	})
	w.t.Cleanup(func() { l.Close(); w.rig.server.Close(); conns.Wait() })
	return l.Addr().String()
}

// rawAnswers reads requests and answers each with the next of the texts; the
// last one is repeated. A connection ends as the texts do.
func rawAnswers(texts ...string) func(*way, net.Conn) {
	return func(w *way, c net.Conn) {
		br := bufio.NewReader(c)
		for _, text := range texts {
			q, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			w.request(q)
			io.WriteString(c, text)
		}
		if tc, ok := c.(*tls.Conn); ok {
			_ = tc.CloseWrite()
		}
	}
}
