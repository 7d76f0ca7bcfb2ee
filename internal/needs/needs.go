// Package needs finds what tests drive that is no part of this project.
package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program. Where it is missing the test is skipped,
// and fails in CI.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, name)
	}
	return path
}

// Missing skips a test for which something is not installed, or fails it in CI.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s is not installed", what)
	}
	tb.Skipf("%s is not installed", what)
}
