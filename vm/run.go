package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Files are what a person's command line is connected to. Nil ones are those
// of this process.
type Files struct{ In, Out, Err *os.File }

// forwarded are the signals that Run passes on to the command. They do not end
// this process meanwhile.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// Run runs a command in the foreground of a person's command line and returns
// its exit code, 128+n after a signal n.
//
// When both In and Out are terminals, the command gets a terminal of its own,
// In is in raw mode until Run returns, and changes of the window's size are
// passed on; else it gets what In has, and Out and Err what it writes. SIGINT,
// SIGTERM, SIGHUP and SIGQUIT to this process go to the command. When ctx
// ends, the command is killed, and Run returns ctx's error.
//
// The streams and the TTY of cmd must be unset. TERM is the caller's to give.
// After an error the code is 0 and means nothing.
func Run(ctx context.Context, m Starter, cmd Command, files Files) (code int, err error) {
	if cmd.Stdin != nil || cmd.Stdout != nil || cmd.Stderr != nil || cmd.TTY != nil {
		return 0, errors.New("run: the command has streams or a terminal already")
	}
	files.fill()
	in, err := newInput(files.In)
	if err != nil {
		return 0, err
	}
	defer in.stop()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, files.Out, files.Err

	// Before the start, so that none is lost.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, append(forwarded, syscall.SIGWINCH)...)
	defer signal.Stop(signals)

	onTerminal := term.IsTerminal(int(files.In.Fd())) && term.IsTerminal(int(files.Out.Fd()))
	if onTerminal {
		size, err := windowSize(files.Out)
		if err != nil {
			return 0, err
		}
		cmd.TTY, cmd.Stderr = &size, nil
		state, err := term.MakeRaw(int(files.In.Fd()))
		if err != nil {
			return 0, fmt.Errorf("put the terminal into raw mode: %w", err)
		}
		defer func() { err = errors.Join(err, term.Restore(int(files.In.Fd()), state)) }()
	}
	p, err := m.Start(ctx, cmd)
	if err != nil {
		return 0, err
	}
	return attend(ctx, p, signals, files.Out, onTerminal)
}

// attend passes signals and sizes on until the command ends.
func attend(ctx context.Context, p Process, signals <-chan os.Signal, out *os.File, onTerminal bool) (int, error) {
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := p.Wait()
		ended <- end{code, err}
	}()
	for {
		select {
		case e := <-ended:
			if e.err != nil {
				return 0, e.err
			}
			return e.code, nil
		case <-ctx.Done():
			err := stop(p)
			<-ended
			return 0, errors.Join(ctx.Err(), err)
		case s := <-signals:
			if err := pass(p, s, out, onTerminal); err != nil && !errors.Is(err, os.ErrProcessDone) {
				err = errors.Join(err, stop(p))
				<-ended
				return 0, err
			}
		}
	}
}

func pass(p Process, s os.Signal, out *os.File, onTerminal bool) error {
	if s != syscall.SIGWINCH {
		number, ok := s.(syscall.Signal)
		if !ok {
			return nil
		}
		return p.Signal(number)
	}
	if !onTerminal {
		return nil
	}
	size, err := windowSize(out)
	if err != nil {
		return err
	}
	return p.Resize(size)
}

// stop kills a command. That it has ended already is fine.
func stop(p Process) error {
	if err := p.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func windowSize(f *os.File) (WinSize, error) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return WinSize{}, fmt.Errorf("size of the terminal: %w", err)
	}
	return WinSize{Rows: w.Row, Cols: w.Col}, nil
}

func (f *Files) fill() {
	for _, d := range []struct {
		file  **os.File
		value *os.File
	}{{&f.In, os.Stdin}, {&f.Out, os.Stdout}, {&f.Err, os.Stderr}} {
		if *d.file == nil {
			*d.file = d.value
		}
	}
}

// input reads a file of this process until it is stopped: a read that went on
// would take what is typed after the command's end.
type input struct {
	file  *os.File
	write *os.File // the end of a pipe that stop closes

	mu   sync.Mutex // held while waiting
	read *os.File   // the other end; nil once stopped
}

func newInput(f *os.File) (*input, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	return &input{file: f, read: r, write: w}, nil
}

func (in *input) Read(p []byte) (int, error) {
	if !in.wait() {
		return 0, io.EOF
	}
	return in.file.Read(p)
}

// wait waits until there is something to read, or returns false when the input
// is stopped.
func (in *input) wait() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.read == nil {
		return false
	}
	fds := []unix.PollFd{
		{Fd: int32(in.file.Fd()), Events: unix.POLLIN},
		{Fd: int32(in.read.Fd()), Events: unix.POLLIN},
	}
	for {
		_, err := unix.Poll(fds, -1)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && fds[1].Revents == 0
		}
	}
}

// stop ends a Read that waits, and all later ones.
func (in *input) stop() {
	_ = in.write.Close()
	in.mu.Lock()
	defer in.mu.Unlock()
	_ = in.read.Close()
	in.read = nil
}
