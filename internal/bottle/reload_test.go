package bottle

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// applied is a proxy that keeps what it was given.
type applied struct {
	configs chan proxy.Config
	err     error
}

// Redact takes out what a test calls a secret.
func (a *applied) Redact(text string) string { return strings.ReplaceAll(text, "a-secret", "[secret]") }

func (a *applied) Spent(string) proxy.Spent { return proxy.Spent{} }

func (a *applied) Reload(_ context.Context, cfg proxy.Config) error {
	if a.err == nil {
		a.configs <- cfg
	}
	return a.err
}

// reloading is a reloader of a project whose proxy runs on a manifest.
type reloading struct {
	*reloader
	project *project
	applied *applied
	notes   *notes
}

func newReloading(t *testing.T, text string) *reloading {
	t.Helper()
	p := newProject(t)
	p.mkdirs("tools")
	m := p.trusted(text)
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	r := &reloading{project: p, applied: &applied{configs: make(chan proxy.Config, 10)}, notes: &notes{}}
	r.reloader = &reloader{server: r.applied, journal: r.notes, session: "s", log: slog.New(slog.DiscardHandler), trust: p.trust,
		load: p.read, user: u, current: m, agreed: m}
	return r
}

// expect reloads and compares how often the proxy was changed, and what the
// last note says.
func (r *reloading) expect(t *testing.T, changes, notes int, last string) {
	t.Helper()
	r.reload(t.Context())
	r.check(t, changes, notes, last)
}

func (r *reloading) check(t *testing.T, changes, notes int, last string) {
	t.Helper()
	list := r.notes.all()
	if len(r.applied.configs) != changes || len(list) != notes {
		t.Fatalf("%d changes and the notes %+v, want %d and %d", len(r.applied.configs), list, changes, notes)
	}
	if n := len(list); n > 0 {
		if e := list[n-1]; !strings.Contains(e.Reason+": "+e.Error, last) || e.Type != proxy.EventNote || e.Session != "s" {
			t.Errorf("the note is %+v, want %q", e, last)
		}
	}
}

const (
	oneRoute  = "egress: {routes: [{host: a.example}]}\n"
	twoRoutes = "egress: {routes: [{host: a.example}, {host: b.example}]}\n"
	noRoutes  = "egress: {default: deny}\n"
)

