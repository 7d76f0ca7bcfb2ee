package guest_test

import (
	"os"
	"testing"

	"github.com/bot-bottle/bottle/vm/relay/guest"
)

// The test binary is also the guest program.
func TestMain(m *testing.M) {
	if guest.Is(os.Args) {
		os.Exit(guest.Main(os.Args))
	}
	os.Exit(m.Run())
}
