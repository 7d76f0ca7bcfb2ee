package verify

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm/sandbox"
)

// The test binary is the program that it tests: the first process of its
// sandboxes, the inner half and the process canary.
func TestMain(m *testing.M) {
	sandbox.Init()
	var err error
	switch args := os.Args[1:]; {
	case slices.Equal(args, []string{"verify", "--inner"}):
		err = Inner(context.Background(), os.Stdin, os.Stdout)
	case slices.Equal(args, []string{"verify", "--victim"}):
		err = Victim(os.Stdin, os.Stdout)
	default:
		inSession()
		// The race detector sleeps for a second at each end of a process.
		if os.Getenv("GORACE") == "" {
			_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
		}
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// inSession gives this process a session keyring, as a login program does. It
// belongs to a thread, and to all of the program that the thread executes.
func inSession() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if haveSession() {
		return
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil || !haveSession() {
		return // the row of the keyring says that it is untested
	}
	_ = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}

// program is the test binary, links resolved.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// outside runs the inner half on the host.
func outside(t *testing.T) Runner {
	self := program(t)
	return func(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, os.Stderr
		return cmd.Run()
	}
}