func TestReload(t *testing.T) {
	t.Run("an unchanged file changes nothing", func(t *testing.T) {
		newReloading(t, oneRoute).expect(t, 0, 0, "")
	})
	t.Run("an invalid one keeps the old in force, and says so once", func(t *testing.T) {
		r := newReloading(t, oneRoute)
		r.project.write(manifest.FileName, "version: 1\negres: {}\n", 0o600)
		r.expect(t, 0, 1, "is not valid, so the old one stays in force: bottle.yaml:2:1")
		r.expect(t, 0, 1, "is not valid")
		r.project.write(manifest.FileName, "version: 1\nworkspac: {}\n", 0o600)
		r.expect(t, 0, 2, "workspac")
	})
	t.Run("one that is gone keeps the old in force", func(t *testing.T) {
		r := newReloading(t, oneRoute)
		if err := os.Remove(r.project.path(manifest.FileName)); err != nil {
			t.Fatal(err)
		}
		r.expect(t, 0, 1, "bottle.yaml is gone, so the policy that is in force stays: put the file back")
		r.expect(t, 0, 1, "no such file")
	})
	t.Run("a narrower one applies at once, and the next one too", func(t *testing.T) {
		r := newReloading(t, twoRoutes)
		r.project.load(oneRoute)
		r.expect(t, 1, 1, "the changed manifest is in force")
		if d := (<-r.applied.configs).Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
			t.Errorf("b.example: %s", d.Action)
		}
		r.project.load(noRoutes)
		r.expect(t, 1, 2, "the changed manifest is in force")
	})
	t.Run("a wider one waits for a yes", func(t *testing.T) {
		r := newReloading(t, oneRoute)
		wide := r.project.load(twoRoutes)
		r.expect(t, 0, 1, "waits for `bottle trust`")
		r.expect(t, 0, 1, "b.example")
		if err := r.project.trust.Trust(wide); err != nil {
			t.Fatal(err)
		}
		r.expect(t, 1, 2, "the changed manifest is in force")
		if d := (<-r.applied.configs).Policy.DecideHost("b.example", 443); d.Action != proxy.Allow {
			t.Errorf("b.example: %s", d.Action)
		}
	})
	t.Run("after a narrower one, what was given up is wider again", func(t *testing.T) {
		r := newReloading(t, twoRoutes)
		r.project.load(oneRoute)
		r.expect(t, 1, 1, "in force")
		r.project.load("# again\n" + twoRoutes)
		r.expect(t, 1, 2, "waits for `bottle trust`")
	})
	t.Run("what was given up does not come back with a text that was agreed to before", func(t *testing.T) {
		r := newReloading(t, twoRoutes)
		r.project.load(oneRoute)
		r.expect(t, 1, 1, "in force")
		wide := r.project.load(twoRoutes)
		r.expect(t, 1, 2, "agreed to before, but gives the agent more")
		if err := r.project.trust.Trust(wide); err != nil {
			t.Fatal(err)
		}
		r.expect(t, 2, 3, "is in force, and gives the agent more, as was agreed to")
		// Each change of what is in force is noted, also the same one again.
		r.project.load(oneRoute)
		r.expect(t, 3, 4, "the changed manifest is in force")
		r.project.load(twoRoutes)
		r.expect(t, 3, 5, "agreed to before")
		r.project.load(noRoutes)
		r.expect(t, 4, 6, "the changed manifest is in force")
	})
	t.Run("of one that gives and takes, the taking applies at once", func(t *testing.T) {
		r := newReloading(t, twoRoutes)
		const other = "egress: {routes: [{host: a.example}, {host: c.example}, {host: x.a.example, action: deny}]}\n"
		wide := r.project.load(other)
		r.expect(t, 1, 2, "waits for `bottle trust`: a new route: c.example: allowed")
		policy := (<-r.applied.configs).Policy
		for host, want := range map[string]proxy.Action{"a.example": proxy.Allow, "b.example": proxy.Deny, "c.example": proxy.Deny, "x.a.example": proxy.Deny} {
			if d := policy.DecideHost(host, 443); d.Action != want {
				t.Errorf("%s: %s", host, d.Action)
			}
		}
		r.expect(t, 0, 2, "waits for")
		// The text that was agreed to before gives more than what is in force now.
		r.project.load(twoRoutes)
		r.expect(t, 0, 3, "agreed to before, but gives the agent more")
		r.project.load(other)
		if err := r.project.trust.Trust(wide); err != nil {
			t.Fatal(err)
		}
		r.expect(t, 1, 4, "is in force, and gives the agent more, as was agreed to")
	})
	t.Run("one that waited and was taken back is said again the next time", func(t *testing.T) {
		r := newReloading(t, oneRoute)
		r.project.load(twoRoutes)
		r.expect(t, 0, 1, "waits for `bottle trust`")
		r.project.load(oneRoute)
		r.expect(t, 0, 2, "again the one that is in force")
		r.expect(t, 0, 2, "again")
		r.project.load(twoRoutes)
		r.expect(t, 0, 3, "waits for `bottle trust`")
	})
	t.Run("one that the proxy refuses keeps the old in force", func(t *testing.T) {
		r := newReloading(t, twoRoutes)
		r.applied.err = errors.New("it is closing")
		r.project.load(oneRoute)
		r.expect(t, 0, 1, "cannot be applied, so the old one stays in force: it is closing")
		r.applied.err = nil
		r.expect(t, 1, 2, "in force")
	})
}

const withScript = `
secrets: {token: {from: {command: [./token.sh]}, inject: bearer}}
egress:
  routes:
    - {host: a.example, secrets: [token]}
`

// TestReloadRunsNoScriptThatChanged: in a folder where the agent may write, the
// script that prints a secret may be the agent's by now.
func TestReloadRunsNoScriptThatChanged(t *testing.T) {
	p := newProject(t)
	script := func(mark string) {
		p.write("token.sh", "#!/bin/sh\necho "+mark+" >>ran\necho tok_0123456789abcdef\n", 0o700)
	}
	script("first")
	m := p.trusted(withScript + "    - {host: b.example}\n")
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	r := &reloading{project: p, applied: &applied{configs: make(chan proxy.Config, 10)}, notes: &notes{}}
	r.reloader = &reloader{server: r.applied, journal: r.notes, session: "s", log: slog.New(slog.DiscardHandler), trust: p.trust,
		load: p.read, user: u, current: m, agreed: m}
	script("changed")
	p.load(withScript)
	r.expect(t, 1, 1, "what was agreed to has changed")
	cfg := <-r.applied.configs
	if d := cfg.Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
		t.Errorf("b.example: %s", d.Action)
	}
	if ran, err := os.ReadFile(p.path("ran")); err == nil {
		t.Errorf("it ran: %s", ran)
	}
	wide := p.load("# again\n" + withScript + "    - {host: c.example}\n")
	r.expect(t, 0, 2, "waits for `bottle trust`")
	if err := p.trust.Trust(wide); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1, 3, "in force")
}

