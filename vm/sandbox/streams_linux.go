package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// streams copies between a command and its caller's readers and writers, over
// pipes or a terminal that belong to nobody else.
type streams struct {
	cmd    *vm.Command
	mask   int        // which of 0, 1, 2 theirs has
	theirs []*os.File // what the command gets
	stdin  *os.File   // our end; nil without
	out    []output
	master *os.File // of the terminal, instead of all of them

	copies sync.WaitGroup // of outputs
	mu     sync.Mutex
	err    error // of the first writer that failed
}

type output struct {
	from *os.File
	to   io.Writer
}

const (
	copySize = 64 << 10
	// drainSize is what a pipe can hold (fs.pipe-max-size for an unprivileged
	// user): once a command has ended, all that it wrote is among as many
	// bytes. More is of processes that it left behind.
	drainSize = 1 << 20
)

func newStreams(cmd *vm.Command) (_ *streams, err error) {
	s := &streams{cmd: cmd}
	if cmd.TTY != nil {
		return s, nil
	}
	defer func() {
		if err != nil {
			s.close()
			s.closeTheirs()
		}
	}()
	pipe := func(n int) (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			return nil, nil, fmt.Errorf("make a pipe: %w", err)
		}
		s.mask |= 1 << n
		return r, w, nil
	}
	if cmd.Stdin != nil {
		r, w, err := pipe(0)
		if err != nil {
			return nil, err
		}
		s.stdin, s.theirs = w, append(s.theirs, r)
	}
	if cmd.Stdout != nil {
		r, w, err := pipe(1)
		if err != nil {
			return nil, err
		}
		s.out, s.theirs = append(s.out, output{r, cmd.Stdout}), append(s.theirs, w)
	}
	switch {
	case cmd.Stderr == nil:
	case cmd.OneOutput(): // one pipe, so that the writer is not called by two
		s.mask |= 1 << 2
		s.theirs = append(s.theirs, s.theirs[len(s.theirs)-1])
	default:
		r, w, err := pipe(2)
		if err != nil {
			return nil, err
		}
		s.out, s.theirs = append(s.out, output{r, cmd.Stderr}), append(s.theirs, w)
	}
	return s, nil
}

func (s *streams) theirFDs() []int {
	var fds []int
	for _, f := range s.theirs {
		fds = append(fds, int(f.Fd())) // Fd also makes it blocking, as programs expect
	}
	return fds
}

func (s *streams) closeTheirs() { closeFiles(s.theirs) }

// close is for streams that were never copied.
func (s *streams) close() {
	for _, o := range s.out {
		_ = o.from.Close()
	}
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
	if s.master != nil {
		_ = s.master.Close()
	}
}

// copy starts copying.
func (s *streams) copy() {
	if s.master != nil {
		s.stdin = s.master
		to := s.cmd.Stdout
		if to == nil {
			to = io.Discard
		}
		s.out = []output{{s.master, to}}
	}
	for _, o := range s.out {
		s.copies.Go(func() {
			if err := o.copy(); err != nil {
				s.fail(err)
			}
			if s.master == nil {
				_ = o.from.Close() // a command that goes on to write is told
			}
		})
	}
	if s.cmd.Stdin != nil {
		go s.feed()
	}
}

// feed copies to the command's standard input. The reader's errors are the end
// of its input: the one who reads them is the caller.
func (s *streams) feed() {
	buf := make([]byte, copySize)
	for {
		n, err := s.cmd.Stdin.Read(buf)
		if n > 0 {
			if _, err := s.stdin.Write(buf[:n]); err != nil {
				break // the command reads no more
			}
		}
		if err != nil {
			break
		}
	}
	if s.master == nil {
		_ = s.stdin.Close()
	}
}

func (s *streams) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = fmt.Errorf("write the command's output: %w", err)
	}
}

// finish copies what the command has written until its end, and closes.
func (s *streams) finish() error {
	for _, o := range s.out {
		_ = o.from.SetReadDeadline(time.Unix(1, 0)) // wakes the copying, which then takes what is there
	}
	s.copies.Wait()
	if s.stdin != nil {
		_ = s.stdin.Close() // with a terminal, the master
	}
	if s.master != nil {
		_ = s.master.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// copy copies until the end, or until the read deadline and then what is
// there. Its error is the writer's.
func (o output) copy() error {
	buf := make([]byte, copySize)
	for {
		n, err := o.from.Read(buf)
		if n > 0 {
			if _, err := o.to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return o.drain(buf)
		}
		if err != nil { // io.EOF; of a terminal EIO
			return nil
		}
	}
}

// drain copies what can be read without waiting.
func (o output) drain(buf []byte) error {
	if err := o.from.SetReadDeadline(time.Time{}); err != nil {
		return nil // closed
	}
	raw, err := o.from.SyscallConn()
	if err != nil {
		return nil
	}
	for left := drainSize; left > 0; {
		var n int
		var readErr error
		err := raw.Read(func(fd uintptr) bool {
			for {
				n, readErr = unix.Read(int(fd), buf[:min(left, len(buf))])
				if !errors.Is(readErr, unix.EINTR) {
					return true
				}
			}
		})
		if err != nil || readErr != nil || n <= 0 {
			return nil
		}
		if _, err := o.to.Write(buf[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (s *streams) resize(size vm.WinSize) error {
	if s.master == nil {
		return errors.New("resize: the command has no terminal")
	}
	raw, err := s.master.SyscallConn()
	if err == nil {
		if e := raw.Control(func(fd uintptr) { err = setSize(int(fd), size) }); e != nil {
			err = e
		}
	}
	if errors.Is(err, os.ErrClosed) {
		return os.ErrProcessDone
	}
	if err != nil {
		return fmt.Errorf("resize: %w", err)
	}
	return nil
}
