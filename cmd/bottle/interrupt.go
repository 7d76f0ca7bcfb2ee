package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interruption is why a context ended: a signal asked this program to stop.
type interruption struct{ signal syscall.Signal }

func (e *interruption) Error() string { return "interrupted" }

// Is makes it what the packages below take it for.
func (e *interruption) Is(target error) bool { return target == context.Canceled }

// interruptible returns a context that ends at the signals that ask a program
// to stop. While a command runs in a bottle, up takes them for the command.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			number, _ := s.(syscall.Signal) // every signal of this system is one
			cancel(&interruption{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// interrupted returns the exit code of a command that failed because a signal
// ended its context: 128 and the signal's number, as shells have it.
func interrupted(ctx context.Context, err error) (code int, ok bool) {
	var by *interruption
	if !errors.Is(err, context.Canceled) || !errors.As(context.Cause(ctx), &by) {
		return 0, false
	}
	return 128 + int(by.signal), true
}
