package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// rig is a Server on a loopback port in front of a TLS upstream that calls
// itself example.com.
type rig struct {
	t        testing.TB
	server   *Server
	addr     string
	upstream *httptest.Server
	roots    *x509.CertPool // the agent's: only the proxy's CA
	ca       *x509.Certificate
	journal  *memoryJournal
	cfg      Config
}

type rigOption func(*rig, *Options, *ListenOptions)

// newRig starts both. Routes get the upstream's address where they name the
// upstream "test"; without any, example.com is allowed.
func newRig(t testing.TB, upstream http.Handler, cfg Config, opts ...rigOption) *rig {
	t.Helper()
	r := &rig{t: t, journal: &memoryJournal{}}
	r.upstream = httptest.NewUnstartedServer(upstream)
	r.upstream.EnableHTTP2 = true
	r.upstream.Config.DisableGeneralOptionsHandler = true
	r.upstream.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.upstream.StartTLS()
	t.Cleanup(r.upstream.Close)
	r.cfg = cfg
	r.cfg.RootCAs = x509.NewCertPool()
	r.cfg.RootCAs.AddCert(r.upstream.Certificate())
	if r.cfg.Policy == nil {
		r.cfg.Policy = r.policy(Route{Host: "example.com"})
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.roots = x509.NewCertPool()
	r.ca = ca.Certificate()
	r.roots.AddCert(r.ca)
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Leaves: leaves, Recorder: r.journal}
	lo := ListenOptions{Session: "test"}
	for _, opt := range opts {
		opt(r, &o, &lo)
	}
	if r.server, err = New(context.Background(), r.cfg, o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(l, lo) }()
	t.Cleanup(func() {
		r.server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// policy compiles routes that lead to the test upstream.
func (r *rig) policy(routes ...Route) *Policy {
	r.t.Helper()
	for i := range routes {
		if routes[i].Upstream == "" && routes[i].Action != Deny {
			routes[i].Upstream, routes[i].Private = r.upstream.Listener.Addr().String(), true
		}
	}
	return mustPolicy(r.t, Deny, routes...)
}

// reroute gives the running server other routes.
func (r *rig) reroute(routes ...Route) {
	r.t.Helper()
	cfg := r.cfg
	cfg.Policy = r.policy(routes...)
	if err := r.server.Reload(context.Background(), cfg); err != nil {
		r.t.Fatal(err)
	}
}

// client is an HTTP client of the proxy, HTTP/1.1 unless h2 is asked for.
func (r *rig) client(h2 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!h2)
	p.SetHTTP2(h2)
	tr := &http.Transport{
		Proxy:                 http.ProxyURL(&url.URL{Scheme: "http", Host: r.addr}),
		TLSClientConfig:       &tls.Config{RootCAs: r.roots},
		Protocols:             p,
		DisableCompression:    true,
		ExpectContinueTimeout: 5 * time.Second,
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get fetches a URL and returns status and body.
func (r *rig) get(url string, header ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req, header...)
}

func (r *rig) do(req *http.Request, header ...string) (int, string) {
	r.t.Helper()
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.client(false).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (r *rig) post(url, contentType, body string, header ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return r.do(req, header...)
}

// dial opens a raw connection to the proxy.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// rawTunnel opens a CONNECT to authority and speaks TLS in it, without ALPN.
func (r *rig) rawTunnel(authority string) *tls.Conn {
	r.t.Helper()
	c := r.dial()
	if status := r.connect(c, authority); status != "HTTP/1.1 200 Connection established" {
		r.t.Fatalf("CONNECT %s: %s", authority, status)
	}
	host, _, _ := net.SplitHostPort(authority)
	tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: host})
	if err := tc.Handshake(); err != nil {
		r.t.Fatal(err)
	}
	return tc
}

// connect sends a CONNECT and returns the status line.
func (r *rig) connect(c net.Conn, authority string) string {
	r.t.Helper()
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority)
	return readHead(r.t, c)[0]
}

// readHead reads a response head byte by byte, so that nothing behind it is
// lost.
func readHead(t testing.TB, c io.Reader) []string {
	t.Helper()
	head, err := tryReadHead(c)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// tryReadHead is readHead for where it may fail.
func tryReadHead(c io.Reader) ([]string, error) {
	var head []byte
	for !strings.HasSuffix(string(head), "\r\n\r\n") {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return nil, fmt.Errorf("after %q: %w", head, err)
		}
		head = append(head, b[0])
	}
	return strings.Split(strings.TrimSuffix(string(head), "\r\n\r\n"), "\r\n"), nil
}

// exchange sends raw bytes through a tunnel and reads one response.
func exchangeRaw(t testing.TB, c net.Conn, request, method string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// memoryJournal keeps events; fail makes the next ones fail.
type memoryJournal struct {
	mu     sync.Mutex
	events []Event
	fail   error
	more   chan struct{} // closed and replaced at every event
}

func (j *memoryJournal) Record(_ context.Context, e *Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	j.events = append(j.events, *e)
	if j.more != nil {
		close(j.more)
		j.more = nil
	}
	return nil
}

func (j *memoryJournal) setFail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

// wait returns the first event that fits, as soon as there is one.
func (j *memoryJournal) wait(t testing.TB, fits func(Event) bool) Event {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		j.mu.Lock()
		for _, e := range j.events {
			if fits(e) {
				j.mu.Unlock()
				return e
			}
		}
		if j.more == nil {
			j.more = make(chan struct{})
		}
		more := j.more
		j.mu.Unlock()
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("no such event among %+v", j.all())
		}
	}
}

