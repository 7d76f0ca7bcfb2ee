package guestbin

import (
	"os"

	"github.com/bot-bottle/bottle/vm/relay/guest"
)

// Init becomes the guest program when this process was started as that. In any
// other it returns at once.
func Init() {
	if guest.Is(os.Args) {
		os.Exit(guest.Main(os.Args))
	}
}

func self() (string, error) { return os.Executable() }
