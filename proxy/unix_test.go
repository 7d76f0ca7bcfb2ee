package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestAUnixSocketIsAProxyToo: what a bottle's relay, and a container with a mounted
// socket, come to.
func TestAUnixSocketIsAProxyToo(t *testing.T) {
	r := newRig(t, http.HandlerFunc(echo), Config{})
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "p"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(l, ListenOptions{Session: "unix"}) }()
	for _, h2 := range []bool{false, true} {
		c := r.client(h2)
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", l.Addr().String())
		}
		resp, err := c.Post("https://example.com/", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "hello") || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("h2 %v: %s %s %q, %v", h2, resp.Proto, resp.Status, body, err)
		}
		if e := r.lastEnd(); e.Session != "unix" {
			t.Errorf("journal: %+v", e)
		}
	}
	r.server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
}
