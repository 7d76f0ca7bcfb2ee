package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// pretend opens n tunnels that nobody uses.
func (r *rig) pretend(n int, session func(i int) string) (tunnels []*tunnel) {
	r.t.Helper()
	for i := range n {
		a, _ := net.Pipe()
		f := &tunnel{s: r.server, session: session(i), conn: a, host: "example.com", port: 443, mode: Intercept}
		if full := r.server.addTunnel(f); full != "" {
			r.t.Fatalf("tunnel %d: %s", i, full)
		}
		tunnels = append(tunnels, f)
	}
	return tunnels
}

func TestTunnelsAreLimited(t *testing.T) {
	tests := []struct {
		name    string
		n       int
		session func(i int) string
		text    string
	}{
		{"of a server", maxTunnels, func(i int) string { return fmt.Sprint("other", i%50) }, "4096 connections are open"},
		{"of a session", maxSessionTunnels, func(int) string { return "test" }, "this agent has 512 connections open"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, http.HandlerFunc(echo), Config{})
			open := r.pretend(tt.n, tt.session)
			resp, body := exchangeRaw(t, r.dial(), "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", "GET")
			d := denialIn(t, body)
			if resp.StatusCode != 503 || !strings.HasPrefix(resp.Status, "503 "+tt.text) || !strings.HasPrefix(d.Message, tt.text) || resp.Header.Get("Retry-After") == "" {
				t.Errorf("got %s %v %q", resp.Status, resp.Header, body)
			}
			r.journal.wait(t, isDenial("too-many-tunnels"))
			for _, f := range open {
				f.end()
			}
			if status, _ := r.get("https://example.com/"); status != 200 {
				t.Errorf("afterwards %d", status)
			}
			if n := len(r.server.ofEach); n > 1 {
				t.Errorf("%d sessions are counted that have no tunnel", n)
			}
		})
	}
}

func TestASessionLeavesRoomForOthers(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for _, f := range r.pretend(maxSessionTunnels, func(int) string { return "greedy" }) {
		defer f.end()
	}
	if status, body := r.get("https://example.com/"); status != 200 {
		t.Errorf("another session got %d %q", status, body)
	}
}

// eagerListener accepts as fast as it is asked.
type eagerListener struct{ net.Listener }

func (eagerListener) Close() error { return nil }
func (eagerListener) Accept() (net.Conn, error) {
	a, _ := net.Pipe()
	return a, nil
}

func TestAListenerAcceptsSoManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newGuardListener(eagerListener{})
		accepted := make(chan net.Conn, 2*maxFrontConns)
		done := make(chan error)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					done <- err
					return
				}
				accepted <- c
			}
		}()
		synctest.Wait()
		if n := len(accepted); n != maxFrontConns {
			t.Errorf("%d connections were accepted", n)
		}
		c := (<-accepted).(*headGuard)
		c.place.leave()
		c.place.leave()
		synctest.Wait()
		if n := len(accepted); n != maxFrontConns {
			t.Errorf("when one had gone, there were %d", n)
		}
		l.Close()
		if err := <-done; err != net.ErrClosed { //nolint:errorlint // what net/http is told
			t.Error(err)
		}
	})
}

// TestPlacesAreGivenBack has more connections of each kind one after the other
// than there are places, and tunnels beside them.
func TestPlacesAreGivenBack(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	for range maxSessionTunnels - 10 {
		if l := r.connect(r.dial(), "example.com:443"); !strings.Contains(l, " 200 ") {
			t.Fatal(l)
		}
	}
	for range 20 { // tunnels and these are more than there are places
		r.dial()
	}
	for range 200 {
		for _, head := range []string{"CONNECT denied.example:443 HTTP/1.1\r\nHost: denied.example\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "CONNECT", ""} {
			c := r.dial()
			io.WriteString(c, head)
			if strings.HasSuffix(head, "\n") {
				readHead(t, c)
			}
			c.Close()
		}
	}
	if status, _ := r.get("https://example.com/"); status != 200 {
		t.Errorf("afterwards %d", status)
	}
}

func TestAHeadBeforeThePasswordIsSmall(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{}, withPasswords)
	c := r.dial()
	large := strings.Repeat("a", maxFrontHead)
	go fmt.Fprintf(c, "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nX: %s", large) // and no end
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if d := denialIn(t, string(b)); resp.StatusCode != 431 || d.Message != "the request head is larger than 64 KiB" {
		t.Errorf("got %d %q", resp.StatusCode, b)
	}
	resp, _ = exchangeRaw(t, r.dial(), "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nX: "+large[:len(large)-200]+"\r\n\r\n", "GET")
	if resp.StatusCode != 407 {
		t.Errorf("below the limit: %d", resp.StatusCode)
	}
}
