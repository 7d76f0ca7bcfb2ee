package proxy

import (
	"errors"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/glob"
)

func mustPolicy(t testing.TB, def Action, routes ...Route) *Policy {
	t.Helper()
	p, err := NewPolicy(def, routes)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecide(t *testing.T) {
	tests := []struct {
		name   string
		def    Action
		routes []Route
		target Target
		want   Action
		rule   string
	}{
		{"nothing allows, so it is denied", "", nil, Target{"https", "example.com", 443, "GET", "/"}, Deny, "default"},
		{"the default may ask", Ask, nil, Target{"https", "example.com", 443, "GET", "/"}, Ask, "default"},
		{"the default may allow", Allow, nil, Target{"https", "example.com", 443, "GET", "/"}, Allow, "default"},
		{"an exact host is allowed", "", []Route{{Host: "example.com"}}, Target{"https", "example.com", 443, "GET", "/"}, Allow, "route example.com"},
		{"a sub-domain is another host", "", []Route{{Host: "example.com"}}, Target{"https", "a.example.com", 443, "GET", "/"}, Deny, "default"},
		{"a wildcard covers any depth", "", []Route{{Host: "*.example.com"}}, Target{"https", "a.b.example.com", 443, "GET", "/"}, Allow, "route *.example.com"},
		{"a wildcard does not cover the apex", "", []Route{{Host: "*.example.com"}}, Target{"https", "example.com", 443, "GET", "/"}, Deny, "default"},
		{"a wildcard does not cover a longer name", "", []Route{{Host: "*.example.com"}}, Target{"https", "badexample.com", 443, "GET", "/"}, Deny, "default"},
		{"the default port is 443", "", []Route{{Host: "example.com"}}, Target{"https", "example.com", 8443, "GET", "/"}, Deny, "default"},
		{"plain http has port 80 by default", "", []Route{{Host: "example.com"}}, Target{"http", "example.com", 80, "GET", "/"}, Allow, "route example.com"},
		{"TLS on port 80 needs a named port", "", []Route{{Host: "example.com"}}, Target{"https", "example.com", 80, "GET", "/"}, Deny, "default"},
		{"named ports replace the default", "", []Route{{Host: "example.com", Ports: []int{8443}}}, Target{"https", "example.com", 443, "GET", "/"}, Deny, "default"},
		{"an address is a host", "", []Route{{Host: "192.0.2.1"}}, Target{"https", "192.0.2.1", 443, "GET", "/"}, Allow, "route 192.0.2.1"},
		{"IPv6 is compared in one form", "", []Route{{Host: "2001:DB8::0:1"}}, Target{"https", "2001:db8::1", 443, "GET", "/"}, Allow, "route 2001:db8::1"},
		{"a name is compared in punycode", "", []Route{{Host: "bücher.example"}}, Target{"https", "xn--bcher-kva.example", 443, "GET", "/"}, Allow, "route xn--bcher-kva.example"},
		{"a method that is not listed is denied", "", []Route{{Host: "a.com", Methods: []string{"GET"}}}, Target{"https", "a.com", 443, "POST", "/"}, Deny, "default"},
		{"methods are upper-cased in the route only", "", []Route{{Host: "a.com", Methods: []string{"get"}}}, Target{"https", "a.com", 443, "get", "/"}, Deny, "default"},
		{"a path pattern matches below", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1/a/b"}, Allow, "route a.com"},
		{"and the folder itself", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1"}, Allow, "route a.com"},
		{"but no longer name", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v12"}, Deny, "default"},
		{"paths are compared decoded", "", []Route{{Host: "a.com", Paths: []string{"/v1/x"}}}, Target{"https", "a.com", 443, "GET", "/%76%31/x"}, Allow, "route a.com"},
		{"dot segments are refused where paths matter", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1/../admin"}, Deny, "ambiguous-path"},
		{"encoded dots too", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1/%2e%2E/admin"}, Deny, "ambiguous-path"},
		{"twice encoded dots too", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1/%252e%252e/admin"}, Deny, "ambiguous-path"},
		{"an encoded slash is refused", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1%2Fadmin"}, Deny, "ambiguous-path"},
		{"a double slash is refused", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "//v1/x"}, Deny, "ambiguous-path"},
		{"a backslash is refused", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", `/v1/..\admin`}, Deny, "ambiguous-path"},
		{"a path parameter cannot hide dots", "", []Route{{Host: "a.com", Paths: []string{"/v1/**"}}}, Target{"https", "a.com", 443, "GET", "/v1/..;x/admin"}, Deny, "ambiguous-path"},
		{"without paths in a route nobody compares them", "", []Route{{Host: "a.com"}}, Target{"https", "a.com", 443, "GET", "/v1/../x"}, Allow, "route a.com"},
		{"a deny beats a more specific allow", "", []Route{{Host: "a.x.com"}, {Host: "*.x.com", Action: Deny}}, Target{"https", "a.x.com", 443, "GET", "/"}, Deny, "route *.x.com"},
		{"a deny of a method leaves the others", "", []Route{{Host: "*.x.com"}, {Host: "*.x.com", Methods: []string{"DELETE"}, Action: Deny}}, Target{"https", "a.x.com", 443, "GET", "/"}, Allow, "route *.x.com"},
		{"the exact host beats a wildcard", "", []Route{{Host: "*.x.com", Source: "f:1"}, {Host: "a.x.com", Action: Ask, Source: "f:2"}}, Target{"https", "a.x.com", 443, "GET", "/"}, Ask, "route f:2"},
		{"the longer wildcard wins", "", []Route{{Host: "*.x.com", Source: "f:1"}, {Host: "*.a.x.com", Action: Ask, Source: "f:2"}}, Target{"https", "b.a.x.com", 443, "GET", "/"}, Ask, "route f:2"},
		{"then the more specific path", "", []Route{{Host: "a.com", Source: "f:1"}, {Host: "a.com", Paths: []string{"/x/**"}, Action: Ask, Source: "f:2"}}, Target{"https", "a.com", 443, "GET", "/x/y"}, Ask, "route f:2"},
		{"an exact path beats a pattern", "", []Route{{Host: "a.com", Paths: []string{"/x/*"}, Source: "f:1"}, {Host: "a.com", Paths: []string{"/x/y"}, Action: Ask, Source: "f:2"}}, Target{"https", "a.com", 443, "GET", "/x/y"}, Ask, "route f:2"},
		{"then a route with methods", "", []Route{{Host: "a.com", Source: "f:1"}, {Host: "a.com", Methods: []string{"GET"}, Action: Ask, Source: "f:2"}}, Target{"https", "a.com", 443, "GET", "/"}, Ask, "route f:2"},
		{"then the order", "", []Route{{Host: "a.com", Source: "f:1"}, {Host: "a.com", Action: Ask, Source: "f:2"}}, Target{"https", "a.com", 443, "GET", "/"}, Allow, "route f:1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustPolicy(t, tt.def, tt.routes...)
			d := p.Decide(tt.target)
			if d.Action != tt.want || d.Rule != tt.rule {
				t.Errorf("got %s by %q (%s), want %s by %q", d.Action, d.Rule, d.Reason, tt.want, tt.rule)
			}
			if (d.Action == Deny) != (d.Reason != "") {
				t.Errorf("a denial, and only a denial, has a reason; got %q", d.Reason)
			}
			// What a request gets, its CONNECT must not have been refused.
			if h := p.DecideHost(tt.target.Host, tt.target.Port); d.Action != Deny && h.Action == Deny {
				t.Errorf("CONNECT denied: %s", h.Reason)
			}
		})
	}
}

func TestDecideHost(t *testing.T) {
	tests := []struct {
		name   string
		routes []Route
		host   string
		port   int
		want   Action
		mode   TLSMode
	}{
		{"no route", nil, "a.com", 443, Deny, ""},
		{"a route with paths admits the tunnel", []Route{{Host: "a.com", Paths: []string{"/x"}}}, "a.com", 443, Allow, Intercept},
		{"a conditional deny leaves the tunnel open", []Route{{Host: "a.com"}, {Host: "a.com", Methods: []string{"PUT"}, Action: Deny}}, "a.com", 443, Allow, Intercept},
		{"a plain deny closes it", []Route{{Host: "a.com"}, {Host: "a.com", Action: Deny}}, "a.com", 443, Deny, ""},
		{"a deny on another port does not", []Route{{Host: "a.com"}, {Host: "a.com", Ports: []int{8080}, Action: Deny}}, "a.com", 443, Allow, Intercept},
		{"passthrough", []Route{{Host: "a.com", TLS: Passthrough}}, "a.com", 443, Allow, Passthrough},
		{"passthrough may ask", []Route{{Host: "a.com", TLS: Passthrough, Action: Ask}}, "a.com", 443, Ask, Passthrough},
		{"the exact host decides the mode", []Route{{Host: "*.x.com", TLS: Passthrough}, {Host: "a.x.com"}}, "a.x.com", 443, Allow, Intercept},
		{"ask on an intercepted host waits for the request", []Route{{Host: "a.com", Action: Ask}}, "a.com", 443, Allow, Intercept},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := mustPolicy(t, Deny, tt.routes...).DecideHost(tt.host, tt.port)
			if d.Action != tt.want || d.Action != Deny && modeOf(d.Route) != tt.mode {
				t.Errorf("got %s %v, want %s %s", d.Action, d.Route, tt.want, tt.mode)
			}
		})
	}
}

func TestNewPolicyRefuses(t *testing.T) {
	tests := []struct {
		name  string
		route []Route
		field string
		text  string
	}{
		{"no host", []Route{{}}, "host", "a host is needed"},
		{"a star alone", []Route{{Host: "*"}}, "host", "default: allow"},
		{"a star inside", []Route{{Host: "a.*.com"}}, "host", "in front"},
		{"a URL", []Route{{Host: "https://a.com/x"}}, "host", "is a URL"},
		{"a path", []Route{{Host: "a.com/x"}}, "host", "paths"},
		{"a port", []Route{{Host: "a.com:8080"}}, "host", "ports: [8080]"},
		{"a disguised address", []Route{{Host: "0x7f.1"}}, "host", "usual form"},
		{"a wildcard address", []Route{{Host: "*.127.0.0.1"}}, "host", "address"},
		{"a bad port", []Route{{Host: "a.com", Ports: []int{70000}}}, "ports", "70000"},
		{"a bad method", []Route{{Host: "a.com", Methods: []string{"GET IT"}}}, "methods", "not an HTTP method"},
		{"a relative path", []Route{{Host: "a.com", Paths: []string{"v1"}}}, "paths", "begins with /"},
		{"a query in a path", []Route{{Host: "a.com", Paths: []string{"/a?b"}}}, "paths", "query"},
		{"stars inside a segment", []Route{{Host: "a.com", Paths: []string{"/a**"}}}, "paths", "whole segment"},
		{"an unknown action", []Route{{Host: "a.com", Action: "permit"}}, "action", "allow, deny or ask"},
		{"an unknown TLS mode", []Route{{Host: "a.com", TLS: "mitm"}}, "tls", "intercept, passthrough or raw"},
		{"passthrough with methods", []Route{{Host: "a.com", TLS: Passthrough, Methods: []string{"GET"}}}, "methods", "passthrough"},
		{"passthrough with paths", []Route{{Host: "a.com", TLS: Passthrough, Paths: []string{"/"}}}, "paths", "passthrough"},
		{"passthrough with secrets", []Route{{Host: "a.com", TLS: Passthrough, Secrets: []string{"s"}}}, "secrets", "passthrough"},
		{"passthrough under a conditional deny", []Route{{Host: "*.a.com", Methods: []string{"PUT"}, Action: Deny}, {Host: "x.a.com", TLS: Passthrough}}, "tls", "get past the deny"},
		{"both modes for one host", []Route{{Host: "a.com"}, {Host: "a.com", TLS: Passthrough}}, "tls", "same host"},
		{"an upstream without a port", []Route{{Host: "a.com", Upstream: "b.com"}}, "upstream", "host:port"},
		{"a loopback upstream that is not private", []Route{{Host: "a.com", Upstream: "127.0.0.1:1"}}, "upstream", "private: true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewPolicy(Deny, tt.route)
			var re *RouteError
			if !errors.As(err, &re) || re.Field != tt.field || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want an error about %s with %q", err, tt.field, tt.text)
			}
		})
	}
}

func TestExplainNamesTheLosers(t *testing.T) {
	p := mustPolicy(t, Deny,
		Route{Host: "*.x.com", Source: "f:1"},
		Route{Host: "a.x.com", Paths: []string{"/v1/**"}, Source: "f:2"},
		Route{Host: "a.x.com", Paths: []string{"/v2/**"}, Source: "f:3"},
		Route{Host: "a.x.com", Methods: []string{"PUT"}, Source: "f:4"},
		Route{Host: "a.x.com", Ports: []int{8443}, Source: "f:5"},
		Route{Host: "b.x.com", Source: "f:6"},
	)
	d, losers := p.Explain(Target{"https", "a.x.com", 443, "GET", "/v1/a"})
	if d.Rule != "route f:2" {
		t.Fatalf("rule %s", d.Rule)
	}
	var got []string
	for _, l := range losers {
		got = append(got, l.Route.Source+" "+l.Why)
	}
	want := []string{"f:1 a more specific host won", "f:3 another path: /v2/**", "f:4 another method: PUT", "f:5 another port: 8443"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestCanonicalHost(t *testing.T) {
	good := map[string]string{
		"Example.COM": "example.com", "example.com.": "example.com", "bücher.de": "xn--bcher-kva.de", "localhost": "localhost",
		"127.0.0.1": "127.0.0.1", "[::1]": "::1", "::1": "::1", "[::ffff:127.0.0.1]": "127.0.0.1", "a_b.example.com": "a_b.example.com",
		"xn--bcher-kva.de": "xn--bcher-kva.de", "1password.com": "1password.com", "2001:DB8:0::1": "2001:db8::1",
	}
	for in, want := range good {
		if got, err := CanonicalHost(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	bad := []string{"", ".", "a..b", "-a.com", "a-.com", "0x7f000001", "127.1", "2130706433", "0177.0.0.1", "fe80::1%eth0", "[::1", "[1.2.3.4]",
		"a b", "a\x00b", "a/b", "a@b", "a:b", "１２７.0.0.1", "ⓛocalhost\u202e", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 127) + "com"}
	for _, in := range bad {
		if got, err := CanonicalHost(in); err == nil {
			t.Errorf("%q was taken as %q", in, got)
		}
	}
}

func FuzzCanonicalHost(f *testing.F) {
	for _, s := range []string{"Example.com", "[::1]", "0x7f.1", "bücher.de", "１２７.0.0.1", "a.b.c.", "%", "xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := CanonicalHost(s)
		if err != nil {
			return
		}
		again, err := CanonicalHost(h)
		if err != nil || again != h {
			t.Errorf("%q → %q → %q, %v: not canonical", s, h, again, err)
		}
	})
}

func FuzzPathPattern(f *testing.F) {
	f.Add("/v1/**", "/v1/a/b")
	f.Add("/**/x/**/y*z", "/a/x/b/yz")
	f.Add("/a*b*c", "/a%2fb")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		p, err := parsePathPattern(pattern)
		if err != nil {
			return
		}
		segments, err := pathSegments(path)
		if err != nil {
			return
		}
		for _, s := range segments {
			if s == ".." || strings.ContainsAny(s, "/\\\x00") {
				t.Errorf("%q was split into %q", path, segments)
			}
		}
		if got, want := p.match(segments), slowMatch(p.segments, segments); got != want {
			t.Errorf("%q on %q: got %v, want %v", pattern, path, got, want)
		}
	})
}

// slowMatch is the definition that match is held to.
func slowMatch(pat, seg []string) bool {
	if len(pat)+len(seg) > 24 {
		pat, seg = pat[:min(len(pat), 8)], seg[:min(len(seg), 16)]
	}
	switch {
	case len(pat) == 0:
		return len(seg) == 0
	case pat[0] == "**":
		return slowMatch(pat[1:], seg) || len(seg) > 0 && slowMatch(pat, seg[1:])
	default:
		return len(seg) > 0 && glob.Segment(pat[0], seg[0]) && slowMatch(pat[1:], seg[1:])
	}
}

func BenchmarkDecide(b *testing.B) {
	var routes []Route
	for i := range 50 {
		routes = append(routes, Route{Host: "h" + strings.Repeat("x", i) + ".example.com", Methods: []string{"GET", "POST"}, Paths: []string{"/v1/**"}})
	}
	p := mustPolicy(b, Deny, routes...)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(Target{"https", "hxxx.example.com", 443, "POST", "/v1/messages"})
	}
}
