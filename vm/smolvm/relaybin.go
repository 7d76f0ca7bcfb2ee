package smolvm

import "github.com/bot-bottle/bottle/vm/relay/guestbin"

// ownRelay is the guest program that this program brings along.
func ownRelay() (path string, release func(), err error) { return guestbin.Program() }
