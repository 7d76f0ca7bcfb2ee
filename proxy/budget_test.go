package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/bot-bottle/bottle/mitm"
)

// pipeServer is a Server whose connections are pipes, so that a fake clock sees
// them.
type pipeServer struct {
	*Server
	t       *testing.T
	l       *pipeListener
	roots   *x509.CertPool
	journal *memoryJournal
}

func newPipeServer(t *testing.T, cfg Config) *pipeServer {
	t.Helper()
	ca, err := mitm.NewAuthority(mitm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := mitm.NewMinter(ca, mitm.MinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeServer{t: t, journal: &memoryJournal{}, roots: x509.NewCertPool(), l: &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}}
	p.roots.AddCert(ca.Certificate())
	if p.Server, err = New(t.Context(), cfg, Options{Leaves: leaves, Recorder: p.journal}); err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- p.Serve(p.l, ListenOptions{}) }()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return p
}

// tunnel opens a CONNECT to example.com.
func (p *pipeServer) tunnel() net.Conn {
	p.t.Helper()
	client, server := net.Pipe()
	p.t.Cleanup(func() { client.Close() })
	p.l.conns <- server
	go io.WriteString(client, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	if status := readHead(p.t, client)[0]; !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		p.t.Fatal(status)
	}
	return client
}

// h2Conn speaks frames and notes the status of each answer.
type h2Conn struct {
	t      *testing.T
	framer *http2.Framer
	status chan string
}

func (p *pipeServer) h2() *h2Conn {
	p.t.Helper()
	tc := tls.Client(p.tunnel(), &tls.Config{RootCAs: p.roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	if err := tc.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.WriteString(tc, http2.ClientPreface); err != nil {
		p.t.Fatal(err)
	}
	c := &h2Conn{t: p.t, framer: http2.NewFramer(tc, tc), status: make(chan string, maxExchanges)}
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	go func() {
		for {
			f, err := c.framer.ReadFrame()
			if err != nil {
				return
			}
			if h, ok := f.(*http2.MetaHeadersFrame); ok {
				c.status <- h.PseudoValue("status")
			}
		}
	}()
	if err := c.framer.WriteSettings(); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// stall begins an upload of a declared length and sends none of it.
func (c *h2Conn) stall(stream, length int) {
	c.t.Helper()
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "example.com"}, {":path", "/"}, {"content-length", strconv.Itoa(length)}} {
		if err := e.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*stream + 1), BlockFragment: b.Bytes(), EndHeaders: true}); err != nil {
		c.t.Fatal(err)
	}
}

// denials counts the denials in the journal by their rule.
func (p *pipeServer) denials() map[string]int {
	n := map[string]int{}
	for _, e := range p.journal.all() {
		if e.Verdict == Deny {
			n[e.Rule]++
		}
	}
	return n
}

// TestStalledUploadsTakeBoundedMemory: one agent opens three HTTP/2 connections
// and as many uploads as it can, which never come to an end.
func TestStalledUploadsTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeServer(t, Config{Policy: mustPolicy(t, Deny, Route{Host: "example.com"})})
		const conns, streams = 3, 240
		const held = maxSessionBodyBytes / decideBytes // bodies that are read at a time
		var all []*h2Conn
		for range conns {
			c := p.h2()
			all = append(all, c)
			for i := range streams {
				c.stall(i, decideBytes)
			}
		}
		want := map[string]int{}
		check := func(when string) {
			t.Helper()
			synctest.Wait()
			if got := p.denials(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		want["too-many-requests"] = conns*streams - maxSessionExchanges
		check("at once")
		if p.budget.shares[""].bodies.TryAcquire(1) {
			t.Error("there is room for another body")
		}
		time.Sleep(roomWait)
		want["too-many-bodies"] = maxSessionExchanges - held
		check("when they have waited for room")
		time.Sleep(smallBodyTimeout - roomWait)
		want["slow-body"] = held
		check("when the others were read for long enough")
		got := map[string]int{}
		for _, c := range all {
			for range len(c.status) {
				got[<-c.status]++
			}
		}
		if want := fmt.Sprintf("map[408:%d 503:%d]", held, conns*streams-held); fmt.Sprint(got) != want {
			t.Errorf("the agent was told %v, want %s", got, want)
		}
		if p.budget.isTaken() {
			t.Error("something is still taken")
		}
	})
}

func TestASlowSmallBodyIsDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipeServer(t, Config{Policy: mustPolicy(t, Deny, Route{Host: "example.com", Ports: []int{443}})})
		c := p.tunnel()
		start := time.Now()
		go io.WriteString(c, "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 9\r\n\r\nhalf")
		head := readHead(t, c)
		if !strings.HasPrefix(head[0], "HTTP/1.1 408 ") || time.Since(start) != smallBodyTimeout {
			t.Errorf("after %v: %v", time.Since(start), head)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > smallBodyTimeout+2*drainTime {
			t.Errorf("the connection was open for %v", d)
		}
		if n := p.denials()["slow-body"]; n != 1 {
			t.Errorf("%d journal lines", n)
		}
	})
}

func TestOneSessionsRequestsLeaveRoomForOthers(t *testing.T) {
	b := newBudget()
	for i := range maxSessionExchanges {
		if _, full := b.enter("greedy"); full != "" {
			t.Fatal(i, full)
		}
	}
	if _, full := b.enter("greedy"); !strings.Contains(full, "this agent has 512 requests") {
		t.Errorf("one more: %q", full)
	}
	for i := range maxExchanges - maxSessionExchanges {
		if _, full := b.enter(fmt.Sprint("other", i%100)); full != "" {
			t.Fatal(i, full)
		}
	}
	if _, full := b.enter("new"); !strings.Contains(full, "4096 requests") {
		t.Errorf("one more: %q", full)
	}
}

// TestLargeHeadsTakeRoom: a thousand heads of a MiB would be a GiB.
func TestLargeHeadsTakeRoom(t *testing.T) {
	large := strings.Repeat("some text ", maxFreeHead/10)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/large" {
			w.Header().Set("X-Back", large)
		}
	}), Config{})
	sh, _ := r.server.budget.enter("test")
	defer r.server.budget.leave(sh)
	tests := []struct {
		name, path string
		header     []string
	}{
		{"a small one", "/", nil},
		{"a large one", "/", []string{"X-Large", large}},
		{"a long URL", "/?" + strings.Repeat("x", maxFreeHead), nil},
		{"an answer with a large one", "/large", nil},
	}
	for _, full := range []bool{false, true} {
		if full && !acquire(t.Context(), sh.bodies, maxSessionBodyBytes) {
			t.Fatal("room was not given back")
		}
		for _, tt := range tests {
			want := http.StatusOK
			if full && tt.name != "a small one" {
				want = http.StatusServiceUnavailable
			}
			status, body := r.get("https://example.com"+tt.path, tt.header...)
			if status != want || status != 200 && denialIn(t, body).Rule != "too-many-bodies" {
				t.Errorf("%s, without room %v: %d %s", tt.name, full, status, body)
			}
		}
	}
	sh.bodies.Release(maxSessionBodyBytes)
}

// TestRoomIsGivenBack: an exchange keeps no room when it has ended.

// isTaken reports whether something of it was not given back.
func (b *budget) isTaken() bool {
	taken := b.exchanges != 0 || len(b.receiving) != 0 || !b.bodies.TryAcquire(maxBodyBytes)
	for _, sh := range b.shares {
		taken = taken || sh.exchanges != 0 || len(sh.receiving) != 0 || !sh.bodies.TryAcquire(maxSessionBodyBytes)
	}
	return taken
}

func TestRoomIsGivenBack(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for range 3 {
		if status, body := r.post("https://example.com/", "text/plain", "hello"); status != 200 {
			t.Fatal(status, body)
		}
		r.lastEnd()
	}
	r.server.Close()
	if b := r.server.budget; b.isTaken() {
		t.Errorf("%+v", b)
	}
}
