package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// passRig has one passthrough route to a raw TCP upstream that is handed to
// the test.
func passRig(t *testing.T, action Action) (*rig, chan net.Conn) {
	t.Helper()
	addr, conns := tcpServer(t)
	r := newRig(t, http.NotFoundHandler(), Config{})
	r.reroute(Route{Host: "pass.example.com", TLS: Passthrough, Action: action, Upstream: addr, Private: true, Source: "f:9"},
		Route{Host: "192.0.2.1", TLS: Passthrough, Upstream: addr, Private: true})
	return r, conns
}

// clientHello makes the first message of a TLS client.
func clientHello(t *testing.T, serverName string) []byte {
	t.Helper()
	a, b := net.Pipe()
	go func() {
		_ = tls.Client(a, &tls.Config{ServerName: serverName, InsecureSkipVerify: serverName == ""}).Handshake()
		a.Close()
	}()
	defer b.Close()
	head := make([]byte, 5)
	if _, err := io.ReadFull(b, head); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(b, rest); err != nil {
		t.Fatal(err)
	}
	return append(head, rest...)
}

func TestPassthroughSplicesWhatBelongsToTheHost(t *testing.T) {
	for name, target := range map[string]string{"a name": "pass.example.com", "an address, without SNI": "192.0.2.1"} {
		t.Run(name, func(t *testing.T) {
			r, conns := passRig(t, Allow)
			c := r.dial()
			if l := r.connect(c, target+":443"); !strings.Contains(l, " 200 ") {
				t.Fatal(l)
			}
			sni := target
			if strings.HasPrefix(target, "192") {
				sni = ""
			}
			hello := clientHello(t, sni)
			for i := range hello { // byte by byte
				if _, err := c.Write(hello[i : i+1]); err != nil {
					t.Fatal(err)
				}
			}
			up := <-conns
			defer up.Close()
			got := make([]byte, len(hello))
			if _, err := io.ReadFull(up, got); err != nil || string(got) != string(hello) {
				t.Fatalf("the ClientHello came as %q, %v", got, err)
			}
			// The decision is written before anything goes upstream.
			d := r.journal.wait(t, func(e Event) bool { return e.Type == EventDecision })
			if d.Verdict != Allow || d.Proto != "passthrough" || d.Host != target || d.Port != 443 {
				t.Errorf("decision %+v", d)
			}
			// Half-close both ways: the client first, the upstream answers on.
			io.WriteString(c, "up")
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(up); err != nil || string(b) != "up" {
				t.Errorf("upstream read %q, %v", b, err)
			}
			io.WriteString(up, "down")
			up.Close()
			if b, err := io.ReadAll(c); err != nil || string(b) != "down" {
				t.Errorf("client read %q, %v", b, err)
			}
			e := r.journal.wait(t, isEnd)
			if e.ID != d.ID || e.BytesOut != int64(len(hello)+2) || e.BytesIn != 4 || e.Error != "" {
				t.Errorf("end %+v", e)
			}
		})
	}
}

func TestPassthroughHalfCloseByTheUpstream(t *testing.T) {
	r, conns := passRig(t, Allow)
	c := r.dial()
	r.connect(c, "pass.example.com:443")
	hello := clientHello(t, "pass.example.com")
	c.Write(hello)
	up := <-conns
	defer up.Close()
	io.WriteString(up, "bye")
	if err := up.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "bye" {
		t.Errorf("client read %q, %v", b, err)
	}
	io.WriteString(c, "late")
	c.Close()
	if b, err := io.ReadAll(up); err != nil || string(b) != string(hello)+"late" {
		t.Errorf("upstream read %d bytes, %v", len(b), err)
	}
}

