package manifest

import (
	"strings"
	"testing"
)

func TestLoadReportsMistakesWithTheirPlace(t *testing.T) {
	const v = "version: 1\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{"bottle.yaml:1:1: |empty"}},
		{"comments alone", "# nothing\n", []string{"bottle.yaml:1:1: |empty"}},
		{"no version", "agent: claude\n", []string{"bottle.yaml:1:1: version: this key is needed: add \"version: 1\" as the first line"}},
		{"another version", "version: 2\n", []string{"bottle.yaml:1:10: version: \"2\" is not one of 1"}},
		{"a version in quotes", "version: \"1\"\n", []string{"bottle.yaml:1:10: version: a whole number is wanted, not text"}},
		{"a list", "- a\n", []string{"bottle.yaml:1:1: |mapping"}},
		{"a word", "hello\n", []string{"bottle.yaml:1:1: |mapping"}},
		{"an unknown key", v + "agnet: claude\n", []string{"bottle.yaml:2:1: agnet: unknown key: did you mean agent?"}},
		{"an unknown key that is near none", v + "zzzzzzzzz: 1\n", []string{"bottle.yaml:2:1: zzzzzzzzz: unknown key: known: version, agent, "}},
		{"an unknown key further down", v + "egress:\n  routes:\n    - host: a.com\n      method: [GET]\n", []string{"bottle.yaml:5:7: egress.routes[0].method: unknown key: did you mean methods?"}},
		{"a key that is not text", v + "? [a]\n: 1\n", []string{"bottle.yaml:3:1: |invalid key"}},
		{"an escape in a key", v + "\"a\\e[2J\": 1\n", []string{`bottle.yaml:2:1: a\x1b[2J: unknown key`}},
		{"a key twice", v + "agent: claude\nenv: {A: a}\nagent: codex\n", []string{"bottle.yaml:4:1: |\"agent\" stands here a second time|line 2"}},
		{"a bad choice", v + "agent: gemini\n", []string{"bottle.yaml:2:8: agent: \"gemini\" is not one of claude, codex, generic"}},
		{"a wrong type", v + "agent: [claude]\n", []string{"bottle.yaml:2:8: agent: one of claude, codex, generic is wanted, not a list"}},
		{"a number for text", v + "env: {PORT: 3000}\n", []string{"bottle.yaml:2:13: env.PORT: text (in quotes: \"3000\") is wanted, not the number 3000"}},
		{"text for a list", v + "mounts: x\n", []string{"bottle.yaml:2:9: mounts: a list is wanted, not text"}},
		{"text for a mapping", v + "egress: deny\n", []string{"bottle.yaml:2:9: egress: a mapping with the keys default, ask_timeout"}},
		{"text for a number", v + "resources: {pids: many}\n", []string{"bottle.yaml:2:19: resources.pids: a whole number"}},
		{"not a number", v + "resources: {cpus: .nan}\n", []string{"bottle.yaml:2:19: resources.cpus: a number"}},
		{"a key without a value", v + "egress:\n  routes:\n    - host: a.com\n      paths:\n      tls: intercept\n", []string{"bottle.yaml:5:7: egress.routes[0].paths: the key has no value"}},
		{"an empty list that would mean anything", v + "egress: {routes: [{host: a.com, methods: []}]}\n", []string{"bottle.yaml:2:42: egress.routes[0].methods: an empty list"}},
		{"a tab", v + "egress:\n\tdefault: deny\n", []string{"bottle.yaml:3:1: |a tab"}},
		{"broken YAML", v + "env: {A: \"b}\n", []string{"bottle.yaml:2:"}},
		{"two documents", v + "---\nversion: 1\n", []string{"bottle.yaml:3:|second YAML document"}},
		{"a directive", "%YAML 1.2\n---\nversion: 1\n", []string{"bottle.yaml:1:1: |directive"}},
		{"a tag", v + "agent: !!str claude\n", []string{"bottle.yaml:2:8: |tag"}},
		{"a merge key", v + "env: &e {A: a}\nbottles: {x: {env: {<<: *e}}}\n", []string{"bottle.yaml:3:21: |merge keys"}},
		{"an alias of nothing", v + "env: *x\n", []string{"bottle.yaml:2:6: |no anchor &x"}},
		{"an alias of what it is in", v + "env: &x {A: *x}\n", []string{"bottle.yaml:2:13: |no anchor &x"}},
		{"bytes that are no text", v + "env: {A: \xff}\n", []string{"bottle.yaml:2:10: |not UTF-8"}},
		{"control characters", v + "env: {A: \x1b[2J}\n", []string{"bottle.yaml:2:10: |U+001B"}},

		{"an image that is no word", v + "image: \"a b\"\n", []string{"bottle.yaml:2:8: image: |neither a path"}},
		{"a switch that is none", v + "record: {bodies: some}\n", []string{"bottle.yaml:2:18: record.bodies: |true or false"}},
		{"ports", v + "ports: [0, 70000, \"70000:80\", \"a:b\", true, \"127.0.0.1:80:80\"]\n", []string{
			"bottle.yaml:2:9: ports[0]: |port of the bottle", "bottle.yaml:2:12: ports[1]: |port of the bottle", "bottle.yaml:2:19: ports[2]: |port of the host",
			"bottle.yaml:2:31: ports[3]: |3000", "bottle.yaml:2:38: ports[4]: |3000", "bottle.yaml:2:44: ports[5]: |3000"}},
		{"a port of the host twice", v + "ports: [80, \"0:80\", \"0:80\", \"80:81\"]\n", []string{"bottle.yaml:2:29: ports[3]: port 80 of the host leads somewhere already"}},
		{"budgets that bound nothing", v + "budgets: {model_cost: 5, requests_per_minute: -1}\n", []string{
			"bottle.yaml:2:23: budgets.model_cost: |no prices", "bottle.yaml:2:47: budgets.requests_per_minute: |below nothing"}},
		{"a price below nothing", v + "budgets: {prices: {a: {output: -0.5}}}\n", []string{"bottle.yaml:2:32: budgets.prices.a.output: |below nothing"}},
		{"a small disk", v + "resources: {disk: 1MiB}\n", []string{"bottle.yaml:2:19: resources.disk: at least 1GiB"}},
		{"groups that are switched off", v + "record: false\nbottles: {x: {record: off}}\n", []string{
			"bottle.yaml:2:9: record: |a mapping with the keys bodies", "bottle.yaml:3:23: bottles.x.record: |a mapping with the keys bodies"}},
		{"metrics for others", v + "metrics: {listen: \"0.0.0.0:9095\"}\n", []string{"bottle.yaml:2:19: metrics.listen: |no loopback address"}},
		{"a rule that there is not", v + "dlp: {rules: {nosuch: warn, jwtt: warn}}\n", []string{
			"bottle.yaml:2:23: dlp.rules.nosuch: there is no rule \"nosuch\": `bottle scan --list-rules` lists them", "bottle.yaml:2:35: dlp.rules.jwtt: there is no rule \"jwtt\": did you mean jwt? `bottle scan"}},
		{"a kind that there is not", v + "egress: {routes: [{host: a.com, kind: human}]}\n", []string{"bottle.yaml:2:39: egress.routes[0].kind: \"human\" is not one of model"}},
		{"raw routes", v + "egress: {routes: [{host: a.com, tls: raw}, {host: b.com, tls: raw, ports: [22], secrets: [s]}]}\nsecrets: {s: {from: {env: S}}}\n", []string{
			"bottle.yaml:2:20: egress.routes[0].ports: a raw route names its ports", "bottle.yaml:2:90: egress.routes[1].secrets: a raw route cannot have secrets"}},
		{"services", v + "host_services: [{name: db}, {name: \"*.db\", port: 1}, {name: localhost, port: 1}, {name: 127.0.0.1, port: 1}, {name: a, port: 70000}, {name: b, port: 1}, {name: B, port: 1}]\n", []string{
			"bottle.yaml:2:18: host_services[0].port: |this key is needed", "bottle.yaml:2:36: host_services[1].name: \"*.db\" cannot be", "bottle.yaml:2:61: host_services[2].name: \"localhost\" cannot be",
			"bottle.yaml:2:89: host_services[3].name: \"127.0.0.1\" cannot be", "bottle.yaml:2:126: host_services[4].port: 70000 is not a port", "bottle.yaml:2:155: host_services[6]: the service \"B\" stands here a second time"}},
		{"a service and a route to the same place", v + "egress: {routes: [{host: db, ports: [5432]}]}\nhost_services: [{name: db, port: 5432}]\n", []string{
			"bottle.yaml:3:18: host_services[0].tls: route bottle.yaml:2 says intercept for the same host and port as this raw"}},
		{"custom rules", v + `dlp:
  custom:
    - {id: acme}
    - {id: Acme, prefix: acme_, class: "[a-z]", length: 20}
    - {id: short, prefix: acme_, class: "[a-z]", length: 5}
    - {id: jwt, prefix: acme_, class: "[a-z]", length: 20}
    - {id: twice, prefix: acme_, class: "[a-z]", length: 20}
    - {id: twice, prefix: acme_, pattern: "("}
    - {id: broken, prefix: acme_, pattern: "("}
    - {id: text, prefix: acme_, class: "[a-z]", length: many}
    - {id: more, prefix: acme_, class: "[a-z]", len: 20}
`, []string{
			"bottle.yaml:4:8: dlp.custom[0].prefix: |this key is needed", "bottle.yaml:5:8: dlp.custom[1]: |the ID must be", "bottle.yaml:6:8: dlp.custom[2]: |has 10 letters",
			"bottle.yaml:7:12: dlp.custom[3].id: |another rule", "bottle.yaml:9:12: dlp.custom[5].id: |another rule", "bottle.yaml:10:8: dlp.custom[6]: |does not compile",
			"bottle.yaml:11:57: dlp.custom[7].length: |a whole number", "bottle.yaml:12:49: dlp.custom[8].len: |unknown key"}},
		{"canaries", v + "env: {A: x}\ndlp: {canaries: [1a, A, B, B, S]}\nsecrets: {s: {from: {env: S}}}\n", []string{
			"bottle.yaml:3:18: dlp.canaries[0]: |no name of a variable", "bottle.yaml:3:22: dlp.canaries[1]: |set under env", "bottle.yaml:3:28: dlp.canaries[3]: |twice", "bottle.yaml:3:31: dlp.canaries[4]: |variable of a secret"}},
		{"a known file that is no path", v + "dlp: {known: [\"a\\tb\", 7]}\n", []string{"bottle.yaml:2:15: dlp.known[0]: |no path", "bottle.yaml:2:23: dlp.known[1]: |a path"}},
		{"a keyring entry without an account", v + "secrets: {a: {from: {keyring: x}}}\n", []string{"bottle.yaml:2:22: secrets.a.from: keyring \"x\" is not SERVICE/ACCOUNT"}},
		{"another login", v + "secrets: {b: {from: {login: gemini}}}\n", []string{"bottle.yaml:2:29: secrets.b.from.login: \"gemini\" is not one of claude, codex"}},
		{"a signature without its parts", v + "secrets: {c: {from: {env: X}, inject: {sigv4: {key_id: d}}}, d: {from: {env: X}, inject: sigv4}}\n", []string{
			"bottle.yaml:2:48: secrets.c.inject.sigv4.regions: |needed", "bottle.yaml:2:48: secrets.c.inject.sigv4.services: |needed", "bottle.yaml:2:90: secrets.d.inject: |key_id: NAME"}},
		{"parts of a signature", v + "secrets: {c: {from: {env: X}, inject: {sigv4: {key_id: i, session_token: t, regions: [r], services: [s]}}}, t: {from: {env: T}, inject: bearer}}\n", []string{
			"bottle.yaml:2:56: secrets.c.inject.sigv4.key_id: |there is no secret \"i\"", "bottle.yaml:2:137: secrets.t.inject: |is a part of \"c\""}},
		{"a signature and a place", v + "secrets: {i: {from: {env: I}}, c: {from: {env: X}, inject: {bearer: true, sigv4: {key_id: i, regions: [r], services: [s]}}}}\n", []string{
			"bottle.yaml:2:61: secrets.c.inject: |no place"}},
		{"grants that lack something", v + "secrets: {a: {from: {oauth2: {token_url: \"http://x/t\", client_id: c, client_secret: no}}}, b: {from: {env: B, scopes: [x]}}}\n", []string{
			"bottle.yaml:2:22: secrets.a.from: |in clear", "bottle.yaml:2:85: secrets.a.from.oauth2.client_secret: |there is no secret", "bottle.yaml:2:103: secrets.b.from: |scopes go with gcp"}},
		{"a preset that is none", v + "use: [antropic]\n", []string{"bottle.yaml:2:7: use[0]: \"antropic\" is not one of"}},
		{"a preset of a package manager that nobody has set up", v + "use: [cargo]\n", []string{"bottle.yaml:2:7: use[0]: preset cargo: the configuration on this host names no registry"}},

		{"a bad host", v + "egress:\n  routes:\n    - host: a.*.com\n    - host: https://a.com\n", []string{"bottle.yaml:4:13: egress.routes[0].host: |in front", "bottle.yaml:5:13: egress.routes[1].host: |is a URL"}},
		{"no host", v + "egress:\n  routes:\n    - ports: [1]\n", []string{"bottle.yaml:4:7: egress.routes[0].host: this key is needed"}},
		{"a bad port", v + "egress: {routes: [{host: a.com, ports: [70000]}]}\n", []string{"bottle.yaml:2:40: egress.routes[0].ports: 70000 is not a port"}},
		{"passthrough with methods", v + "egress: {routes: [{host: a.com, tls: passthrough, methods: [GET]}]}\n", []string{"bottle.yaml:2:60: egress.routes[0].methods: a passthrough route"}},
		{"passthrough with paths", v + "egress: {routes: [{host: a.com, tls: passthrough, paths: [/]}]}\n", []string{"bottle.yaml:2:58: egress.routes[0].paths: a passthrough route"}},
		{"passthrough with secrets", v + "secrets: {s: {from: {env: S}}}\negress: {routes: [{host: a.com, tls: passthrough, secrets: [s]}]}\n", []string{"bottle.yaml:3:60: egress.routes[0].secrets: a passthrough route"}},
		{"a conditional deny over a passthrough", v + "egress: {routes: [{host: \"*.a.com\", methods: [PUT], action: deny}, {host: x.a.com, tls: passthrough}]}\n", []string{"bottle.yaml:2:89: egress.routes[1].tls: |get past the deny|route bottle.yaml:2"}},
		{"an undefined secret", v + "secrets: {github: {from: {env: S}}}\negress: {routes: [{host: a.com, secrets: [gihtub]}]}\n", []string{"bottle.yaml:3:43: egress.routes[0].secrets[0]: there is no secret \"gihtub\": did you mean github?"}},
		{"no secrets at all", v + "egress: {routes: [{host: a.com, secrets: [x]}]}\n", []string{"bottle.yaml:2:43: |declare it under secrets"}},
		{"a source missing", v + "secrets: {s: {from: {}}}\n", []string{"bottle.yaml:2:21: secrets.s.from: one source is needed"}},
		{"two sources", v + "secrets: {s: {from: {env: A, file: b}}}\n", []string{"bottle.yaml:2:22: secrets.s.from: exactly one of env, file, keyring, command, login, gcp, oauth2 and github_app may be given, not env and file"}},
		{"three sources", v + "secrets: {s: {from: {env: A, file: b, command: [x]}}}\n", []string{"bottle.yaml:2:22: secrets.s.from: |not env and file and command"}},
		{"a secret without from", v + "secrets: {s: {inject: bearer}}\n", []string{"bottle.yaml:2:15: secrets.s.from: this key is needed"}},
		{"a ttl without a command", v + "secrets: {s: {from: {env: A, ttl: 1m}}}\n", []string{"bottle.yaml:2:22: secrets.s.from: ttl and timeout"}},
		{"a bad pointer", v + "secrets: {s: {from: {file: /a, json: b}}}\n", []string{"bottle.yaml:2:22: secrets.s.from: \"b\" is not a JSON pointer"}},
		{"a command as text", v + "secrets: {s: {from: {command: gh auth token}}}\n", []string{"bottle.yaml:2:31: secrets.s.from.command: a list is wanted"}},
		{"a bad name of a secret", v + "secrets: {\"a b\": {from: {env: A}}}\n", []string{"bottle.yaml:2:|cannot be the name of a secret"}},
		{"inject without a name", v + "secrets: {s: {from: {env: A}, inject: header}}\n", []string{"bottle.yaml:2:39: secrets.s.inject: header needs a name"}},
		{"inject nowhere", v + "secrets: {s: {from: {env: A}, inject: {bearer: false}}}\n", []string{"bottle.yaml:2:40: secrets.s.inject: it names no place"}},
		{"a bad header", v + "secrets: {s: {from: {env: A}, inject: {header: \"a b\"}}}\n", []string{"bottle.yaml:2:48: secrets.s.inject.header: \"a b\" is not the name"}},
		{"a bad size", v + "resources: {memory: 4GB}\n", []string{"bottle.yaml:2:21: resources.memory: \"4GB\" is not a size such as 512MiB"}},
		{"too little memory", v + "resources: {memory: 1MiB}\n", []string{"bottle.yaml:2:21: resources.memory: at least 64MiB"}},
		{"too few processes", v + "resources: {pids: 2}\n", []string{"bottle.yaml:2:19: resources.pids: 16 to"}},
		{"a bad duration", v + "egress: {ask_timeout: 3 minutes}\n", []string{"bottle.yaml:2:23: egress.ask_timeout: \"3 minutes\" is not a duration"}},
		{"no duration", v + "egress: {ask_timeout: 0s}\n", []string{"bottle.yaml:2:23: egress.ask_timeout: |more than 0"}},
		{"a bad variable", v + "env: {A-B: x}\n", []string{"bottle.yaml:2:12: env.A-B: \"A-B\" is not the name of a variable"}},
		{"variables of bottle itself", v + "env: {HTTPS_PROXY: x, no_proxy: x, SSL_CERT_FILE: x, HOME: /x, PATH: /bin, NODE_USE_ENV_PROXY: \"0\"}\n", []string{
			"bottle.yaml:2:20: env.HTTPS_PROXY: HTTPS_PROXY is the way to the proxy, which bottle sets itself", "bottle.yaml:2:33: env.no_proxy: |itself", "bottle.yaml:2:51: env.SSL_CERT_FILE: |trust the proxy",
			"bottle.yaml:2:60: env.HOME: |home", "bottle.yaml:2:96: env.NODE_USE_ENV_PROXY: |itself"}},
		{"placeholders of no secret, all of them", v + "env:\n  A: ${secret:x}\n  B: a${secret:y\n", []string{"bottle.yaml:3:6: env.A: \"x\" is not a secret that a route allows", "bottle.yaml:4:6: env.B: ${secret: is not closed"}},
		{"a wildcard without quotes", v + "egress:\n  routes:\n    - host: *.a.com\n    - {host: *.b.com}\n", []string{"bottle.yaml:4:13: put it in quotes: \"*.a.com\"", "bottle.yaml:5:14: put it in quotes: \"*.b.com\""}},
		{"a star without quotes", v + "dlp: {allow: [{rule: jwt, host: *}]}\n", []string{"bottle.yaml:2:|put a text that begins with * in quotes"}},
		{"a NUL in a value", v + "env: {A: \"x\\0\"}\n", []string{"bottle.yaml:2:10: env.A: |NUL"}},
		{"a mount over everything", v + "mounts: [{path: /a, at: /}]\n", []string{"bottle.yaml:2:25: mounts[0].at: |as a whole"}},
		{"a relative target", v + "mounts: [{path: /a, at: b}]\n", []string{"bottle.yaml:2:25: mounts[0].at: |absolute"}},
		{"two mounts at one place", v + "mounts: [{path: /a, at: /x}, {path: /b, at: /x}]\n", []string{"bottle.yaml:2:31: mounts[1]: mounts[0] is at"}},
		{"another user's home", v + "workspace: {path: ~root/x}\n", []string{"bottle.yaml:2:19: workspace.path: |only ~ alone"}},
		{"a rule that is not there", v + "dlp: {rules: {jtw: warn}, allow: [{rule: nope, host: a.com}]}\n", []string{"bottle.yaml:2:20: dlp.rules.jtw: there is no rule \"jtw\": did you mean jwt?", "bottle.yaml:2:42: dlp.allow[0].rule: there is no rule"}},
		{"a bad host of an exemption", v + "dlp: {allow: [{rule: jwt, host: \"a b\"}]}\n", []string{"bottle.yaml:2:33: dlp.allow[0].host: |not a host name"}},
		{"a login in the proxy's URL", v + "egress: {upstream_proxy: \"http://u:hunter2@p:1\"}\n", []string{"bottle.yaml:2:26: egress.upstream_proxy: the login does not go into the URL"}},
		{"a proxy that is no URL", v + "egress: {upstream_proxy: {url: proxy.example.com}}\n", []string{"bottle.yaml:2:32: egress.upstream_proxy.url: a URL such as"}},
		{"a proxy without its password", v + "egress: {upstream_proxy: {url: http://p:1, user: me}}\n", []string{"bottle.yaml:2:27: egress.upstream_proxy: user and password"}},
		{"a proxy with an undefined secret", v + "egress: {upstream_proxy: {url: http://p:1, user: me, password: x}}\n", []string{"bottle.yaml:2:64: egress.upstream_proxy.password: there is no secret"}},
		{"a variant that was not asked for", v + "bottles:\n  a:\n    egress: {routes: [{host: \"*\"}]}\n    agnet: x\n  \"b c\": {}\n", []string{
			"bottle.yaml:4:30: bottles.a.egress.routes[0].host: |default: allow", "bottle.yaml:5:5: bottles.a.agnet: unknown key", "bottle.yaml:6:3: bottles.b c: a variant cannot be called"}},
		{"a variant of a variant", v + "bottles: {a: {bottles: {}}}\n", []string{"bottle.yaml:2:15: bottles.a.bottles: unknown key"}},
		{"many at once", v + "agnet: x\nbackend: y\nresources: {memory: z}\negress: {routes: [{host: \"*\"}, {host: a.com, secrets: [q]}]}\n", []string{
			"bottle.yaml:2:1: agnet", "bottle.yaml:3:10: backend", "bottle.yaml:4:21: resources.memory", "bottle.yaml:5:26: egress.routes[0].host", "bottle.yaml:5:56: egress.routes[1].secrets[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newPlace(t).manifest(tt.text).load()
			wantErrors(t, err, tt.want...)
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a password is in %v", err)
			}
		})
	}
}

