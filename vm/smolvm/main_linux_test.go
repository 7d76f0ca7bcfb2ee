package smolvm

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bot-bottle/bottle/vm/relay/guestbin"
	"github.com/bot-bottle/bottle/vm/sandbox"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

// The test binary is also the first process of sandboxes, the guest program, and
// the double of smolvm.
func TestMain(m *testing.M) {
	sandbox.Init()
	guestbin.Init()
	if filepath.Base(os.Args[0]) == "smolvm" {
		os.Exit(double.Main(os.Args))
	}
	os.Exit(m.Run())
}
