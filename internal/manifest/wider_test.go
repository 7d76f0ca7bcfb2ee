package manifest

import (
	"strings"
	"testing"
)

func TestNarrowed(t *testing.T) {
	const a, b, c = "{host: a.example}", "{host: b.example}", "{host: c.example}"
	load := func(text string) *Manifest {
		m, err := newPlace(t).manifest("version: 1\n" + text).load()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	routes := func(r string) string { return "egress: {routes: [" + r + "]}\n" }
	for _, tt := range []struct {
		name, old, new string
		want           string // the hosts that are left, "" for nil
	}{
		{"nothing is taken away", routes(a), routes(a + ", " + b), ""},
		{"a route is taken away beside one that is new", routes(a + ", " + b), routes(a + ", " + c), "a.example"},
		{"a denial is new", routes(a), routes(a + ", " + b + ", {host: x.example, action: deny}"), "a.example x.example"},
		{"a route that hid a more open one stays", routes("{host: \"*.example\"}, {host: b.example, action: ask}"), routes("{host: \"*.example\"}, " + c), ""},
		{"a stricter default", "egress: {default: allow}\n", routes(a) + "dlp: {action: warn}\n", "none"},
		{"bodies that are recorded no more", routes(a) + "record: {bodies: true}\n", routes(a + ", " + b), "a.example"},
		{"bodies that are recorded", routes(a), routes(a) + "record: {bodies: true}\n", ""},
		{"a stricter dlp", routes(a) + "dlp: {action: warn}\n", routes(a + ", " + b), "a.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old := load(tt.old)
			m := Narrowed(old, load(tt.new))
			got := ""
			if m != nil {
				var hosts []string
				for _, r := range m.Egress.Routes {
					hosts = append(hosts, r.Host)
				}
				got = or(strings.Join(hosts, " "), "none")
				if m.RecordBodies {
					t.Error("bodies are recorded")
				}
				if w := Wider(old, m); len(w) > 0 || sameHash(m, old) {
					t.Errorf("wider: %q, or with the hash of a file", w)
				}
			}
			if got != tt.want {
				t.Errorf("left is %q, want %q", got, tt.want)
			}
		})
	}
}

func sameHash(a, b *Manifest) bool { return a.Project.Hash == b.Project.Hash }

