package proxy

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAnHTTP1ClientOfAnUpstreamThatOnlySpeaksHTTP2 has bodies of each kind and
// trailers translated. It is found out once.
func TestAnHTTP1ClientOfAnUpstreamThatOnlySpeaksHTTP2(t *testing.T) {
	var refused atomic.Int64
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Trailer", "X-Down")
		b, _ := io.ReadAll(q.Body)
		w.Header().Set("X-Up", q.Trailer.Get("X-Up"))
		io.WriteString(w, q.Proto+" "+string(b[:min(len(b), 5)]))
		w.Header().Set("X-Down", "down")
	}))
	up.EnableHTTP2 = true
	up.Config.ErrorLog = log.New(io.Discard, "", 0)
	up.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		protos := []string{"h2"}
		if !slices.Contains(hello.SupportedProtos, "h2") {
			refused.Add(1)
			protos = []string{"none"} // "h2" alone lets HTTP/1.1 pass, in Go
		}
		return &tls.Config{NextProtos: protos, Certificates: up.TLS.Certificates}, nil
	}}
	up.StartTLS()
	defer up.Close()
	r := newRig(t, http.NotFoundHandler(), Config{})
	r.cfg.RootCAs.AddCert(up.Certificate())
	r.reroute(Route{Host: "example.com", Upstream: up.Listener.Addr().String(), Private: true})
	c := r.client(false)
	for _, size := range []int{0, 5, 2 * decideBytes} {
		req, _ := http.NewRequest("POST", "https://example.com/", io.NopCloser(strings.NewReader(strings.Repeat("hello", size/5))))
		req.ContentLength, req.Trailer = -1, http.Header{"X-Up": {"up"}}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := "HTTP/2.0 hello"[:9+min(size, 5)]
		if err != nil || string(b) != want || resp.Proto != "HTTP/1.1" || resp.Trailer.Get("X-Down") != "down" || resp.Header.Get("X-Up") != "up" {
			t.Errorf("%d bytes: %s %q %v %v, %v", size, resp.Proto, b, resp.Header, resp.Trailer, err)
		}
	}
	if n := refused.Load(); n != 1 {
		t.Errorf("HTTP/1.1 was tried %d times", n)
	}
	if e := r.lastEnd(); e.Status != 200 {
		t.Errorf("%+v", e)
	}
}
