package proxy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestConnectionsWithHTTP2AreLimited opens one more than a session may have.
func TestConnectionsWithHTTP2AreLimited(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	open := func() *tls.Conn {
		t.Helper()
		c := r.dial()
		r.connect(c, "example.com:443")
		tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2", "http/1.1"}})
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		return tc
	}
	for i := range maxSessionH2 {
		if p := open().ConnectionState().NegotiatedProtocol; p != "h2" {
			t.Fatalf("connection %d speaks %s", i, p)
		}
	}
	one := open()
	if p := one.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("one more speaks %s", p)
	}
	if resp, _ := exchangeRaw(t, one, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	// Others that speak HTTP/1.1 take none of the places, and those are given back.
	r.server.closeTunnels(func(*tunnel) bool { return true })
	r.server.active.Wait()
	for range 2 * maxSessionH2 {
		c := r.rawTunnel("example.com:443")
		c.Close()
	}
	resp, err := r.client(true).Get("https://example.com/")
	if err != nil || resp.ProtoMajor != 2 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
}

// TestGitSpeaksHTTP1 offers both as curl's library in git does.
func TestGitSpeaksHTTP1(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for agent, want := range map[string]string{"git/2.39.5": "http/1.1", "curl/8.0": "h2"} {
		c := r.dial()
		fmt.Fprintf(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nUser-Agent: %s\r\n\r\n", agent)
		if head := readHead(t, c); !strings.Contains(head[0], " 200 ") {
			t.Fatal(head)
		}
		tc := tls.Client(c, &tls.Config{RootCAs: r.roots, ServerName: "example.com", NextProtos: []string{"h2", "http/1.1"}})
		if err := tc.Handshake(); err != nil {
			t.Fatal(err)
		}
		if p := tc.ConnectionState().NegotiatedProtocol; p != want {
			t.Errorf("%s speaks %s", agent, p)
		}
	}
}