func TestWider(t *testing.T) {
	egress := func(s string) string { return "egress: {routes: [" + s + "]}\n" }
	const secrets = "secrets: {s: {from: {env: S}}, t: {from: {env: T}}}\n"
	tests := []struct{ name, old, new, want string }{
		{"nothing changed", egress("{host: a}"), egress("{host: a}"), ""},
		{"the place and the order in lists", egress("{host: a, methods: [GET, PUT]}"), "\n\n" + egress("{host: a, methods: [PUT, GET]}"), ""},
		{"mutations of GraphQL too", egress("{host: a, graphql: query}"), egress("{host: a}"), "a route is wider than bottle.yaml:2"},
		{"queries of GraphQL only", egress("{host: a}"), egress("{host: a, graphql: query}"), ""},
		{"a higher limit", "budgets: {bytes_out: 1GiB}\n", "budgets: {bytes_out: 2GiB}\n", "budgets.bytes_out is 2 GiB instead of 1 GiB"},
		{"a lower limit", "budgets: {bytes_out: 2GiB, action: ask, new_hosts: off}\n", "budgets: {bytes_out: 1GiB, action: deny, new_hosts: ask}\n", ""},
		{"no limit any more", "", "budgets: {requests_per_minute: 0}\n", "budgets.requests_per_minute is no limit instead of 60000"},
		{"asked at a limit", "budgets: {action: deny}\n", "", "you are asked instead"},
		{"an alarm less", "budgets: {new_hosts: ask}\n", "", "budgets.new_hosts is warn instead of ask"},
		{"another price", "budgets: {model_cost: 1, prices: {a: {input: 2}}}\n", "budgets: {model_cost: 1, prices: {a: {input: 1}}}\n", "the price of the model a is another"},
		{"a price less", "budgets: {model_cost: 1, prices: {\"a*\": {}, ab: {input: 2}}}\n", "budgets: {model_cost: 1, prices: {\"a*\": {}}}\n", "the model ab has the price of another"},
		{"a new host", egress("{host: a}"), egress("{host: a}, {host: b}"), "a new route: b: allowed"},
		{"a host is gone", egress("{host: a}, {host: b}"), egress("{host: a}"), ""},
		{"a new deny", egress("{host: a}"), egress("{host: a}, {host: a, paths: [/x], action: deny}"), ""},
		{"a deny is gone", egress("{host: a}, {host: a, paths: [/x], action: deny}"), egress("{host: a}"), "a route is gone that was stricter than bottle.yaml:2"},
		{"a deny is gone that denied nothing", egress("{host: a}, {host: b, action: deny}"), egress("{host: a}"), ""},
		{"a deny is wider", egress("{host: a}, {host: a, paths: [/x], action: deny}"), egress("{host: a}, {host: a, action: deny}"), ""},
		{"methods fewer", egress("{host: a, methods: [GET, PUT]}"), egress("{host: a, methods: [GET]}"), ""},
		{"methods more", egress("{host: a, methods: [GET]}"), egress("{host: a, methods: [GET, PUT]}"), "a new route"},
		{"methods any", egress("{host: a, methods: [GET]}"), egress("{host: a}"), "a new route"},
		{"paths fewer", egress("{host: a}"), egress("{host: a, paths: [/v1]}"), ""},
		{"paths other", egress("{host: a, paths: [/v1]}"), egress("{host: a, paths: [/v2]}"), "a new route"},
		{"another port", egress("{host: a}"), egress("{host: a, ports: [8443]}"), "a new route"},
		{"a wildcard becomes a name of it", egress("{host: \"*.a\"}"), egress("{host: b.a}"), ""},
		{"a name becomes a wildcard", egress("{host: b.a}"), egress("{host: \"*.a\"}"), "a new route"},
		{"a wildcard of more labels", egress("{host: \"*.b.a\"}"), egress("{host: \"*.a\"}"), "a new route"},
		{"the apex", egress("{host: \"*.a\"}"), egress("{host: \"*.a\"}, {host: a}"), "a new route: a"},
		{"ask becomes allow", egress("{host: a, action: ask}"), egress("{host: a}"), "a route is wider than bottle.yaml:2"},
		{"allow becomes ask", egress("{host: a}"), egress("{host: a, action: ask}"), ""},
		{"deny becomes ask", egress("{host: a, action: deny}"), egress("{host: a, action: ask}"), "a route is wider"},
		{"an ask is gone under an allow", egress("{host: \"*.a\"}, {host: b.a, action: ask}"), egress("{host: \"*.a\"}"), "a route is gone that was stricter"},
		{"an allow inside of an ask that is inside of an allow", egress("{host: a}, {host: a, paths: [/x], action: ask}"), egress("{host: a}, {host: a, paths: [/x], action: ask}, {host: a, paths: [/x/y]}"), "a route is wider"},
		{"private", egress("{host: a}"), egress("{host: a, private: true}"), "private addresses too"},
		{"private no more", egress("{host: a, private: true}"), egress("{host: a}"), ""},
		{"passthrough", egress("{host: a}"), egress("{host: a, tls: passthrough}"), "not looked into"},
		{"raw", egress("{host: a, ports: [22]}"), egress("{host: a, ports: [22], tls: raw}"), "any protocol"},
		{"raw no more", egress("{host: a, ports: [22], tls: raw}"), egress("{host: a, ports: [22]}"), ""},
		{"raw instead of passthrough", egress("{host: a, ports: [22], tls: passthrough}"), egress("{host: a, ports: [22], tls: raw}"), "any protocol"},
		{"a port", "ports: [3000]", "ports: [3000, \"8080:80\"]", "port 8080 of this host's 127.0.0.1 leads to port 80"},
		{"a port no more", "ports: [3000]", "", ""},
		{"a service of the host", "", "host_services: [{name: db, port: 5432}]", "db port 5432: allowed, any protocol, private addresses too, at 127.0.0.1:5432"},
		{"a service of the host no more", "host_services: [{name: db, port: 5432}]", "", ""},
		{"passthrough no more", egress("{host: a, tls: passthrough}"), egress("{host: a}"), ""},
		{"an intercept is gone over a passthrough", egress("{host: \"*.a\", tls: passthrough}, {host: b.a}"), egress("{host: \"*.a\", tls: passthrough}"), "stricter"},
		{"another upstream", egress("{host: a, upstream: \"b.com:1\"}"), egress("{host: a, upstream: \"c.com:1\"}"), "at c.com:1"},
		{"a secret more", secrets + egress("{host: a, secrets: [s]}"), secrets + egress("{host: a, secrets: [s, t]}"), "with s, t"},
		{"a secret fewer", secrets + egress("{host: a, secrets: [s, t]}"), secrets + egress("{host: a, secrets: [s]}"), ""},
		{"order between equals", egress("{host: a, action: ask}, {host: a, paths: [/**]}, {host: a}"), egress("{host: a}, {host: a, paths: [/**]}, {host: a, action: ask}"), "now comes before a stricter one"},
		{"order the other way", egress("{host: a}, {host: a, action: ask}"), egress("{host: a, action: ask}, {host: a}"), ""},
		{"order of hosts that have nothing in common", egress("{host: a, action: ask}, {host: b}"), egress("{host: b}, {host: a, action: ask}"), ""},
		{"the default asks", "", "egress: {default: ask}\n", "asked instead of denied"},
		{"the default allows", "egress: {default: ask}\n", "egress: {default: allow}\n", "what no route matches is allowed"},
		{"the default denies", "egress: {default: allow}\n", "", ""},
		{"a route under a default that allowed it", "egress: {default: allow}\n", "egress: {default: allow, routes: [{host: a}]}\n", ""},
		{"a private route under such a default", "egress: {default: allow}\n", "egress: {default: allow, routes: [{host: a, private: true}]}\n", "a new route"},
		{"a route is gone under a looser default", "egress: {default: allow, routes: [{host: a, action: ask}]}\n", "egress: {default: allow}\n", "the default is more open"},
		{"an upstream is gone under a default that allows", "egress: {default: allow, routes: [{host: \"*.a.x\", upstream: \"up.example:443\"}]}\n", "egress: {default: allow}\n", "a route is gone, and the default is more open: *.a.x"},
		{"an upstream is gone under a new default that allows", egress("{host: \"*.a.x\", upstream: \"up.example:443\"}"), "egress: {default: allow}\n", "a route is gone, and the default is more open: *.a.x"},
		{"an upstream is gone under a default that denies", egress("{host: a, upstream: \"up.example:443\"}"), "", ""},
		{"a plain route is gone under a default that allows", "egress: {default: allow, routes: [{host: a}]}\n", "egress: {default: allow}\n", ""},
		{"the time to answer", "", "egress: {ask_timeout: 1h}\n", ""},
		{"a root more", "egress: {upstream_ca: [/a]}\n", "egress: {upstream_ca: [/a, /b]}\n", "roots in /b"},
		{"a root fewer", "egress: {upstream_ca: [/a, /b]}\n", "egress: {upstream_ca: [/b]}\n", ""},
		{"an upstream proxy", "", "egress: {upstream_proxy: \"http://p:1\"}\n", "another upstream proxy"},
		{"another one", "egress: {upstream_proxy: \"http://p:1\"}\n", "egress: {upstream_proxy: \"http://q:1\"}\n", "another upstream proxy"},
		{"none any more", "egress: {upstream_proxy: \"http://p:1\"}\n", "", "directly"},

		{"a new secret", "", "secrets: {s: {from: {env: S}}}\n", "a new secret: s, from the variable S"},
		{"a secret is gone", "secrets: {s: {from: {env: S}}}\n", "", ""},
		{"another source", "secrets: {s: {from: {env: S}}}\n", "secrets: {s: {from: {file: /f}}}\n", "comes from elsewhere: from /f"},
		{"another command", "secrets: {s: {from: {command: [gh, a]}}}\n", "secrets: {s: {from: {command: [gh, b]}}}\n", "comes from elsewhere: from the command gh"},
		{"how long it is kept", "secrets: {s: {from: {command: [gh]}}}\n", "secrets: {s: {from: {command: [gh], ttl: 1h, timeout: 1m}}}\n", ""},
		{"another place in a request", "secrets: {s: {from: {env: S}, inject: bearer}}\n", "secrets: {s: {from: {env: S}}}\n", "other places"},

		{"a new mount", "", "mounts: [{path: /a}]\n", "a new mount: /a: read-only"},
		{"a mount is writable", "mounts: [{path: /a}]\n", "mounts: [{path: /a, mode: rw}]\n", "/a is writable now"},
		{"a mount is not any more", "mounts: [{path: /a, mode: rw}]\n", "mounts: [{path: /a}]\n", ""},
		{"a mount is gone", "mounts: [{path: /a}]\n", "", ""},
		{"a mount elsewhere", "mounts: [{path: /a}]\n", "mounts: [{path: /a, at: /b}]\n", "a new mount"},
		{"a mount that hid a part of another", "mounts: [{path: /a}, {path: /empty, at: /a/keys}]\n", "mounts: [{path: /a}]\n", "/empty, which lay over a part of another, is gone"},
		{"the workspace itself", "workspace: {mode: copy}\n", "workspace: {mode: mount}\n", "the folder itself"},
		{"a copy of it", "workspace: {mode: mount}\n", "workspace: {mode: copy}\n", ""},
		{"another workspace", "workspace: {path: /a}\n", "workspace: {path: /}\n", "the workspace is / instead of /a"},

		{"dlp redacts", "", "dlp: {action: redact}\n", "dlp.action is redact instead of block"},
		{"dlp warns", "", "dlp: {action: warn}\n", "dlp.action is warn instead of block"},
		{"dlp blocks", "dlp: {action: off}\n", "", ""},
		{"a rule is off", "dlp: {rules: {jwt: warn}}\n", "dlp: {rules: {jwt: off}}\n", "jwt has the action off instead of warn"},
		{"a rule has what it comes with", "", "dlp: {rules: {jwt: warn}}\n", ""},
		{"a rule has less than it comes with", "", "dlp: {rules: {jwt: off}}\n", "jwt has the action off instead of warn"},
		{"a rule that blocks warns", "", "dlp: {rules: {github-token: warn}}\n", "github-token has the action warn instead of block"},
		{"a rule was stricter than the rest", "dlp: {action: warn, rules: {github-token: block}}\n", "dlp: {action: warn}\n", "github-token has the action warn instead of block"},
		{"a rule blocks", "dlp: {rules: {jwt: warn}}\n", "dlp: {rules: {jwt: block}}\n", ""},
		{"a rule is left to itself", "dlp: {rules: {jwt: block}}\n", "", "jwt has the action warn instead of block"},
		{"an exemption", "", "dlp: {allow: [{rule: jwt, host: a.com}]}\n", "jwt finds may go to a.com"},
		{"an exemption is gone", "dlp: {allow: [{rule: jwt, host: a.com}]}\n", "", ""},
		{"a custom rule", "", "dlp: {custom: [{id: acme, prefix: acme_, class: \"[a-z]\", length: 20}]}\n", ""},
		{"a custom rule is gone", "dlp: {custom: [{id: acme, prefix: acme_, class: \"[a-z]\", length: 20}]}\n", "", "the custom dlp rule acme is gone or changed"},
		{"a custom rule warns", "dlp: {custom: [{id: acme, prefix: acme_, class: \"[a-z]\", length: 20}]}\n", "dlp: {custom: [{id: acme, prefix: acme_, class: \"[a-z]\", length: 20}], rules: {acme: warn}}\n", "the dlp rule acme has the action warn instead of block"},
		{"a known file", "", "dlp: {known: [/a]}\n", "the file /a is read for known values"},
		{"a known file is gone", "dlp: {known: [/a]}\n", "", "the values in /a are not looked for any more"},
		{"a canary", "", "dlp: {canaries: [A]}\n", ""},
		{"a canary is gone", "dlp: {canaries: [A]}\n", "", "the canary A is gone"},

		{"another agent", "agent: claude\n", "agent: codex\n", "the agent is codex instead of claude"},
		{"another environment", "env: {A: a}\n", "env: {A: b}\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			load := func(text string) *Manifest { return p.manifest("version: 1\n" + text).mustLoad() }
			old := load(tt.old)
			got := Wider(old, load(tt.new))
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("got %q, want nothing", got)
			case tt.want != "" && (len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), tt.want)):
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := Wider(old, old); len(got) > 0 {
				t.Errorf("a manifest is wider than itself: %q", got)
			}
		})
	}
}

