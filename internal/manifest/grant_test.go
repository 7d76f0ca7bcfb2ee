package manifest

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

const grantManifest = `version: 1
secrets: {key: {from: {env: KEY}, inject: bearer}}
egress:
  default: ask
  routes:
    - {host: "*.example.com", paths: ["/v1/**"], action: ask, secrets: [key]}
    - {host: api.example.com, methods: [DELETE], action: deny}
    - {host: free.example.org}
    - {host: api.free.example, methods: [GET]}
    - {host: api.free.example, methods: [DELETE], action: deny}
    - {host: half.example.org, methods: [GET]}
    - {host: part.example.org, paths: [/a/**]}
    - {host: "*.pass.example", tls: passthrough, action: ask}
`

func TestGrantFor(t *testing.T) {
	p := newPlace(t)
	p.manifest(grantManifest)
	m := p.mustLoad()
	want := func(host, method, path string) Want {
		return Want{Scheme: "https", Host: host, Port: 443, Methods: []string{method}, Path: path}
	}
	for _, c := range []struct {
		name   string
		want   Want
		action proxy.Action
		line   string // of the route, or a part of the error
		reach  string // one of the lines
	}{
		{"a yes is as narrow as the route that asks", want("api.example.com", "GET", "/v1/x"), proxy.Allow, "api.example.com GET /v1/**: allowed, with key", "a route is wider than bottle.yaml:6"},
		{"a yes to the default is for host and method", want("new.example.net", "POST", "/x"), proxy.Allow, "new.example.net POST: allowed", "a new route: new.example.net POST: allowed"},
		{"another port is only that port", Want{Scheme: "https", Host: "new.example.net", Port: 8443, Methods: []string{"GET"}, Path: "/"}, proxy.Allow, "new.example.net port 8443 GET: allowed", "port 8443"},
		{"a no is as narrow", want("api.example.com", "GET", "/v1/x"), proxy.Deny, "api.example.com GET /v1/**: denied", ""},
		{"a denial beats a yes", want("api.example.com", "DELETE", "/v1/x"), proxy.Allow, "denies it", ""},
		{"what is allowed needs no yes", want("free.example.org", "GET", "/"), proxy.Allow, "allows it already", ""},
		{"passthrough stays what it is", want("a.pass.example", "CONNECT", ""), proxy.Allow, "a.pass.example: allowed, not looked into", "not looked into"},
		{"a host and patterns that nobody waits for", Want{Scheme: "https", Host: "n.example.net", Port: 443, Methods: []string{"GET", "PUT"}, Paths: []string{"/a/**"}}, proxy.Allow, "n.example.net GET, PUT /a/**: allowed", "n.example.net GET, PUT /a/**"},
		{"one of two methods is allowed", Want{Scheme: "https", Host: "half.example.org", Port: 443, Methods: []string{"GET", "POST"}}, proxy.Allow, "half.example.org GET, POST: allowed", "half.example.org GET, POST"},
		{"one of two methods is denied", Want{Scheme: "https", Host: "api.example.com", Port: 443, Methods: []string{"DELETE", "GET"}, Paths: []string{"/v2"}}, proxy.Allow, "api.example.com DELETE, GET /v2: allowed", "DELETE, GET /v2"},
		{"all methods are allowed or denied", Want{Scheme: "https", Host: "api.free.example", Port: 443, Methods: []string{"GET", "DELETE"}}, proxy.Allow, "denies it", ""},
		{"one of two paths is allowed", Want{Scheme: "https", Host: "part.example.org", Port: 443, Methods: []string{"GET"}, Paths: []string{"/a/**", "/b"}}, proxy.Allow, "part.example.org GET /a/**, /b: allowed", "part.example.org GET /a/**, /b"},
		{"a secret for a host that is allowed", Want{Scheme: "https", Host: "free.example.org", Port: 443, Secret: "key"}, proxy.Allow, "free.example.org: allowed, with key", "with key"},
		{"a secret that there is not", Want{Scheme: "https", Host: "free.example.org", Port: 443, Secret: "nokey"}, proxy.Allow, "no secret", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := m.GrantFor(c.want, c.action)
			if err != nil {
				if !strings.Contains(err.Error(), c.line) {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := routeLine(&g.Route); got != c.line {
				t.Errorf("got %q, want %q", got, c.line)
			}
			with, left := m.With([]Grant{g})
			if d := with.Egress.Policy.Decide(m.missing(c.want)); len(left) > 0 || d.Action != c.action {
				t.Errorf("decides %+v, left %v", d, left)
			}
			if reach := strings.Join(Wider(m, with), "\n"); !strings.Contains(reach, c.reach) || (reach == "") != (c.reach == "") {
				t.Errorf("reach %q", reach)
			}
		})
	}
}

// A grant that a new manifest has no place for is left out, and the others stay.
func TestGrantsThatConflictAreLeftOut(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\negress: {routes: [{host: a.example.com, tls: passthrough}]}\n")
	m := p.mustLoad()
	with, left := m.With([]Grant{
		{Route: proxy.Route{Host: "a.example.com", Methods: []string{"GET"}, Action: proxy.Deny}},
		{Route: proxy.Route{Host: "b.example.com", Action: proxy.Allow}},
	})
	if len(left) != 1 || len(with.Egress.Routes) != 2 || len(m.Egress.Routes) != 1 {
		t.Errorf("left %v, routes %v", left, with.Egress.Routes)
	}
}
