// Package extconnect turns on WebSockets in HTTP/2 (RFC 8441) in the servers of this
// process. Go's net/http has a switch for it that it reads from the environment once,
// when it is initialised, and that no option sets (go.dev/issue/71128).
//
// So this package has to be initialised before: it imports nothing but os and
// strings, and its path sorts before "net/http", which is the order that the
// specification gives to packages that are ready. A test holds it to that.
//
// The switch is for a whole process, so it is for a program to turn and for no
// library.
package extconnect

import (
	"os"
	"strings"
)

const (
	variable = "GODEBUG"
	setting  = "http2xconnect="
)

// before is what the variable was.
var before, had = os.LookupEnv(variable)

func init() {
	switch {
	case strings.Contains(before, setting):
	case before == "":
		_ = os.Setenv(variable, setting+"1")
	default:
		_ = os.Setenv(variable, before+","+setting+"1")
	}
}

// Restore puts the variable back, for whatever the process starts: the switch has
// been read when main is initialised.
func Restore() {
	if had {
		_ = os.Setenv(variable, before)
	} else {
		_ = os.Unsetenv(variable)
	}
}
