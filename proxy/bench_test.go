package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// cpuTime is what this process has used. Client, proxy and upstream are all in
// it, so a proxy's own share is the difference to the direct way.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchRig has what the budget asks for: 50 routes, 20 secrets, redaction on
// the route, the journal.
func benchRig(b *testing.B, up http.Handler) (r *rig, leaves *mitm.Minter) {
	b.Helper()
	cfg := Config{}
	var names []string
	for i := range 20 {
		name := fmt.Sprintf("secret%02d", i)
		names = append(names, name)
		cfg.Secrets = append(cfg.Secrets, fixedSecret(name, fmt.Sprintf("acme-PLACEHOLDER%02dxPLACEHOLDERxPLACEH", i), fmt.Sprintf("acme-%02dJq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa", i), Inject{}))
	}
	r = newRig(b, up, cfg, func(r *rig, o *Options, _ *ListenOptions) { leaves = o.Leaves; o.Recorder = countRecorder{} })
	routes := []Route{{Host: "example.com", Secrets: names}}
	for i := range 49 {
		routes = append(routes, Route{Host: fmt.Sprintf("h%d.example.com", i), Methods: []string{"GET", "POST"}, Paths: []string{"/v1/**"}})
	}
	r.reroute(routes...)
	return r, leaves
}

type countRecorder struct{}

func (countRecorder) Record(context.Context, *Event) error { return nil }

// reverseProxy is httputil's with TLS on both legs, and the address it is at.
func reverseProxy(b *testing.B, r *rig, leaves *mitm.Minter) string {
	b.Helper()
	rp := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(&url.URL{Scheme: "https", Host: "example.com"}) },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: r.cfg.RootCAs}, DisableCompression: true, MaxIdleConnsPerHost: 256,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, r.upstream.Listener.Addr().String())
			},
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	cfg := leaves.TLSConfig(leafFor("example.com"))
	cfg.NextProtos = []string{"http/1.1"}
	s := &http.Server{Handler: rp, TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.ServeTLS(l, "", "") }()
	b.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// directClient speaks TLS to an address as if it were example.com.
func directClient(b *testing.B, r *rig, addr string) *http.Client {
	roots := r.roots.Clone()
	roots.AddCert(r.upstream.Certificate())
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
	}
	b.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func fetch(b *testing.B, c *http.Client, method, body string) int64 {
	req, err := http.NewRequest(method, "https://example.com/v1/messages", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+"acme-PLACEHOLDER07xPLACEHOLDERxPLACEH")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.StatusCode, n, err)
	}
	return n
}

// ways runs the same work over all three ways, interleaved, and reports the CPU
// of each above the direct one.
func ways(b *testing.B, r *rig, leaves *mitm.Minter, batch int, unit string, scale float64, work func(c *http.Client)) {
	clients := []*http.Client{directClient(b, r, r.upstream.Listener.Addr().String()), directClient(b, r, reverseProxy(b, r, leaves)), r.client(false)}
	for _, c := range clients {
		c.Timeout = time.Minute
		work(c)
	}
	var cpu [3]time.Duration
	n := 0
	for b.Loop() {
		for i, c := range clients {
			before := cpuTime(b)
			for range batch {
				work(c)
			}
			cpu[i] += cpuTime(b) - before
		}
		n += batch
	}
	per := func(i int) float64 { return float64(cpu[i]-cpu[0]) / float64(n) / float64(time.Microsecond) * scale }
	b.ReportMetric(per(1), "reverseproxy-"+unit)
	b.ReportMetric(per(2), "bottle-"+unit)
	b.ReportMetric(per(2)/per(1), "ratio")
}

func BenchmarkSmallRequest(b *testing.B) {
	r, leaves := benchRig(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		io.WriteString(w, `{"id":"msg_01","type":"message","content":[{"type":"text","text":"hello"}]}`)
	}))
	ways(b, r, leaves, 100, "µs/op", 1, func(c *http.Client) {
		fetch(b, c, http.MethodPost, `{"model":"x","messages":[{"role":"user","content":"hello"}]}`)
	})
}

func BenchmarkStreamDown(b *testing.B) {
	r, leaves := benchRig(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(64<<20))
		io.Copy(w, &patternReader{left: 64 << 20})
	}))
	ways(b, r, leaves, 1, "ms/GB", 16.0/1000, func(c *http.Client) { fetch(b, c, http.MethodGet, "") })
}

func BenchmarkStreamUp(b *testing.B) {
	r, leaves := benchRig(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { io.Copy(io.Discard, q.Body) }))
	body := strings.Repeat(string(pattern), 64<<20/len(pattern))
	ways(b, r, leaves, 1, "ms/GB", 16.0/1000, func(c *http.Client) { fetch(b, c, http.MethodPost, body) })
}

// BenchmarkNewConnection is a CONNECT, a handshake and one request, as CPU of
// client, proxy and upstream together.
func BenchmarkNewConnection(b *testing.B) {
	r, _ := benchRig(b, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {}))
	c := r.client(false)
	c.Transport.(*http.Transport).DisableKeepAlives = true
	before, n := cpuTime(b), 0
	for b.Loop() {
		fetch(b, c, http.MethodGet, "")
		n++
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(n)/1000, "cpu-µs/op")
}
