// Command bottle gives a coding agent a machine of its own without giving it a
// credential or an open network.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/vm/relay/guestbin"
	"github.com/bot-bottle/bottle/vm/sandbox"
)

// Set by the linker, see the Makefile.
var version, commit string

func main() {
	sandbox.Init()  // in the first process of a sandbox this never returns
	guestbin.Init() // nor does this, in a virtual machine
	os.Exit(run(os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio is what a command reads and writes.
type stdio struct {
	in       *os.File
	out, err io.Writer
}

// The exit codes of bottle itself. `up`, `exec` and `shell` end with the code
// of their command.
const (
	exitFound   = 1   // the answer is no: something was found, or did not hold
	exitFailure = 125 // bottle could not do what was asked
	exitKilled  = 137 // the command was ended with its bottle
)

// exitError carries an exit code through cobra. Without an error it is silent:
// everything was said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run is the whole program. It returns the exit code.
func run(args []string, std stdio) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	cobra.EnableCommandSorting = false // what is used first stands first
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintf(std.err, "bottle: %v\n", exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(std.err, "bottle: %v\n", err)
	if noRoom.MatchString(err.Error()) {
		fmt.Fprintln(std.err, "bottle: a disk is full: make room on it and try again; "+keptHint)
	}
	if code, ok := interrupted(ctx, err); ok {
		return code
	}
	return exitFailure
}

// keptHint says where bottle itself has taken room.
const keptHint = `"bottle ls" lists what bottles have left, and "bottle down ID" removes it`

// noRoom is how the errors of writing files end when a full disk, or a quota, is behind
// them: also those of another process of bottle, which come as text. A process that
// there is no room for ends alike, and is no matter of disks.
var noRoom = regexp.MustCompile(`\b(?:write|sync|close|open|mkdir|symlink|link|rename|truncate)(?:at)? /.*: (?:no space left on device|disk quota exceeded)$`)