func TestRecordingIsSaid(t *testing.T) {
	p := newPlace(t)
	off, on := p.manifest("version: 1\n").mustLoad(), p.manifest("version: 1\nrecord: {bodies: true}\n").mustLoad()
	if w := Wider(off, on); len(w) != 1 || !strings.HasPrefix(w[0], "record.bodies is true: ") {
		t.Errorf("switched on: %q", w)
	}
	if w := Wider(on, off); len(w) > 0 {
		t.Errorf("switched off: %q", w)
	}
	if c := on.Summary().Cautions; len(c) != 1 || !strings.HasPrefix(c[0], "record.bodies is true: ") {
		t.Errorf("the summary says %q", c)
	}
	if c := off.Summary().Cautions; len(c) > 0 {
		t.Errorf("without, it says %q", c)
	}
}

// TestRecordIsTheProjectsOrTheUsers: either may say so, and the project's word counts.
func TestRecordIsTheProjectsOrTheUsers(t *testing.T) {
	const on, off = "version: 1\nrecord: {bodies: true}\n", "version: 1\nrecord: {bodies: false}\n"
	for _, tt := range []struct {
		project, user string
		want          bool
	}{{"version: 1\n", "version: 1\n", false}, {on, off, true}, {off, on, false}, {"version: 1\n", on, true}, {on, "version: 1\n", true}} {
		p := newPlace(t).manifest(tt.project)
		p.user(tt.user)
		if m := p.mustLoad(); m.RecordBodies != tt.want {
			t.Errorf("%q over %q: %v", tt.project, tt.user, m.RecordBodies)
		}
	}
}
