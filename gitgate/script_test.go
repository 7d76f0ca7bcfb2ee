package gitgate_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/proxy"
)

var update = flag.Bool("update", false, "write what scripts compare with into their files")

// TestScripts drives the real git through the gate, once for each kind of server.
// In a script $ORIGIN is the folder of the server's repositories, and its URLs are
// https://forge.test/…, as they would be without the gate.
func TestScripts(t *testing.T) {
	need(t, "git")
	for _, kind := range []string{"https", "ssh", "ssh-v0"} {
		t.Run(kind, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error { return setUp(t, env, kind) },
				Condition: func(cond string) (bool, error) {
					if program, ok := strings.CutPrefix(cond, "has:"); ok {
						_, err := exec.LookPath(program)
						return err == nil || os.Getenv("CI") == "true", nil
					}
					return cond == kind || cond == "ssh" && kind == "ssh-v0", nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){"journal": journalCmd, "file": fileCmd},
			})
		})
	}
}

// setUp makes a server, a gate and a home for one script.
func setUp(t *testing.T, env *testscript.Env, kind string) error {
	tb := env.T().(testing.TB)
	tt, ok := tb.(*testing.T)
	if !ok {
		tt = t
	}
	root := filepath.Join(env.WorkDir, "origin")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	cfg := proxy.Config{DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known, spelled}}}
	host := gitgate.Host{Name: "forge.test", Private: true, Repos: repos()}
	if kind == "https" {
		o := newOrigin(tt, root)
		cfg.RootCAs = o.roots()
		host.URL, host.Auth = o.url(), gitgate.BasicAuth{Password: value(token)}
	} else {
		s := newSSHServer(tt, root, kind == "ssh")
		host.URL, host.SSH = s.url, &gitgate.SSHAuth{Key: gitgate.KeyFile(s.key), KnownHosts: []string{s.knownHosts}}
	}
	j := &journal{}
	base := newFront(tt, newServer(tt, cfg, j, host))
	config := filepath.Join(env.WorkDir, "gitconfig")
	text := "[user]\n\tname = Agent\n\temail = agent@example.com\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n" +
		"[url \"" + base + "/forge.test/\"]\n\tinsteadOf = https://forge.test/\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	env.Values["journal"] = j
	for name, v := range map[string]string{
		"ORIGIN": root, "SECRET": known.Value, "SPELLED": spelled.Value, "GIT_CONFIG_GLOBAL": config, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "HOME": env.WorkDir, "GATE": base,
		"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z", "LC_ALL": "C", "NO_PROXY": "*", "no_proxy": "*",
	} {
		env.Setenv(name, v)
	}
	return nil
}

// repos are what the manifest of the scripts gives.
func repos() []gitgate.Repo {
	all := []string{"refs/heads/**", "refs/tags/**"}
	return []gitgate.Repo{
		{Path: "org/read"},
		{Path: "org/write", Push: &gitgate.Push{}},
		{Path: "org/open", Push: &gitgate.Push{Options: true, Rules: policy.Rules{Create: all, Update: all, Force: []string{"refs/heads/force/**"}, Delete: []string{"refs/heads/**"}}}},
		{Path: "org/mine", Push: &gitgate.Push{Rules: policy.Rules{Create: all, Update: all, Author: policy.Author{Email: "agent@example.com", SignedOff: true}}}},
		{Path: "org/super", Push: &gitgate.Push{Rules: policy.Rules{Create: all, Update: all, Files: policy.Files{Submodule: func(url string) bool { return strings.HasPrefix(url, "https://forge.test/org/") }}}}},
		{Path: "org/ask", Push: &gitgate.Push{Ask: true}},
		{Path: "org/small", Push: &gitgate.Push{MaxObject: 1 << 20, MaxPack: 2 << 20}},
	}
}

// known is a secret that the scripts have in $SECRET.
var known = dlp.Known{Name: "db", Value: "correct-horse-" + "battery-staple-7391", Kind: dlp.KnownSecret}

// spelled is a secret that may be the path of a file; the scripts have it in $SPELLED.
var spelled = dlp.Known{Name: "bucket", Value: "abc/def-ghi/" + "Kq9x2B7vB8w1", Kind: dlp.KnownSecret}

// journalCmd looks for a text in what was recorded: `journal TEXT…` wants an event
// with all of them.
func journalCmd(ts *testscript.TestScript, neg bool, args []string) {
	j := ts.Value("journal").(*journal)
	found, all := false, []string{}
	for _, e := range j.all() {
		line := eventLine(e)
		all = append(all, line)
		has := true
		for _, a := range args {
			has = has && strings.Contains(line, a)
		}
		found = found || has
	}
	if found == neg {
		ts.Fatalf("journal has %v: %v; it is\n%s", args, found, strings.Join(all, "\n"))
	}
}

// fileCmd writes a file: `file NAME TEXT…`, with \n for line feeds. Texts are put
// together, so that a script holds no token that is whole.
func fileCmd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: file NAME TEXT…")
	}
	text := strings.ReplaceAll(strings.Join(args[1:], ""), `\n`, "\n")
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o644))
}
