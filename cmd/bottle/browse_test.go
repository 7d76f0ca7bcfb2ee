package main

import (
	"context"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bot-bottle/bottle/internal/ui/headless"
)

// cmdBrowse opens the link that a file holds in a browser, and does what a person does:
// browse LINK STEPS. Each line of the file STEPS is one of
//
//	wait EXPRESSION  until it is true in the page
//	press KEY…
//	click SELECTOR
//	shoot NAME       where BOTTLE_TEST_SHOTS names a folder
//	waitfor FILE TEXT
//
// The page must complain of nothing.
func cmdBrowse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: browse LINK STEPS")
	}
	profile, err := os.MkdirTemp("", "browser")
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ts.Defer(func() { _ = os.RemoveAll(profile) })
	b := headless.Start(ctx, scriptT{ts}, headless.Find(), profile)
	defer b.Close()
	b.Open(strings.TrimSpace(ts.ReadFile(args[0])))
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "":
		case "wait":
			b.Wait(rest)
		case "press":
			b.Press(strings.Fields(rest)...)
		case "click":
			b.Click(rest)
		case "shoot":
			b.Shoot(rest)
		case "waitfor":
			file, text, _ := strings.Cut(rest, " ")
			cmdWaitFor(ts, false, []string{file, text})
		default:
			ts.Fatalf("no such step: %s", line)
		}
	}
	b.MustBeQuiet()
}

// scriptT is the test that a script is.
type scriptT struct{ *testscript.TestScript }

func (scriptT) Helper() {}

func (t scriptT) Errorf(format string, args ...any) { t.Fatalf(format, args...) }
