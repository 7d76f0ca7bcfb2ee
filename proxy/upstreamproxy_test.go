package proxy

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// corporate is a proxy of a company: it wants a password, and everything that
// goes through it ends at one server.
type corporate struct {
	t     *testing.T
	to    string // of CONNECT
	plain string // of http URLs
	auth  string // what Proxy-Authorization must be
	deny  string // a target that is refused

	mu  sync.Mutex
	log []string
}

func (c *corporate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.log = append(c.log, r.Method+" "+r.RequestURI)
	c.mu.Unlock()
	if r.Header.Get("Proxy-Authorization") != c.auth {
		w.Header().Set("Proxy-Authenticate", `Basic realm="corp"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	}
	if c.deny != "" && strings.Contains(r.RequestURI, c.deny) {
		http.Error(w, "not during work", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodConnect {
		r.URL.Host, r.RequestURI = c.plain, ""
		r.Header.Del("Proxy-Authorization")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			c.t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
		return
	}
	up, err := net.Dial("tcp", c.to)
	if err != nil {
		c.t.Error(err)
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		c.t.Error(err)
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(up, conn); up.Close() }()
	io.Copy(conn, up)
	conn.Close()
}

func (c *corporate) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	log := c.log
	c.log = nil
	return log
}

// corporateRig sends everything that is not private through a corporate proxy.
func corporateRig(t *testing.T, scheme string, up http.Handler, user string, password func(context.Context) (string, error), routes ...Route) (*rig, *corporate) {
	t.Helper()
	r := newRig(t, up, Config{})
	corp := &corporate{t: t, to: r.upstream.Listener.Addr().String(), plain: plainUpstream(t, up)}
	if user != "" {
		corp.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":swordfish"))
	}
	s := httptest.NewUnstartedServer(corp)
	s.Config.ErrorLog = r.upstream.Config.ErrorLog
	if scheme == "https" {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	r.cfg.UpstreamProxy = &UpstreamProxy{URL: &url.URL{Scheme: scheme, Host: s.Listener.Addr().String()}, User: user, Password: password}
	r.cfg.Policy = mustPolicy(t, Deny, routes...)
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	return r, corp
}

func swordfish(context.Context) (string, error) { return "swordfish", nil }

func TestEverythingGoesThroughTheUpstreamProxy(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		for _, user := range []string{"", "agent"} {
			t.Run(scheme+" "+user, func(t *testing.T) {
				up := &upstreamLog{}
				r, corp := corporateRig(t, scheme, up, user, swordfish, Route{Host: "*.example.com"}, Route{Host: "example.com"})
				if status, body := r.get("https://example.com/secure"); status != 200 || body != "ok" {
					t.Errorf("https: %d %q", status, body)
				}
				if got := corp.take(); len(got) != 1 || got[0] != "CONNECT example.com:443" {
					t.Errorf("the proxy was asked %q", got)
				}
				if status, body := r.get("http://www.example.com/clear?x"); status != 200 || body != "ok" {
					t.Errorf("http: %d %q", status, body)
				}
				if got := corp.take(); len(got) != 1 || got[0] != "GET http://www.example.com/clear?x" {
					t.Errorf("the proxy was asked %q", got)
				}
				for _, got := range up.take() {
					if got.header.Get("Proxy-Authorization") != "" {
						t.Error("the upstream got the proxy's password")
					}
				}
			})
		}
	}
}

// TestOptionsOfAServerThroughTheUpstreamProxy: it, the last on the way, makes "*" of
// them.
func TestOptionsOfAServerThroughTheUpstreamProxy(t *testing.T) {
	r, corp := corporateRig(t, "http", &upstreamLog{}, "", nil, Route{Host: "example.com"})
	exchangeRaw(t, r.dial(), "OPTIONS http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n", "OPTIONS")
	c := r.dial()
	r.connect(c, "example.com:80")
	exchangeRaw(t, c, "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n", "OPTIONS")
	if got := corp.take(); len(got) != 2 || got[0] != "OPTIONS http://example.com" || got[1] != got[0] {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestAnUpstreamOverrideGoesThroughTheUpstreamProxy(t *testing.T) {
	up := &upstreamLog{}
	r, corp := corporateRig(t, "http", up, "", nil, Route{Host: "example.com", Upstream: "edge.example.net:8443"})
	if status, body := r.get("https://example.com/"); status != 200 {
		t.Errorf("https: %d %q", status, body)
	}
	corp.to = corp.plain
	if status, body := r.get("http://example.com/"); status != 200 {
		t.Errorf("http: %d %q", status, body)
	}
	for _, got := range corp.take() {
		if got != "CONNECT edge.example.net:8443" {
			t.Errorf("the proxy was asked %q", got)
		}
	}
}

func TestPassthroughGoesThroughTheUpstreamProxy(t *testing.T) {
	r, corp := corporateRig(t, "https", http.HandlerFunc(echo), "agent", swordfish, Route{Host: "example.com", TLS: Passthrough})
	c := r.dial()
	if l := r.connect(c, "example.com:443"); !strings.Contains(l, " 200 ") {
		t.Fatal(l)
	}
	c.Write(clientHello(t, "example.com"))
	if b, err := bufio.NewReader(c).Peek(1); err != nil || b[0] != 0x16 {
		t.Errorf("%x %v", b, err)
	}
	if got := corp.take(); len(got) != 1 || got[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestPrivateRoutesAreOnThisSideOfTheUpstreamProxy(t *testing.T) {
	up := &upstreamLog{}
	r, corp := corporateRig(t, "http", up, "", nil)
	r.reroute(Route{Host: "example.com"}) // private, with the upstream's address
	if status, body := r.get("https://example.com/"); status != 200 {
		t.Errorf("%d %q", status, body)
	}
	if got := corp.take(); len(got) != 0 {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestWhatTheUpstreamProxyCannotBeTrustedWith(t *testing.T) {
	hosts := []string{"127.0.0.1", "169.254.169.254", "10.0.0.1", "1.1.1.1", "[::1]", "[2606:4700::1111]", "localhost", "metadata", "metadata.google.internal", "printer.local", "db.corp", "nas.lan", "x.home.arpa", "a.localhost"}
	var routes []Route
	for _, h := range hosts {
		routes = append(routes, Route{Host: h})
	}
	r, corp := corporateRig(t, "http", http.HandlerFunc(echo), "", nil, routes...)
	for _, h := range hosts {
		for _, scheme := range []string{"https", "http"} {
			if scheme == "https" && strings.Contains(h, ".0.0.") {
				continue // the same, and Go's client needs no second round
			}
			status, body := r.get(scheme + "://" + h + "/")
			if status != 403 || denialIn(t, body).Rule != "address-guard" {
				t.Errorf("%s://%s: %d %q", scheme, h, status, body)
			}
		}
	}
	if got := corp.take(); len(got) != 0 {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestTroubleWithTheUpstreamProxy(t *testing.T) {
	tests := []struct {
		name     string
		setup    func(*rig, *corporate)
		password func(context.Context) (string, error)
		text     string
	}{
		{"it wants another password", nil, func(context.Context) (string, error) { return "tunafish", nil }, "407"},
		{"the password cannot be had", nil, func(context.Context) (string, error) { return "", errors.New("keyring is locked") }, "keyring is locked"},
		{"it refuses the host", func(_ *rig, c *corporate) { c.deny = "example.com" }, swordfish, "403"},
		{"it is down", func(r *rig, _ *corporate) {
			p := *r.cfg.UpstreamProxy
			p.URL = &url.URL{Scheme: "http", Host: closedPort(t)}
			r.cfg.UpstreamProxy = &p
			if err := r.server.Reload(context.Background(), r.cfg); err != nil {
				t.Fatal(err)
			}
		}, swordfish, "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r, corp := corporateRig(t, "http", up, "agent", tt.password, Route{Host: "example.com"})
			if tt.setup != nil {
				tt.setup(r, corp)
			}
			status, body := r.get("https://example.com/")
			if d := denialIn(t, body); status != 502 || d.Type != "bottle_upstream" || !strings.Contains(d.Message, "upstream proxy") || !strings.Contains(d.Message, tt.text) || strings.Contains(body, "fish") {
				t.Errorf("https: %d %q", status, body)
			}
			if tt.name == "it refuses the host" {
				return // over http that answer is the host's as far as anyone can see
			}
			status, body = r.get("http://example.com/")
			if d := denialIn(t, body); status != 502 || !strings.Contains(d.Message, "upstream proxy") || strings.Contains(body, "fish") {
				t.Errorf("http: %d %q", status, body)
			}
			if got := up.take(); len(got) > 0 {
				t.Errorf("upstream got %+v", got)
			}
		})
	}
}

func TestAnUpstreamProxyWithAnUnknownCertificate(t *testing.T) {
	r, _ := corporateRig(t, "https", http.HandlerFunc(echo), "", nil, Route{Host: "example.com"})
	r.cfg.RootCAs = r.roots // not the proxy's
	if err := r.server.Reload(context.Background(), r.cfg); err != nil {
		t.Fatal(err)
	}
	if status, body := r.get("https://example.com/"); status != 502 || !strings.Contains(body, "upstream_ca") {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAnUpstreamProxyThatSpeaksFirst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nsurprise")
			io.Copy(io.Discard, c)
		}
	}()
	d := &dialer{proxy: &UpstreamProxy{URL: &url.URL{Scheme: "http", Host: l.Addr().String()}}}
	if c, err := d.dialRoute(t.Context(), "example.com", 443, "", false); err == nil || !strings.Contains(err.Error(), "sent data before") {
		t.Errorf("%v %v", c, err)
	}
}
