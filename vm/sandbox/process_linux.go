package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// process is the parent's side of a command.
type process struct {
	m       *machine
	id      uint64
	streams *streams

	exited chan struct{} // closed once code is known
	code   int
	done   chan struct{} // closed when Wait may return
	err    error
}

// Start starts a command, as vm.Machine says.
func (m *machine) Start(ctx context.Context, cmd vm.Command) (vm.Process, error) {
	if err := cmd.Check(); err != nil {
		return nil, err
	}
	p, err := m.start(ctx, &cmd)
	if err != nil {
		return nil, fmt.Errorf("start %q in sandbox %q: %w", cmd.Args[0], m.spec.ID, err)
	}
	return p, nil
}

func (m *machine) start(ctx context.Context, cmd *vm.Command) (*process, error) {
	req := request{Op: opStart, TTY: cmd.TTY, Dir: []byte(cmd.Dir)}
	if cmd.Dir == "" {
		req.Dir = []byte(m.spec.User.Home)
	}
	for _, a := range cmd.Args {
		req.Args = append(req.Args, []byte(a))
	}
	for _, e := range m.spec.Environ(cmd) {
		req.Env = append(req.Env, []byte(e))
	}
	s, err := newStreams(cmd)
	if err != nil {
		return nil, err
	}
	defer s.closeTheirs()
	p := &process{m: m, streams: s, exited: make(chan struct{}), done: make(chan struct{})}
	m.mu.Lock()
	if m.cause != nil {
		defer m.mu.Unlock()
		s.close()
		return nil, m.cause
	}
	m.nextID++
	p.id, req.ID = m.nextID, m.nextID
	m.procs[p.id] = p // from now on init may say that it has ended
	m.mu.Unlock()

	req.Stdio = s.mask
	want := 0
	if cmd.TTY != nil {
		want = 1
	}
	res, err := m.call(ctx, req, s.theirFDs(), want, p.late)
	if err == nil && cmd.TTY != nil {
		if s.master, err = takeMaster(res.fds[0]); err != nil {
			m.kill(err)
		}
	}
	if err != nil {
		if !res.late {
			p.forget()
		}
		s.close()
		return nil, startFailure(cmd, string(req.Dir), res.step, err)
	}
	go p.follow()
	return p, nil
}

// startFailure says what an error of init's means. What it sent is a step's
// name and a number; the words are chosen here.
func startFailure(cmd *vm.Command, dir, step string, err error) error {
	switch step {
	case startDir:
		return fmt.Errorf("working directory: %w", &os.PathError{Op: "chdir", Path: dir, Err: err})
	case startTTY:
		return fmt.Errorf("open a terminal: %w", err)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no such program in the sandbox: %w", err)
	case errors.Is(err, unix.ENOEXEC):
		return fmt.Errorf("not a program for this machine, nor a script with a #! line: %w", err)
	case errors.Is(err, unix.E2BIG):
		return fmt.Errorf("its %d arguments and the environment are more than the kernel takes: %w", len(cmd.Args), err)
	}
	return err
}

// late ends a command that started after its caller had given up.
func (p *process) late(res result) {
	closeFDs(res.fds)
	if res.err != nil {
		p.forget()
		return
	}
	ctx := context.Background()
	_, _ = p.m.call(ctx, request{Op: opSignal, Proc: p.id, Signal: int(unix.SIGKILL)}, nil, 0, func(result) {})
}

// forget takes back that init may speak of the command.
func (p *process) forget() {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	delete(p.m.procs, p.id)
}

// follow copies the streams until the command's end.
func (p *process) follow() {
	p.streams.copy()
	select {
	case <-p.exited:
	case <-p.m.ended:
	}
	err := p.streams.finish()
	select {
	case <-p.exited:
		p.err = err
	default:
		p.err = fmt.Errorf("the command's end is not known: %w", p.m.endError())
	}
	close(p.done)
}

func (p *process) Wait() (int, error) {
	<-p.done
	if p.err != nil {
		return p.code, p.err
	}
	return p.code, nil
}

func (p *process) Signal(sig syscall.Signal) error {
	select {
	case <-p.exited:
		return os.ErrProcessDone
	case <-p.m.ended:
		return os.ErrProcessDone
	default:
	}
	_, err := p.m.call(context.Background(), request{Op: opSignal, Proc: p.id, Signal: int(sig)}, nil, 0, func(result) {})
	if errors.Is(err, unix.ESRCH) || errors.Is(err, errClosed) {
		return os.ErrProcessDone
	}
	if err != nil {
		return fmt.Errorf("send signal %d: %w", int(sig), err)
	}
	return nil
}

func (p *process) Resize(size vm.WinSize) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	return p.streams.resize(size)
}
