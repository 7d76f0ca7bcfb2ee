package ui

import (
	"os"
	"os/exec"
	"testing"

	"github.com/bot-bottle/bottle/internal/ui/headless"
)

// browser is one with a page of the view.
type browser struct{ *headless.Browser }

// need ends a test that wants a program which is not there; a test of CI has all.
func need(t testing.TB, path, name string) {
	t.Helper()
	switch {
	case path != "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing", name)
	default:
		t.Skipf("%s is not installed: this view is not tested", name)
	}
}

func startBrowser(t testing.TB) *browser {
	t.Helper()
	program := headless.Find()
	need(t, program, "chromium-headless-shell")
	b := headless.Start(t.Context(), t, program, t.TempDir())
	t.Cleanup(b.Close)
	return &browser{b}
}

func needTmux(t testing.TB) {
	t.Helper()
	path, _ := exec.LookPath("tmux") // "" when it is not there
	need(t, path, "tmux")
}
