package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// interactive reports whether a person can be asked.
func (a *app) interactive() bool { return a.atTerminal() && !a.background() }

// atTerminal reports whether there is a terminal to ask at.
func (a *app) atTerminal() bool { return isTerminal(a.std.in) && isTerminal(a.std.err) }

// background reports whether the terminal is another job's now, as behind "&" in
// a shell. To read there would stop this program without a word (SIGTTIN). A
// terminal that is not the session's own has no jobs, and stops nobody.
func (a *app) background() bool {
	f := file(a.std.in)
	if f == nil {
		return false
	}
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// isTerminal reports whether a stream of this process is a terminal.
func isTerminal(stream any) bool {
	f := file(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// file returns a stream of this process as the file that it is; nil otherwise.
func file(stream any) *os.File {
	f, _ := stream.(*os.File)
	return f
}

// insist asks, and makes an error of everything but a yes. The text says what
// was not done.
func (a *app) insist(ctx context.Context, question, undone string) error {
	yes, err := a.confirm(ctx, question)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s", err, undone)
	case !yes:
		return errors.New(undone)
	}
	return nil
}

// confirm asks on stderr, so that stdout stays data. No is the default. When a
// signal ends ctx, the error is its cause.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	if _, err := fmt.Fprintf(a.std.err, "%s [y/N] ", question); err != nil {
		return false, err
	}
	// Nothing ends a read of a terminal. One that nobody waits for any more is
	// left to the end of this process, which is next.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.std.in).ReadString('\n') // the end of input is a no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case s := <-answer:
		return s == "y" || s == "yes", nil
	case <-ctx.Done():
		fmt.Fprintln(a.std.err) // the question's line has no end yet
		return false, context.Cause(ctx)
	}
}