// TestLoadBounds feeds what is small and grows.
func TestLoadBounds(t *testing.T) {
	laughs := "version: 1\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for _, l := range []string{"1 0", "2 1", "3 2", "4 3", "5 4", "6 5"} {
		n, of, _ := strings.Cut(l, " ")
		laughs += "a" + n + ": &a" + n + " [" + strings.Repeat("*a"+of+",", 10) + "]\n"
	}
	steep := "version: 1\nenv:\n"
	for i := range 200 {
		steep += strings.Repeat(" ", 2*i+2) + "a:\n"
	}
	tests := []struct{ name, text, want string }{
		{"aliases of aliases", laughs, "more than 20000 values"},
		{"a large file", "version: 1\n#" + strings.Repeat("x", maxFileSize), "more than 256 KiB"},
		{"brackets", "version: 1\nenv: " + strings.Repeat("[", 100000), "nested too deeply"},
		{"braces", "version: 1\nenv: " + strings.Repeat("{a: ", 50000), "nested too deeply"},
		{"entries in one line", "version: 1\nenv: \n " + strings.Repeat("- ", 100000) + "x\n", "nested too deeply"},
		{"indentation", steep, "nested too deeply"},
		{"question marks", "version: 1\n" + strings.Repeat("? ", 100000) + "x\n", "nested too deeply"},
		{"many mistakes", "version: 1\n" + manyKeys(500), "there are more mistakes"},
		{"many routes", "version: 1\negress:\n  routes:\n" + strings.Repeat("    - host: a.com\n", maxRoutes+1), "more than 1000 routes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newPlace(t).manifest(tt.text).load()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				text := "no error"
				if err != nil {
					text = err.Error()[:min(len(err.Error()), 500)]
				}
				t.Errorf("got %s, want an error with %q", text, tt.want)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("y", i) + ": 1\n")
	}
	return b.String()
}
