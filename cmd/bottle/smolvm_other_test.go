//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

func beSmolvm() {}

func cmdSmolvm(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("the double of smolvm runs on Linux")
}

func inMachine(*testscript.TestScript, string) {}
