package main

import (
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// agentFolder is where make test puts a real client.
func agentFolder(name string) (string, error) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	modules := filepath.Join("..", "..", "testdata", "agents", "node_modules")
	if name == "codex" {
		found, err := filepath.Glob(filepath.Join(modules, "@openai", "codex-"+runtime.GOOS+"-"+arch, "vendor", "*", "bin"))
		if err != nil || len(found) != 1 {
			return "", os.ErrNotExist
		}
		return filepath.Abs(found[0])
	}
	return filepath.Abs(filepath.Join(modules, "@anthropic-ai", "claude-code-"+runtime.GOOS+"-"+arch))
}

func haveAgent(name string) bool {
	dir, err := agentFolder(name)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, name))
	return err == nil
}

// cmdAgent puts the folder of a real agent client into PATH, and into AGENT_DIR.
func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: agent NAME")
	}
	dir, err := agentFolder(args[0])
	ts.Check(err)
	dir, err = filepath.EvalSymlinks(dir)
	ts.Check(err)
	ts.Setenv("AGENT_DIR", dir)
	inMachine(ts, dir)
	ts.Setenv("PATH", ts.Getenv("PATH")+string(filepath.ListSeparator)+dir)
}

// cmdLogin has somebody logged in on the host: login CLIENT TIME, after which the
// token ends.
func cmdLogin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: login client time")
	}
	left, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Check(hostLogin(args[0], ts.Getenv("HOME"), left))
}