func TestPassthroughRefusesWhatIsForAnotherHost(t *testing.T) {
	tests := []struct {
		name, sent string
		text       string
	}{
		{"another SNI", string(clientHello(t, "evil.example.com")), "is for evil.example.com, the tunnel for pass.example.com"},
		{"no SNI", string(clientHello(t, "")), "names no server"},
		{"not TLS", "GET / HTTP/1.1\r\nHost: pass.example.com\r\n\r\n", "carries TLS only"},
		{"a broken hello", "\x16\x03\x01\x00\x10\x01\x00\x00\x0c\x03\x03aaaaaaaaaaaaaa", "could not be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, conns := passRig(t, Allow)
			c := r.dial()
			r.connect(c, "pass.example.com:443")
			io.WriteString(c, tt.sent)
			if b, err := io.ReadAll(c); err != nil || string(b) != string(alertUnrecognizedName) {
				t.Errorf("client got %q, %v", b, err)
			}
			if up, ok := <-conns; ok { // it was dialled, and must have got nothing
				if b, _ := io.ReadAll(up); len(b) > 0 {
					t.Errorf("upstream got %q", b)
				}
			}
			e := r.journal.wait(t, isEnd)
			if e.Verdict != Deny || e.Rule != "sni-mismatch" || !strings.Contains(e.Reason, tt.text) {
				t.Errorf("end %+v, want %q", e, tt.text)
			}
			if n := len(r.journal.all()); n != 2 {
				t.Errorf("%d lines", n)
			}
		})
	}
}

func TestPassthroughKeepsALeakInTheSNIOutOfTheJournal(t *testing.T) {
	r, _ := passRig(t, Allow)
	c := r.dial()
	r.connect(c, "pass.example.com:443")
	c.Write(clientHello(t, githubToken+".example.com"))
	e := r.journal.wait(t, isEnd)
	if e.Verdict != Deny || e.Rule != ruleSNI || e.Reason != "the TLS connection is for [github-token].example.com, the tunnel for pass.example.com" {
		t.Errorf("end %+v", e)
	}
}

func TestPassthroughWithAsk(t *testing.T) {
	r, conns := passRig(t, Ask)
	c := r.dial()
	status := r.connect(c, "pass.example.com:443")
	if !strings.HasPrefix(status, "HTTP/1.1 403 ") || !strings.Contains(status, "needs the operator's approval (route f:9)") {
		t.Errorf("got %q", status)
	}
	if len(conns) > 0 {
		t.Error("the upstream was dialled")
	}
	r.journal.wait(t, isDenial("route f:9"))
}

func TestPassthroughToAnUpstreamThatIsDownOrForbidden(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), Config{})
	r.cfg.Policy = mustPolicy(t, Deny, Route{Host: "down.example.com", TLS: Passthrough, Upstream: closedPort(t), Private: true}, Route{Host: "127.0.0.1", TLS: Passthrough})
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	if l := r.connect(r.dial(), "down.example.com:443"); !strings.HasPrefix(l, "HTTP/1.1 502 no answer from down.example.com") {
		t.Error(l)
	}
	if l := r.connect(r.dial(), "127.0.0.1:443"); !strings.HasPrefix(l, "HTTP/1.1 403 127.0.0.1 is a loopback address, and no route says private: true for it. ") {
		t.Error(l)
	}
}

func TestPassthroughIsNotSentUnrecorded(t *testing.T) {
	r, conns := passRig(t, Allow)
	r.journal.setFail(errors.New("disk full"))
	if l := r.connect(r.dial(), "pass.example.com:443"); !strings.HasPrefix(l, "HTTP/1.1 403 the journal cannot be written") {
		t.Error(l)
	}
	if len(conns) > 0 {
		t.Error("the upstream was dialled")
	}
}

// A client that is gone before it has its answer leaves a trace all the same.
func TestPassthroughIsRecordedBeforeTheUpstreamIsDialled(t *testing.T) {
	r, conns := passRig(t, Allow)
	c := r.dial()
	fmt.Fprintf(c, "CONNECT pass.example.com:443 HTTP/1.1\r\nHost: pass.example.com:443\r\n\r\n")
	up := <-conns
	defer up.Close()
	if d := r.journal.all(); len(d) == 0 || d[0].Type != EventDecision || d[0].Verdict != Allow {
		t.Errorf("the upstream was dialled before the journal had %+v", d)
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
	if e := r.journal.wait(t, isEnd); e.Error == "" && e.Verdict != Deny {
		t.Errorf("end %+v", e)
	}
}

// TestPassthroughCarriesARealTLSConnection: the client verifies the upstream's
// own certificate.
func TestPassthroughCarriesARealTLSConnection(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	r.reroute(Route{Host: "example.com", TLS: Passthrough})
	c := r.dial()
	r.connect(c, "example.com:443")
	roots := x509.NewCertPool()
	roots.AddCert(r.upstream.Certificate())
	tc := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "example.com"})
	fmt.Fprint(tc, "GET /inside HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(tc), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(b), "GET example.com /inside") {
		t.Errorf("got %q", b)
	}
}
