package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// pipeListener hands in the server's halves of pipes: connections that a fake
// clock can see.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return tunnelAddr{} }

// TestNoConnectionIsWaitedForForEver: each stage of a connection has a limit,
// and ends at just that time when the client says no more.
func TestNoConnectionIsWaitedForForEver(t *testing.T) {
	tests := []struct {
		name string
		sent string
		want time.Duration
	}{
		{"nothing is said to the front", "", headerTimeout},
		{"half a head is sent to the front", "CONNECT exam", headerTimeout},
		{"nothing is said in a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", firstByteTimeout},
		{"half a handshake in a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01", handshakeTimeout},
		{"half a head in a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\nGET / HT", headerTimeout},
		{"no second request in a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: example.com\r\n\r\n", idleTimeout},
		{"no second request at the front", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", idleTimeout},
	}
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{Policy: mustPolicy(t, Deny, Route{Host: "example.com", Methods: []string{"PUT"}})}
				s, err := New(t.Context(), cfg, Options{Leaves: leaves, Recorder: &memoryJournal{}})
				if err != nil {
					t.Fatal(err)
				}
				l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				served := make(chan error)
				go func() { served <- s.Serve(l, ListenOptions{}) }()
				client, server := net.Pipe()
				l.conns <- server
				start := time.Now()
				go io.WriteString(client, tt.sent)
				if _, err := io.Copy(io.Discard, client); err != nil {
					t.Error(err)
				}
				// Answers that are waited for, and what net/http allows behind them.
				const slack = 2 * time.Second
				if d := time.Since(start); d < tt.want || d > tt.want+slack {
					t.Errorf("the connection ended after %v, want %v", d, tt.want)
				}
				client.Close()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				<-served
			})
		})
	}
}

func TestAskEndsWhenItsTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{opts: Options{Ask: func(ctx context.Context, _ Question) (Answer, error) {
			<-ctx.Done()
			return Answer{Allow: true}, ctx.Err()
		}}}
		s.current.Store(&snapshot{Config: Config{AskTimeout: defaultAskTimeout}})
		start := time.Now()
		d := s.ask(t.Context(), Question{Rule: "route f:1"})
		if d == nil || !strings.Contains(d.message, "nobody answered in time") || time.Since(start) != defaultAskTimeout {
			t.Errorf("%+v after %v", d, time.Since(start))
		}
	})
}

func TestLargeHeadsAreRefusedReadably(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	head := "GET / HTTP/1.1\r\nHost: example.com\r\nX: " + strings.Repeat("a", maxHeaderBytes) + "\r\n\r\n"
	c := r.rawTunnel("example.com:443")
	go io.WriteString(c, head)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 431 || denialIn(t, string(b)).Rule != "head-too-large" {
		t.Errorf("got %d %q", resp.StatusCode, b)
	}
	// A head just below the limit passes.
	status, _ := r.get("https://example.com/", "X-Large", strings.Repeat("a", maxHeaderBytes-1000))
	if status != 200 || len(up.take()) != 1 {
		t.Errorf("below the limit: %d", status)
	}
	// So is one of the upstream's that is larger than the limit.
	up.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("a", 2*maxHeaderBytes))
	}
	if status, body := r.get("https://example.com/"); status != 502 || denialIn(t, body).Rule != "upstream" {
		t.Errorf("upstream's: %d %.200q", status, body)
	}
}

func TestTheServersAreLimited(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), Config{})
	for name, s := range map[string]*http.Server{"inner": r.server.inner, "front": r.server.newHTTPServer(nil)} {
		if s.ReadHeaderTimeout != headerTimeout || s.IdleTimeout != idleTimeout || s.MaxHeaderBytes != maxHeaderBytes || s.HTTP2.MaxConcurrentStreams != maxStreams {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"} {
		t.Setenv(name, "http://"+closedPort(t))
	}
	r := newRig(t, http.HandlerFunc(echo), Config{})
	if status, body := r.get("https://example.com/"); status != 200 {
		t.Errorf("got %d %q", status, body)
	}
	for key := range r.server.current.Load().upstreams.pools {
		if tr := r.server.current.Load().upstreams.newTransport(key); tr.Proxy != nil {
			t.Errorf("%+v has a proxy", key)
		}
	}
}

func TestUpstreamsSignedByOurOwnCAAreNotTrusted(t *testing.T) {
	var leaves *mitm.Minter
	r := newRig(t, http.HandlerFunc(echo), Config{}, func(_ *rig, o *Options, _ *ListenOptions) { leaves = o.Leaves })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(echo), ErrorLog: r.upstream.Config.ErrorLog,
		TLSConfig: leaves.TLSConfig(leafFor("example.com"))}
	go func() { _ = s.ServeTLS(l, "", "") }()
	defer s.Close()
	r.reroute(Route{Host: "example.com", Upstream: l.Addr().String(), Private: true})
	status, body := r.get("https://example.com/")
	if status != 502 || !strings.Contains(body, "not signed by an authority that bottle trusts") {
		t.Errorf("got %d %q", status, body)
	}
}

func TestUploadsShorterThanDeclaredAreNotSentAsWhole(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	for _, size := range []int{100, 2 * decideBytes} {
		c := r.rawTunnel("example.com:443")
		fmt.Fprintf(c, "POST /%d HTTP/1.1\r\nHost: example.com\r\nContent-Length: %d\r\n\r\n%s", size, size, strings.Repeat("x", size/2))
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, c)
		r.journal.wait(t, func(e Event) bool { return e.Type == EventEnd || e.Rule == "bad-body" })
	}
	for _, got := range up.take() {
		if got.err == nil {
			t.Errorf("upstream got a whole request of %d bytes", len(got.body))
		}
	}
}

func TestBrokenChunksAreNotSentAsWhole(t *testing.T) {
	up := &upstreamLog{}
	r := newRig(t, up, Config{})
	c := r.rawTunnel("example.com:443")
	resp, body := exchangeRaw(t, c, "POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\nabc\r\n0\r\n\r\n", "POST")
	if resp.StatusCode != 400 || denialIn(t, body).Rule != "bad-body" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	for _, got := range up.take() {
		if got.err == nil {
			t.Errorf("upstream got a whole request %+v", got)
		}
	}
}
