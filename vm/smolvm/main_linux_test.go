package smolvm

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/vm/relay/guestbin"
	"github.com/bot-bottle/bottle/vm/sandbox"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// The test binary is also the first process of sandboxes, the guest program, and
// the double of smolvm.
func TestMain(m *testing.M) {
	beFirst()
	quickExit()
	sandbox.Init()
	guestbin.Init()
	if filepath.Base(os.Args[0]) == "smolvm" {
		os.Exit(double.Main(os.Args))
	}
	os.Exit(m.Run())
}

// beFirst becomes the first process of an emulated computer, where this is it.
var beFirst = func() {}

// quickExit starts this program anew so that the race detector does not sleep for a
// second at its end, which it does at the end of every process: the driver keeps the
// environment from the double, and the double from what it runs.
func quickExit() {
	if os.Getenv("GORACE") == "" && os.Getpid() != 1 {
		_ = syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "GORACE=atexit_sleep_ms=0"))
	}
}
