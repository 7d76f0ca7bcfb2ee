package guest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// codeError is an error with an exit code.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string { return e.err.Error() }
func (e *codeError) Unwrap() error { return e.err }

type command func(args []string, in io.Reader, out io.Writer) error

// Main runs one of the commands and returns the exit code.
func Main(args []string) int {
	commands := map[string]command{
		"serve": serve, "work": work, "probe": probe, "setup": setup, "check": check, "exec": become,
		"kill": kill, "unpack": unpack, "pack": pack, "trust": trust, "net": network, "cover": cover,
	}
	if len(args) < 2 || commands[args[1]] == nil {
		fmt.Fprintf(os.Stderr, "%s: no such command; this program is part of bottle and not for people\n", Name)
		return ExitUsage
	}
	err := commands[args[1]](args[2:], os.Stdin, os.Stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: %s: %v\n", Name, args[1], err)
	var coded *codeError
	if errors.As(err, &coded) {
		return coded.code
	}
	return ExitFailed
}

// flags makes the flags of a command, whose errors are returned and not printed.
func flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}