// TestReloadTakesAwayAfterTheYesWasRevoked: what is taken away applies at once,
// and what stays keeps its credential.
func TestReloadTakesAwayAfterTheYesWasRevoked(t *testing.T) {
	const text = "egress: {routes: [{host: a.example, secrets: [one]}, {host: b.example, secrets: [two]}]}\n" +
		"secrets: {one: {from: {file: ./one}}, two: {from: {file: ./two}}}\n"
	p := newProject(t)
	p.write("one", "tok_0123456789abcdef", 0o600)
	p.write("two", "tok_fedcba9876543210", 0o600)
	m := p.trusted(text)
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	cfg, _, err := u.proxyConfig(t.Context(), m, secret.Options{})
	if err != nil || len(cfg.Secrets) != 2 {
		t.Fatalf("%d secrets, %v", len(cfg.Secrets), err)
	}
	r := &reloading{project: p, applied: &applied{configs: make(chan proxy.Config, 10)}, notes: &notes{}}
	r.reloader = &reloader{server: r.applied, journal: r.notes, session: "s", log: slog.New(slog.DiscardHandler), trust: p.trust,
		load: p.read, user: u, inForce: cfg, current: m, agreed: m}
	if _, err := p.trust.Revoke(m.Project.Path); err != nil {
		t.Fatal(err)
	}
	p.load(strings.Replace(text, ", {host: b.example, secrets: [two]}", "", 1))
	r.expect(t, 1, 1, "is not trusted any more")
	cfg = <-r.applied.configs
	if d := cfg.Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
		t.Errorf("b.example: %s", d.Action)
	}
	if len(cfg.Secrets) != 1 || cfg.Secrets[0].Name != "one" || !cfg.KeepValues {
		t.Errorf("secrets %+v, kept %v", cfg.Secrets, cfg.KeepValues)
	}
	p.load(noRoutes)
	r.expect(t, 1, 2, "is not trusted any more")
	if cfg = <-r.applied.configs; len(cfg.Secrets) != 0 {
		t.Errorf("secrets %+v", cfg.Secrets)
	}
	p.load("# more\n" + text)
	r.expect(t, 0, 3, "waits for `bottle trust`")
}

// TestReloadTakesAwayWhatCannotBeRead: in a mounted workspace the agent can spoil
// the files that a manifest names, which must not keep what a person takes away.
func TestReloadTakesAwayWhatCannotBeRead(t *testing.T) {
	const (
		routes = "egress: {routes: [{host: a.example, secrets: [token]}, {host: b.example}]}\n"
		rest   = "secrets: {token: {from: {file: ./token}}}\ndlp: {known: [./.env]}\n"
		fewer  = "egress: {routes: [{host: a.example, secrets: [token]}]}\n"
		custom = "dlp: {known: [./.env], custom: [{id: acme, prefix: acmekey_, class: \"[a-z]\", length: 20}]}\n"
		value  = "Zx9vKq2LmN7pRt4WsY8b"
	)
	for file, c := range map[string]struct{ good, bad, cause string }{
		".env":  {"API_TOKEN=" + value, "\xff\xfe", ".env: it is no text"},
		"token": {"tok_0123456789abcdef", "", "secret token"},
	} {
		t.Run(file, func(t *testing.T) {
			p := newProject(t)
			p.write(".env", "API_TOKEN="+value, 0o600)
			p.write("token", "tok_0123456789abcdef", 0o600)
			m := p.trusted(routes + rest)
			u, err := loadUser(p.env)
			if err != nil {
				t.Fatal(err)
			}
			before, _, err := u.proxyConfig(t.Context(), m, secret.Options{})
			if err != nil || len(before.Secrets) != 1 || len(before.Scan.Known) != 1 {
				t.Fatalf("%+v, %v", before, err)
			}
			r := &reloading{project: p, applied: &applied{configs: make(chan proxy.Config, 10)}, notes: &notes{}}
			r.reloader = &reloader{server: r.applied, journal: r.notes, session: "s", log: slog.New(slog.DiscardHandler), trust: p.trust,
				load: p.read, user: u, inForce: before, current: m, agreed: m}
			p.write(file, c.bad, 0o600)
			p.load(fewer + strings.Replace(rest, "dlp: {known: [./.env]}\n", custom, 1))
			r.expect(t, 1, 2, "so the secrets and known values stay as they were: ")
			r.check(t, 1, 2, c.cause)
			cfg := <-r.applied.configs
			if d := cfg.Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
				t.Errorf("b.example: %s", d.Action)
			}
			if len(cfg.Secrets) != 1 || len(cfg.Scan.Known) != 1 || cfg.Scan.Known[0].Value != value || len(cfg.Scan.Custom) != 1 || !cfg.KeepValues {
				t.Errorf("the secrets %+v, the scan %+v", cfg.Secrets, cfg.Scan)
			}
			// It is tried again, and said once.
			r.expect(t, 0, 2, c.cause)
			p.write(file, c.good, 0o600)
			r.expect(t, 1, 3, "the changed manifest is in force")
			if cfg := <-r.applied.configs; cfg.KeepValues || len(cfg.Scan.Known) != 1 {
				t.Errorf("afterwards %+v", cfg)
			}
			r.expect(t, 0, 3, "")
		})
	}
	t.Run("one that gives more waits for what it names", func(t *testing.T) {
		r := newReloading(t, oneRoute)
		r.project.write("token", "", 0o600)
		m := r.project.load(routes + "secrets: {token: {from: {file: ./token}}}\n")
		if err := r.project.trust.Trust(m); err != nil {
			t.Fatal(err)
		}
		r.expect(t, 0, 1, "so the old one stays in force: ")
	})
}

