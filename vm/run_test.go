package vm_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// fakeStarter starts a process that ends when it is told to.
type fakeStarter struct {
	err     error
	started chan vm.Command
	process *fakeProcess
}

func (s *fakeStarter) Start(_ context.Context, cmd vm.Command) (vm.Process, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.started <- cmd
	return s.process, nil
}

type fakeProcess struct {
	signals chan syscall.Signal
	end     chan int
	waitErr error
}

func (p *fakeProcess) Wait() (int, error)      { return <-p.end, p.waitErr }
func (p *fakeProcess) Resize(vm.WinSize) error { return nil }
func (p *fakeProcess) Signal(sig syscall.Signal) error {
	p.signals <- sig
	if sig == syscall.SIGKILL {
		p.end <- 137
	}
	return nil
}

func newFake() *fakeStarter {
	return &fakeStarter{
		started: make(chan vm.Command, 1),
		process: &fakeProcess{signals: make(chan syscall.Signal, 10), end: make(chan int, 1)},
	}
}

func nullFiles(t *testing.T) vm.Files {
	t.Helper()
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return vm.Files{In: f, Out: f, Err: f}
}

func TestRunReturnsTheCode(t *testing.T) {
	s := newFake()
	s.process.end <- 7
	code, err := vm.Run(t.Context(), s, vm.Command{Args: []string{"x"}}, nullFiles(t))
	if code != 7 || err != nil {
		t.Errorf("code %d, error %v", code, err)
	}
	cmd := <-s.started
	if cmd.TTY != nil || cmd.Stdin == nil || cmd.Stdout == nil || cmd.Stderr == nil {
		t.Errorf("without a terminal it was started as %+v", cmd)
	}
}

func TestRunReturnsErrors(t *testing.T) {
	broken := errors.New("broken")
	s := newFake()
	s.err = broken
	if _, err := vm.Run(t.Context(), s, vm.Command{Args: []string{"x"}}, nullFiles(t)); !errors.Is(err, broken) {
		t.Errorf("of the start: %v", err)
	}
	s = newFake()
	s.process.waitErr = broken
	s.process.end <- 0
	if _, err := vm.Run(t.Context(), s, vm.Command{Args: []string{"x"}}, nullFiles(t)); !errors.Is(err, broken) {
		t.Errorf("of the wait: %v", err)
	}
	if _, err := vm.Run(t.Context(), newFake(), vm.Command{Args: []string{"x"}, TTY: &vm.WinSize{}}, nullFiles(t)); err == nil {
		t.Error("a command with a terminal was run")
	}
}

func TestRunPassesSignalsOn(t *testing.T) {
	s := newFake()
	done := make(chan int, 1)
	files := nullFiles(t)
	go func() {
		code, err := vm.Run(t.Context(), s, vm.Command{Args: []string{"x"}}, files)
		if err != nil {
			t.Error(err)
		}
		done <- code
	}()
	<-s.started
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		if got := <-s.process.signals; got != sig {
			t.Errorf("%v came as %v", sig, got)
		}
	}
	s.process.end <- 0
	if code := <-done; code != 0 {
		t.Errorf("code %d", code)
	}
}

func TestRunKillsWhenItsContextEnds(t *testing.T) {
	s := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	files := nullFiles(t)
	go func() {
		_, err := vm.Run(ctx, s, vm.Command{Args: []string{"x"}}, files)
		done <- err
	}()
	<-s.started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := <-s.process.signals; got != syscall.SIGKILL {
		t.Errorf("it was sent %v", got)
	}
}
