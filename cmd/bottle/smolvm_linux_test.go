package main

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// beSmolvm becomes the double of smolvm when this process was started as it.
func beSmolvm() {
	if filepath.Base(os.Args[0]) == "smolvm" {
		os.Exit(double.Main(os.Args))
	}
}

// cmdSmolvm puts a smolvm on PATH, which is the double, or looks at it:
//
//	smolvm install SECRET…   no call may have one of the secrets
//	smolvm clean             nothing was done that must not be, and no machine runs
func cmdSmolvm(ts *testscript.TestScript, neg bool, args []string) {
	dir := filepath.Join(ts.Getenv("TMPDIR"), "v")
	data := filepath.Join(dir, "d")
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: smolvm install SECRET… | clean")
	case args[0] == "install":
		_, _, err := installDouble(ts.Getenv("TMPDIR"), args[1:])
		ts.Check(err)
		ts.Setenv("PATH", filepath.Join(dir, "bin")+string(filepath.ListSeparator)+ts.Getenv("PATH"))
		ts.Setenv("SMOLVM_DATA_DIR", data)
		ts.Defer(func() { double.EndAll(data) })
	case args[0] == "clean":
		if text := double.Violations(data); text != "" {
			ts.Fatalf("smolvm was called as it must never be:\n%s", text)
		}
		if n := double.Running(data); n != 0 {
			ts.Fatalf("%d machines run", n)
		}
	default:
		ts.Fatalf("smolvm %s: no such thing", args[0])
	}
}
