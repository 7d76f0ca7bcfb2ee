package proxy

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// TestAnHTTP10ClientSeesTruncation: the end of its answers is that of their
// connection, so TLS must tell a whole one from another.
func TestAnHTTP10ClientSeesTruncation(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		if q.URL.Path == "/cut" {
			panic(http.ErrAbortHandler)
		}
	}), Config{})
	for path, cut := range map[string]bool{"/cut": true, "/whole": false} {
		c := r.dial()
		r.connect(c, "example.com:443")
		below := &upstreamConn{Conn: c, of: &upstreams{}}
		tc := tls.Client(below, &tls.Config{RootCAs: r.roots, ServerName: "example.com"})
		fmt.Fprintf(tc, "GET %s HTTP/1.0\r\n\r\n", path)
		if b, err := io.ReadAll(tc); err == nil && below.cut.Load() != cut {
			t.Errorf("%s: %q is cut: %v", path, b, !cut)
		}
	}
}

// TestIdleUpstreamConnectionsAreBounded asks one host after the other over HTTP/2,
// whose idle connections net/http does not count.
func TestIdleUpstreamConnectionsAreBounded(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		r := newRig(t, http.HandlerFunc(echo), Config{})
		routes := []Route{{Host: "example.com"}}
		names := []string{"example.com"}
		for i := range 9 {
			names = append(names, fmt.Sprintf("n%d.example.com", i))
			routes = append(routes, Route{Host: names[i+1]})
		}
		r.reroute(routes...)
		ups := r.server.current.Load().upstreams
		ups.tls.InsecureSkipVerify = true // it has one name
		ups.most = 4
		for _, name := range names {
			resp, err := r.client(h2).Get("https://" + name + "/")
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(name, err, resp)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if n := ups.open.Load(); n > ups.most+1 { // the last may not be idle yet
				t.Errorf("h2 %v: %d connections are open", h2, n)
			}
		}
	}
}
