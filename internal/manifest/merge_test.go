package manifest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// facts puts what the levels decide into one line.
func facts(m *Manifest) string {
	var routes []string
	for _, r := range m.Egress.Routes {
		routes = append(routes, r.Host+"@"+r.Source)
	}
	var env []string
	for _, k := range slices.Sorted(maps.Keys(m.Env)) {
		env = append(env, k+"="+m.Env[k])
	}
	var secrets []string
	for _, s := range m.Secrets {
		secrets = append(secrets, s.Name+":"+s.Source.Env+s.Source.File)
	}
	var mounts []string
	for _, mt := range m.Mounts {
		mounts = append(mounts, mt.At)
	}
	return fmt.Sprintf("agent=%s default=%s ask=%s mode=%s env=%v routes=%v allow=%d secrets=%v mounts=%v", m.Agent, m.Egress.Default, m.Egress.AskTimeout,
		m.WorkspaceMode, env, routes, len(m.DLP.Allow), secrets, mounts)
}

func TestLevelsMerge(t *testing.T) {
	const v = "version: 1\n"
	tests := []struct {
		name, project, user, variant string
		env                          []string
		flags                        []Override
		want                         string
	}{
		{name: "nothing is the defaults", want: "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "the user's file applies where the project says nothing", project: v + "agent: claude\n", user: v + "agent: codex\negress: {default: ask, ask_timeout: 1m}\n",
			want: "agent=claude default=ask ask=1m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "maps merge by key", project: v + "env: {A: p, B: p}\n", user: v + "env: {B: u, C: u}\n",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[A=p B=p C=u] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "lists replace", project: v + "mounts: [{path: /p}]\n", user: v + "mounts: [{path: /u}, {path: /v}]\n",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[/p]"},
		{name: "an empty list replaces too", project: v + "mounts: []\n", user: v + "mounts: [{path: /u}]\n",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "routes and exemptions of all levels apply, the project's first",
			project: v + "egress:\n  routes:\n    - host: p1\n    - host: p2\ndlp: {allow: [{rule: jwt, host: p}]}\n", user: v + "egress: {routes: [{host: u}]}\ndlp: {allow: [{rule: jwt, host: u}]}\n",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[p1@bottle.yaml:4 p2@bottle.yaml:5 u@config.yaml:2] allow=2 secrets=[] mounts=[]"},
		{name: "a secret's source is replaced as a whole", project: v + "secrets: {s: {from: {file: /p}}}\n", user: v + "secrets: {s: {from: {env: U}}, t: {from: {env: T}}}\n",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[s:/p t:T] mounts=[]"},
		{name: "a variant overrides, and its routes are added in front", variant: "x",
			project: v + "agent: claude\nenv: {A: p, B: p}\negress: {routes: [{host: p}]}\nbottles:\n  x:\n    agent: codex\n    env: {B: x}\n    egress: {routes: [{host: x}]}\n  y: {agent: generic}\n",
			user:    v + "egress: {routes: [{host: u}]}\n",
			want:    "agent=codex default=deny ask=3m0s mode=copy env=[A=p B=x] routes=[x@bottle.yaml:9 p@bottle.yaml:4 u@config.yaml:2] allow=0 secrets=[] mounts=[]"},
		{name: "variants of both files merge", variant: "x", project: v + "agent: claude\nbottles: {x: {env: {A: p}}}\n", user: v + "bottles: {x: {agent: codex, env: {A: u, B: u}}}\n",
			want: "agent=codex default=deny ask=3m0s mode=copy env=[A=p B=u] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "without its name a variant is nothing", project: v + "agent: claude\nbottles: {x: {agent: codex}}\n",
			want: "agent=claude default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "a name that is no variant's is an agent's", variant: "codex", project: v + "agent: claude\n",
			want: "agent=codex default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "the environment is over files and variants", variant: "x", project: v + "agent: claude\nworkspace: {mode: mount}\nbottles: {x: {agent: codex}}\n",
			env:  []string{"BOTTLE_AGENT=generic", "BOTTLE_WORKSPACE_MODE=copy", "BOTTLE_EGRESS_DEFAULT=ask", "BOTTLE_EGRESS_ASK_TIMEOUT=9s"},
			want: "agent=generic default=ask ask=9s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "flags are over the environment", project: v, env: []string{"BOTTLE_AGENT=codex"},
			flags: []Override{{Source: "--agent", Key: "agent", Value: "claude"}, {Source: "--workspace", Key: "workspace.mode", Value: "mount"}},
			want:  "agent=claude default=deny ask=3m0s mode=mount env=[] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "an alias stands for its value", project: v + "env: &e {A: p}\nbottles: {x: {env: *e}}\n", variant: "x",
			want: "agent=generic default=deny ask=3m0s mode=copy env=[A=p] routes=[] allow=0 secrets=[] mounts=[]"},
		{name: "keys that are off",
			project: v + "supervise: false\nforward_host_credentials: false\nrecord: {bodies: false}\n",
			want:    "agent=generic default=deny ask=3m0s mode=copy env=[] routes=[] allow=0 secrets=[] mounts=[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			if tt.project != "" {
				p.manifest(tt.project)
			}
			if tt.user != "" {
				p.user(tt.user)
			}
			p.opts = Options{Name: tt.variant, Environ: tt.env, Flags: tt.flags}
			if got := facts(p.mustLoad()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPathsAreResolved(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\nmounts: [{path: sub/../x}, {path: ~/c}, {path: /abs/., at: ~/y, mode: rw}]\negress: {upstream_ca: [ca.pem]}\nsecrets: {s: {from: {command: [./tool, ca.pem, token]}}}\n")
	p.user("version: 1\nsecrets: {u: {from: {file: token}}, v: {from: {command: [tool, -f, token]}}}\n")
	for _, name := range []string{filepath.Join(p.project, "ca.pem"), filepath.Join(p.home, ".config/bottle/token")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.opts.Dir = filepath.Join(p.project, "deep", "er")
	m := p.mustLoad()
	config := filepath.Join(p.home, ".config", "bottle")
	for _, c := range []struct{ what, got, want string }{
		{"the workspace is the manifest's folder", m.Workspace, p.project},
		{"Dir too", m.Dir, p.project},
		{"a relative mount", m.Mounts[0].Path, filepath.Join(p.project, "x")},
		{"is at the same path", m.Mounts[0].At, filepath.Join(p.project, "x")},
		{"a mount from HOME", m.Mounts[1].Path, filepath.Join(p.home, "c")},
		{"is in the agent's home", m.Mounts[1].At, "~/c"},
		{"a target of its own", m.Mounts[2].At, "~/y"},
		{"upstream_ca", m.Egress.UpstreamCA[0], filepath.Join(p.project, "ca.pem")},
		{"a command's program, and the arguments that name files", strings.Join(m.Secret("s").Source.Command, " "), filepath.Join(p.project, "tool") + " " + filepath.Join(p.project, "ca.pem") + " token"},
		{"the user's files are relative to the user's folder", m.Secret("u").Source.File, filepath.Join(config, "token")},
		{"and so are commands", strings.Join(m.Secret("v").Source.Command, " "), "tool -f " + filepath.Join(config, "token")},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, c.got, c.want)
		}
	}
	if m.Mounts[0].Writable || !m.Mounts[2].Writable {
		t.Error("modes of mounts are lost")
	}
}

func TestNoManifestIsTheWorkingFolder(t *testing.T) {
	p := newPlace(t)
	m := p.mustLoad()
	if m.Project != nil || m.Workspace != p.project || m.Egress.Policy == nil {
		t.Errorf("got %+v", m)
	}
}

func TestWhichFile(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\nagent: claude\n")
	other := p.write(filepath.Join(p.home, "other.yaml"), "version: 1\nagent: codex\n")
	xdg := filepath.Join(p.home, "xdg")
	p.write(filepath.Join(xdg, "bottle", "config.yaml"), "version: 1\nenv: {A: xdg}\n")
	tests := []struct {
		name  string
		opts  Options
		agent string
		env   string
	}{
		{"found above", Options{Dir: filepath.Join(p.project, "a", "b")}, "claude", ""},
		{"a flag", Options{File: other}, "codex", ""},
		{"a relative flag", Options{File: "../home/other.yaml"}, "codex", ""},
		{"BOTTLE_CONFIG", Options{Environ: []string{"BOTTLE_CONFIG=" + other}}, "codex", ""},
		{"XDG_CONFIG_HOME", Options{Environ: []string{"XDG_CONFIG_HOME=" + xdg}}, "claude", "xdg"},
		{"a relative XDG_CONFIG_HOME does not count", Options{Environ: []string{"XDG_CONFIG_HOME=xdg"}}, "claude", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.opts = tt.opts
			if m := p.mustLoad(); m.Agent != tt.agent || m.Env["A"] != tt.env {
				t.Errorf("got %s, %q, want %s, %q", m.Agent, m.Env["A"], tt.agent, tt.env)
			}
		})
	}
	p.opts = Options{File: "nowhere.yaml"}
	if _, err := p.load(); err == nil || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestEnvironmentMistakes(t *testing.T) {
	tests := []struct {
		name string
		env  string
		want []string
	}{
		{"a bad value", "BOTTLE_AGENT=gemini", []string{"environment variable BOTTLE_AGENT: agent: \"gemini\" is not one of"}},
		{"a number that is none", "BOTTLE_RESOURCES_PIDS=x", []string{"environment variable BOTTLE_RESOURCES_PIDS: resources.pids: a whole number"}},
		{"a slip", "BOTTLE_AGNET=claude", []string{"environment variable BOTTLE_AGNET: it sets nothing: did you mean BOTTLE_AGENT?"}},
		{"a key that cannot be set so", "BOTTLE_EGRESS_ROUTES=a.com", []string{"environment variable BOTTLE_EGRESS_ROUTES: it sets nothing: "}},
		{"a whole group", "BOTTLE_MOUNTS=/", []string{"environment variable BOTTLE_MOUNTS: it sets nothing: "}},
		{"what others have under this prefix", "BOTTLE_OPENER_COLOUR=red", nil},
		{"a variable that is known elsewhere", "BOTTLE_RECORD_TO=x", nil},
		{"another prefix", "XBOTTLE_AGENT=x", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t).manifest("version: 1\n")
			p.opts = Options{Environ: []string{tt.env}, KnownEnv: []string{"BOTTLE_RECORD_TO"}}
			_, err := p.load()
			if tt.want == nil {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			wantErrors(t, err, tt.want...)
		})
	}
	for _, e := range envKeys {
		if !looksLikeKey(e.name) {
			t.Errorf("%s is not called like its key %s", e.name, e.key)
		}
	}
}

func TestUnknownNameSuggests(t *testing.T) {
	p := newPlace(t).manifest("version: 1\nbottles: {review: {}}\n")
	p.opts.Name = "rewiew"
	_, err := p.load()
	wantErrors(t, err, "bottle rewiew: |did you mean review?")
}

func TestBothFilesAreReported(t *testing.T) {
	_, err := newPlace(t).manifest("version: 1\nagnet: x\n").user("version: 1\nenv: {A: 1\n").load()
	if err == nil || !strings.Contains(err.Error(), "bottle.yaml:2:1: agnet") || !strings.Contains(err.Error(), "config.yaml:2:") {
		t.Errorf("got %v", err)
	}
}

// TestRoutePrecedence decides requests by routes of all levels.
func TestRoutePrecedence(t *testing.T) {
	p := newPlace(t)
	p.manifest(`version: 1
egress:
  routes:
    - host: "*.example.com"
      action: ask
    - {host: api.example.com, paths: ["/v1/**"]}
    - {host: api.example.com, paths: ["/v1/admin"], methods: [DELETE], action: deny}
    - {host: same.example.org, action: ask}
bottles:
  open:
    egress: {routes: [{host: same.example.org, action: allow}]}
`)
	p.user(`version: 1
egress:
  routes:
    - {host: api.example.com, paths: ["/v1/files"], action: ask}
    - {host: same.example.org, action: allow}
    - {host: blocked.example.com, action: deny}
`)
	tests := []struct{ name, variant, method, url, verdict, source string }{
		{"a wildcard", "", "", "www.example.com", "ask", "bottle.yaml:4"},
		{"a wildcard has no apex", "", "", "example.com", "deny", ""},
		{"an exact host beats it", "", "", "api.example.com/v1/x", "allow", "bottle.yaml:6"},
		{"where no path fits, the wildcard is left", "", "", "api.example.com/v2", "ask", "bottle.yaml:4"},
		{"a longer path beats a shorter one of a higher level", "", "", "https://api.example.com/v1/files", "ask", "config.yaml:4"},
		{"a deny beats all", "", "DELETE", "api.example.com/v1/admin", "deny", "bottle.yaml:7"},
		{"for its method only", "", "GET", "api.example.com/v1/admin", "allow", "bottle.yaml:6"},
		{"a deny of a lower level too", "", "", "blocked.example.com", "deny", "config.yaml:6"},
		{"between equals the project decides", "", "", "same.example.org", "ask", "bottle.yaml:8"},
		{"and a variant before it", "open", "", "same.example.org", "allow", "bottle.yaml:11"},
		{"another port is another matter", "", "", "same.example.org:8443", "deny", ""},
		{"plain http has its own", "", "", "http://same.example.org/", "ask", "bottle.yaml:8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.opts.Name = tt.variant
			e, err := p.mustLoad().Explain(tt.method, tt.url)
			if err != nil || string(e.Verdict) != tt.verdict || e.Source != tt.source {
				t.Errorf("got %+v, %v, want %s by %q", e, err, tt.verdict, tt.source)
			}
		})
	}
}