// TestReloadRefusesScriptsThatTheAgentCanChange: it goes by the folders that the
// running agent has, not by those that the new manifest names.
func TestReloadRefusesScriptsThatTheAgentCanChange(t *testing.T) {
	const mount = "mounts: [{path: ./tools, at: /tools, mode: rw}]\n"
	for _, c := range []struct{ name, mounts string }{{"with the mount", mount}, {"without it", ""}} {
		t.Run(c.name, func(t *testing.T) {
			r := newReloading(t, oneRoute)
			r.project.write("tools/token.sh", "#!/bin/sh\necho >>../ran\necho tok_0123456789abcdef\n", 0o700)
			r.folders = []manifest.Mount{{Path: r.project.path("tools"), At: "/tools", Writable: true}}
			m := r.project.load(c.mounts + strings.Replace(withScript, "./token.sh", "./tools/token.sh", 1))
			if err := r.project.trust.Trust(m); err != nil {
				t.Fatal(err)
			}
			r.expect(t, 0, 1, "tools/token.sh, which the agent could change")
			if _, err := os.Lstat(r.project.path("ran")); err == nil {
				t.Error("it ran")
			}
		})
	}
}

// TestWatch goes by real files: what is saved applies, and so does a yes.
func TestWatch(t *testing.T) {
	r := newReloading(t, twoRoutes)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := r.run(ctx); err != nil {
		t.Fatal(err)
	}
	next := func() proxy.Config {
		t.Helper()
		select {
		case cfg := <-r.applied.configs:
			return cfg
		case <-time.After(30 * time.Second):
			t.Fatal("the change is not seen")
		}
		return proxy.Config{}
	}
	// As editors save: beside it, then in its place.
	r.project.write("bottle.yaml.new", "version: 1\nworkspace: {path: ./work}\n"+oneRoute, 0o600)
	if err := os.Rename(r.project.path("bottle.yaml.new"), r.project.path(manifest.FileName)); err != nil {
		t.Fatal(err)
	}
	if d := next().Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
		t.Errorf("b.example: %s", d.Action)
	}
	wide := r.project.load("# wider\n" + twoRoutes)
	if err := r.project.trust.Trust(wide); err != nil {
		t.Fatal(err)
	}
	if d := next().Policy.DecideHost("b.example", 443); d.Action != proxy.Allow {
		t.Errorf("b.example: %s", d.Action)
	}
}

func TestWatchSeesWhatChangedBeforeIt(t *testing.T) {
	r := newReloading(t, twoRoutes)
	r.project.load(oneRoute)
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case cfg := <-r.applied.configs:
		if d := cfg.Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
			t.Errorf("b.example: %s", d.Action)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the change is not seen")
	}
}

// What a machine is made of stays: the notes say so, as long as it is so.
func TestReloadNamesWhatNeedsANewBottle(t *testing.T) {
	r := newReloading(t, twoRoutes+"mounts: [{path: ./tools}]\n")
	r.started = r.current
	var noted manifestNote
	r.noted = func(n manifestNote) { noted = n }
	r.project.load(oneRoute + "env: {A: b}\n")
	r.expect(t, 1, 1, "the changed manifest is in force (this bottle stays as it was started in what needs a new bottle: mounts, env)")
	if noted != (manifestNote{newBottle: "mounts, env"}) {
		t.Errorf("noted %+v", noted)
	}
	r.project.load(twoRoutes + "mounts: [{path: ./tools}]\nresources: {pids: 100}\n")
	r.expect(t, 1, 2, "b.example: allowed; there is a new mount")
	if noted.newBottle != "resources" || !strings.Contains(noted.waits, "waits for `bottle trust`") {
		t.Errorf("noted %+v", noted)
	}
	r.project.load(oneRoute + "mounts: [{path: ./tools}]\n")
	if err := r.project.trust.Trust(r.project.load(oneRoute + "mounts: [{path: ./tools}]\n")); err != nil {
		t.Fatal(err)
	}
	r.reload(t.Context())
	if noted != (manifestNote{}) {
		t.Errorf("noted %+v", noted)
	}
}