func (j *memoryJournal) all() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Event(nil), j.events...)
}

func isDenial(rule string) func(Event) bool {
	return func(e Event) bool {
		return e.Type == EventDecision && e.Verdict == Deny && strings.HasPrefix(e.Rule, rule)
	}
}

func isEnd(e Event) bool { return e.Type == EventEnd }

// upstreamLog is an upstream that keeps what it was sent and answers "ok", or
// what answer says.
type upstreamLog struct {
	answer http.HandlerFunc

	mu      sync.Mutex
	got     []received
	instead http.Handler // gets requests whole, and nothing is logged
}

type received struct {
	method, uri, host, body string
	header, trailer         http.Header
	err                     error // of reading the body
}

func (u *upstreamLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	instead := u.instead
	u.mu.Unlock()
	if instead != nil {
		instead.ServeHTTP(w, r)
		return
	}
	b, err := io.ReadAll(r.Body)
	u.mu.Lock()
	u.got = append(u.got, received{r.Method, r.RequestURI, r.Host, string(b), r.Header.Clone(), r.Trailer.Clone(), err})
	u.mu.Unlock()
	if u.answer != nil {
		u.answer(w, r)
		return
	}
	io.WriteString(w, "ok")
}

// take returns what came since the last call.
func (u *upstreamLog) take() []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

// The credential of the tests and its placeholder. Neither has the format of a
// token of any service.
const (
	testValue       = "acme-h7Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa"
	testPlaceholder = "acme-PLACEHOLDERxPLACEHOLDERxPLACEHOL"
)

func fixedSecret(name, placeholder, value string, in Inject) Secret {
	return Secret{Name: name, Placeholder: placeholder, Inject: in, Value: func(context.Context) (string, error) { return value, nil }}
}

// secretRig has the secret "acme", allowed at example.com and not at
// other.example.com.
func secretRig(t testing.TB, up http.Handler, in Inject, opts ...rigOption) *rig {
	t.Helper()
	r := newRig(t, up, Config{Secrets: []Secret{fixedSecret("acme", testPlaceholder, testValue, in)}}, opts...)
	r.reroute(Route{Host: "example.com", Secrets: []string{"acme"}}, Route{Host: "other.example.com"})
	return r
}

// lastEnd returns the end line of the newest exchange.
func (r *rig) lastEnd() Event {
	r.t.Helper()
	var id string
	for _, e := range r.journal.all() {
		if e.Type == EventDecision {
			id = e.ID
		}
	}
	return r.journal.wait(r.t, func(e Event) bool { return e.Type == EventEnd && e.ID == id })
}

// denialIn is what an agent reads of a denial.
func denialIn(t testing.TB, body string) answerError {
	t.Helper()
	var a answerBody
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%q is not a denial: %v", body, err)
	}
	return a.Error
}

// plainUpstream is an http server; it returns its host:port.
func plainUpstream(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// leafFor always names the same host.
func leafFor(host string) func(*tls.ClientHelloInfo) (string, error) {
	return func(*tls.ClientHelloInfo) (string, error) { return host, nil }
}

// tcpServer hands the connections that it gets to the test.
func tcpServer(t *testing.T) (addr string, conns chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns = make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(conns)
				return
			}
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			conns <- c
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), conns
}
