package bottle

import (
	"log/slog"
	"os"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// newUserReloading is newReloading with a user's manifest beside the project's.
// Each load looks for both, as `bottle up` does.
func newUserReloading(t *testing.T, project, user string) *reloading {
	t.Helper()
	p := newProject(t)
	p.mkdirs("repo", ".config/bottle")
	r := &reloading{project: p, applied: &applied{configs: make(chan proxy.Config, 10)}, notes: &notes{}}
	load := func() (*manifest.Manifest, error) {
		return manifest.Load(manifest.Options{Dir: p.path("repo"), Environ: []string{"HOME=" + p.dir}})
	}
	p.write("repo/bottle.yaml", "version: 1\nworkspace: {path: ../work}\n"+project, 0o600)
	r.writeUser(user)
	m, err := load()
	if err == nil {
		err = p.trust.Trust(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.User == nil {
		t.Fatal("the user's manifest was not read")
	}
	u, err := loadUser(p.env)
	if err != nil {
		t.Fatal(err)
	}
	r.reloader = &reloader{server: r.applied, journal: r.notes, session: "s", log: slog.New(slog.DiscardHandler), trust: p.trust,
		load: load, user: u, current: m, agreed: m}
	return r
}

func (r *reloading) writeUser(text string) {
	r.project.write(".config/bottle/config.yaml", "version: 1\n"+text, 0o600)
}

// TestReloadBelievesNoUserFileThatGivesMore: nobody is asked about the user's
// manifest, so whoever could write it must not get more by that at once.
func TestReloadBelievesNoUserFileThatGivesMore(t *testing.T) {
	r := newUserReloading(t, oneRoute, "")
	r.writeUser("egress: {routes: [{host: evil.example}]}\n")
	r.expect(t, 0, 1, "waits for a restart")
	r.expect(t, 0, 1, "evil.example")
	// A yes to the project is none to the user's.
	m, err := r.load()
	if err == nil {
		err = r.trust.Trust(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 1, "waits for a restart")
}

// TestReloadRunsNoCommandOfAChangedUserFile: what counts is that it never runs.
func TestReloadRunsNoCommandOfAChangedUserFile(t *testing.T) {
	const routes = "egress: {routes: [{host: a.example, secrets: [token]}]}\n"
	r := newUserReloading(t, routes, "secrets: {token: {from: {command: [echo, tok_0123456789abcdef]}, inject: bearer}}\n")
	mark := r.project.path("ran")
	r.writeUser("secrets: {token: {from: {command: [touch, " + mark + "]}, inject: bearer}}\n")
	r.expect(t, 0, 1, "waits for a restart: the secret token comes from elsewhere")
	if _, err := os.Lstat(mark); err == nil {
		t.Error("the command ran")
	}
}

func TestReloadAppliesAUserFileThatGivesLess(t *testing.T) {
	r := newUserReloading(t, oneRoute, "egress: {routes: [{host: b.example}]}\n")
	r.writeUser("")
	r.expect(t, 1, 1, "in force")
	if d := (<-r.applied.configs).Policy.DecideHost("b.example", 443); d.Action != proxy.Deny {
		t.Errorf("b.example: %s", d.Action)
	}
}

// TestReloadWithoutTheProjectsFile: a file that is gone is no yes to what is
// left without it.
func TestReloadWithoutTheProjectsFile(t *testing.T) {
	const user = "egress: {default: allow}\n"
	r := newUserReloading(t, noRoutes, user)
	if err := os.Remove(r.project.path("repo/bottle.yaml")); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 1, "repo/bottle.yaml is gone, so the policy that is in force stays")
	r.project.write("bottle.yaml", "version: 1\n", 0o600)
	r.expect(t, 0, 2, "bottle.yaml, which is found instead, is not believed")
}

// TestReloadWithoutTheProjectsFileKeepsWhatItHas: not even what gives less is
// believed then.
func TestReloadWithoutTheProjectsFileKeepsWhatItHas(t *testing.T) {
	r := newUserReloading(t, oneRoute, "")
	if err := os.Remove(r.project.path("repo/bottle.yaml")); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 0, 1, "is gone, so the policy that is in force stays: put the file back")
	r.project.write("repo/bottle.yaml", "version: 1\nworkspace: {path: ../work}\n"+oneRoute, 0o600)
	r.expect(t, 0, 2, "again the one that is in force")
}

func TestReloadWithoutTheUsersFile(t *testing.T) {
	r := newUserReloading(t, oneRoute, "egress: {routes: [{host: b.example}]}\n")
	if err := os.Remove(r.project.path(".config/bottle/config.yaml")); err != nil {
		t.Fatal(err)
	}
	r.expect(t, 1, 1, ".config/bottle/config.yaml is gone, and what the bottle gets without it is in force")
}
