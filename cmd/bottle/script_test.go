package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/vm/relay/guestbin"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init() // this binary is also the first process of its sandboxes
	guestbin.Init()
	beSmolvm()
	testscript.Main(m, map[string]func(){"bottle": main})
}

// TestScripts runs every scenario of testdata/script as a person would: one
// home each, the real program, and a TLS upstream on loopback where a script
// asks for one.
func TestScripts(t *testing.T) {
	p := scripts()
	p.Dir = "testdata/script"
	testscript.Run(t, p)
}

// scripts are what all of them have.
func scripts() testscript.Params {
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setupScript,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"upstream": cmdUpstream,
			"smolvm":   cmdSmolvm,
			"waitfor":  cmdWaitFor,
			"port":     cmdPort,
			"sub":      cmdSub,
			"agent":    cmdAgent,
			"fakekeys": cmdFakeKeys,
			"login":    cmdLogin,
			"look":     cmdLook,
			"looked":   cmdLooked,
			"unseen":   cmdUnseen,
			"lent":     cmdLent,
			"terminal": cmdTerminal,
			"valid":    cmdValid,
			"page":     cmdPage,
			"browse":   cmdBrowse,
			"internet": cmdInternet,
			"collect":  cmdCollect,
		},
	}
}

// setupScript gives a script a home of its own, and the PATH that it runs with.
func setupScript(e *testscript.Env) error {
	// A socket's path is short; that of a test's folder may not be. Nor may the
	// home lie in the workspace, which the folder of most scripts is.
	short, err := os.MkdirTemp("", "bt")
	if err != nil {
		return err
	}
	e.Defer(func() { _ = os.RemoveAll(short) })
	home := filepath.Join(short, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	e.Setenv("HOME", home)
	e.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	e.Setenv("XDG_RUNTIME_DIR", short)
	e.Setenv("TMPDIR", short)
	e.Setenv("GORACE", "atexit_sleep_ms=0") // instead of a second at each end of a process
	e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	e.Setenv("GIT_AUTHOR_NAME", "Test")
	e.Setenv("GIT_AUTHOR_EMAIL", "test@example.com")
	e.Setenv("GIT_COMMITTER_NAME", "Test")
	e.Setenv("GIT_COMMITTER_EMAIL", "test@example.com")
	// What a test run inherits must not become a key of the manifest.
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "BOTTLE_") {
			e.Setenv(name, "")
		}
	}
	return nil
}

// condition makes [have:PROGRAM] true when a program is there. In CI it always
// is: a missing one fails the script instead of skipping it.
func condition(cond string) (bool, error) {
	program, ok := strings.CutPrefix(cond, "have:")
	agent, isAgent := strings.CutPrefix(cond, "agent:")
	switch {
	case isAgent:
		return haveAgent(agent) || os.Getenv("CI") == "true", nil
	case ok:
		return have(program) || os.Getenv("CI") == "true", nil
	case cond == "mounts":
		return os.Geteuid() == 0 || exec.Command("unshare", "-rm", "true").Run() == nil || os.Getenv("CI") == "true", nil
	case cond == "root":
		return os.Geteuid() == 0, nil
	}
	return false, nil
}
