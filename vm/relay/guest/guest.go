// Package guest is the program that runs inside a microVM: [Main] with the
// arguments of one of its commands. It is small, static, needs nothing of the
// image that it runs in, and is trusted with nothing: all policy is on the host.
//
//	serve   listens on loopback and carries connections to the host (the relay)
//	probe   opens a connection through the relay, and says whether it came through
//	setup   makes the agent's user, and the folders that the other commands need
//	check   says whether a command could be started, before it is
//	exec    becomes a command as the agent's user
//	kill    sends a signal to what exec started
//	unpack  makes the files of a tar stream
//	pack    writes a tar stream of files
//	cover   shows files in the places of others, read-only
//	net     makes addresses the machine's own, and has names asked of the relay
//	trust   puts certificates into the image's own stores
//
// Exit codes of its own are those of [ExitFailed] and below; exec's is that of its
// command.
package guest

import "path/filepath"

// Name is what the program is called inside, and as whose first argument a
// program that brings it along is it: see [Is].
const Name = "bottle-relay"

// The exit codes of the commands but exec.
const (
	ExitFailed     = 1
	ExitUsage      = 2
	ExitNoFolder   = 20 // check: the working directory is not there
	ExitNoProgram  = 21 // check: the program is not there
	ExitNotAllowed = 22 // check: the program may not be executed
	ExitGone       = 23 // kill: it has ended
	ExitNotYet     = 24 // kill: it has not begun, as far as can be told
)

// Is reports whether a program with these arguments (os.Args) was started as the
// guest's.
func Is(args []string) bool { return len(args) > 0 && filepath.Base(args[0]) == Name }
