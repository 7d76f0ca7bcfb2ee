package smolvm

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay/guest"
)

// process is a command inside: the call of smolvm that it runs through, and the id
// under which the guest program knows it.
type process struct {
	m      *machine
	id     string
	cmd    *exec.Cmd
	tty    *os.File      // the host's side of its terminal
	copied chan struct{} // closed when all that the terminal shows was
	stderr *errorTail
	done   chan struct{}
	code   int
	err    error
}

// Start starts a command. Whether it can be is asked first, for afterwards an error
// of the start looks like one of the command's.
func (m *machine) Start(ctx context.Context, cmd vm.Command) (vm.Process, error) {
	if err := cmd.Check(); err != nil {
		return nil, err
	}
	if cmd.Dir == "" {
		cmd.Dir = m.plan.spec.User.Home
	}
	select {
	case m.slots <- struct{}{}:
	default:
		return nil, fmt.Errorf("start %q in %s: %d commands run in it already, and more it cannot serve at a time: wait for one to end", cmd.Args[0], m.plan.name, maxCommands)
	}
	p, err := m.start(ctx, cmd)
	if err != nil {
		<-m.slots
		return nil, fmt.Errorf("start %q in %s: %w", cmd.Args[0], m.plan.name, err)
	}
	return p, nil
}

func (m *machine) start(ctx context.Context, cmd vm.Command) (*process, error) {
	m.mu.Lock()
	p := &process{m: m, id: rand.Text(), done: make(chan struct{}), copied: make(chan struct{}), stderr: &errorTail{to: cmd.Stderr}}
	closed := m.closed
	m.mu.Unlock()
	if closed {
		return nil, errors.New("the machine was closed")
	}
	if err := m.check(ctx, cmd); err != nil {
		return nil, err
	}
	bin, err := m.b.find(ctx)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(bin.path, m.execArgs(p.id, cmd)...)
	p.cmd.Env, p.cmd.Dir, p.cmd.WaitDelay = m.b.environ(), "/", killPause
	if cmd.TTY != nil {
		err = p.onTerminal(cmd)
	} else {
		p.cmd.Stdout, p.cmd.Stderr = cmd.Stdout, p.stderr
		if cmd.OneOutput() {
			one := &oneWriter{to: cmd.Stdout}
			p.cmd.Stdout, p.stderr.to = one, one
		}
		p.cmd.SysProcAttr = endWithThis(syscall.SysProcAttr{Setpgid: true}, syscall.SIGKILL)
		err = p.withStdin(cmd.Stdin)
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.procs[p] = true
	m.mu.Unlock()
	go p.wait()
	return p, nil
}

// withStdin starts the call and feeds it. Wait does not wait for the feeding.
func (p *process) withStdin(in io.Reader) error {
	if in == nil {
		return p.cmd.Start()
	}
	w, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(w, in) // who does not read has ended
		_ = w.Close()
	}()
	return nil
}

// onTerminal starts the call on a terminal of its own: the person's is never
// touched, so it is whole when the call is killed.
func (p *process) onTerminal(cmd vm.Command) error {
	size := &pty.Winsize{Rows: cmd.TTY.Rows, Cols: cmd.TTY.Cols}
	p.cmd.Stderr = p.stderr // smolvm's own notes, among which there is none of the command's
	tty, err := pty.StartWithAttrs(p.cmd, size, endWithThis(syscall.SysProcAttr{Setsid: true, Setctty: true}, syscall.SIGKILL))
	if err != nil {
		return err
	}
	p.tty = tty
	out := cmd.Stdout
	if out == nil {
		out = io.Discard
	}
	go func() {
		_, _ = io.Copy(out, tty) // it ends with EIO when the call has
		close(p.copied)
	}()
	if cmd.Stdin != nil {
		go func() {
			p.waitRaw()
			_, _ = io.Copy(tty, cmd.Stdin)
		}()
	}
	return nil
}

// How often, and how many times, it is looked whether smolvm has the terminal.
const rawPause, rawTries = 20 * time.Millisecond, 3000

// waitRaw waits until smolvm has made the terminal raw, which throws away what was
// typed before.
func (p *process) waitRaw() {
	for range rawTries {
		if p.isRaw() {
			return
		}
		select {
		case <-p.done:
			return
		case <-time.After(rawPause):
		}
	}
}

func (p *process) isRaw() bool {
	raw := true
	err := p.control(func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, getTermios)
		raw = err != nil || t.Lflag&unix.ICANON == 0
		return nil
	})
	return raw || err != nil
}

// execArgs are the arguments of the call. The environment stands among them, and
// in a log of smolvm's: it has placeholders only.
func (m *machine) execArgs(id string, cmd vm.Command) []string {
	args := []string{"machine", "exec", "--name", m.plan.name, "-i"}
	if cmd.TTY != nil {
		args = append(args, "-t")
	}
	return append(append(args, m.environArgs(cmd)...), m.become("exec", id, cmd)...)
}

func (m *machine) environArgs(cmd vm.Command) (args []string) {
	spec := m.plan.spec
	if spec.User.Shell == "" {
		spec.User.Shell = m.user.Shell
	}
	for _, kv := range spec.Environ(&cmd) {
		args = append(args, "-e", kv)
	}
	return args
}

// become are the words behind the flags of an exec: the guest program, which turns
// into the command as the agent's user.
func (m *machine) become(verb, id string, cmd vm.Command) []string {
	args := []string{"--", guestProgram, verb, "--uid", strconv.Itoa(m.user.UID), "--gid", strconv.Itoa(m.user.GID),
		"--dir", cmd.Dir, "--state", m.user.State, "--id", id, "--"}
	return append(args, cmd.Args...)
}

// check asks whether a command can be started.
func (m *machine) check(ctx context.Context, cmd vm.Command) error {
	release, err := m.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	args := append([]string{"machine", "exec", "--name", m.plan.name}, m.environArgs(cmd)...)
	r, err := m.b.again(ctx, stepTries, call{args: append(args, m.become("check", "", cmd)...), timeout: quickTimeout})
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(r.stderr), guest.Name+": check:"))
	switch r.code {
	case 0:
		return nil
	case guest.ExitNoFolder:
		return fmt.Errorf("working directory: %s: %w", text, fs.ErrNotExist)
	case guest.ExitNoProgram:
		return fmt.Errorf("%s: %w", text, fs.ErrNotExist)
	case guest.ExitNotAllowed:
		return fmt.Errorf("%s: %w", text, fs.ErrPermission)
	}
	return newCLIError([]string{"machine", "exec"}, r)
}

// hold waits for one of the few calls that may run beside the commands.
func (m *machine) hold(ctx context.Context) (release func(), err error) {
	select {
	case m.quick <- struct{}{}:
		return func() { <-m.quick }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drainTime bounds how long a terminal is read after the end of its command.
const drainTime = 500 * time.Millisecond

func (p *process) wait() {
	err := p.cmd.Wait()
	if p.tty != nil {
		// What was written is there to be read; somebody may hold the terminal on.
		t := time.NewTimer(drainTime)
		select {
		case <-p.copied:
		case <-t.C:
		}
		t.Stop()
		_ = p.tty.Close()
	}
	p.stderr.flush()
	p.code, p.err = p.outcome(err)
	p.m.mu.Lock()
	delete(p.m.procs, p)
	p.m.mu.Unlock()
	<-p.m.slots
	close(p.done)
}

// outcome tells the command's end from the machine's.
func (p *process) outcome(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, err
	}
	code := exit.ExitCode()
	if code < 0 { // smolvm itself was killed
		return 0, fmt.Errorf("smolvm was ended by %s while the command ran", exit.Sys().(syscall.WaitStatus).Signal())
	}
	if text := p.stderr.last(); own(result{code: code, stderr: text}) {
		return 0, newCLIError([]string{"machine", "exec"}, result{code: code, stderr: text})
	}
	if code == 137 || code == 255 { // the command's, or the machine's
		if s, lerr := p.m.b.get(p.m.ctx, p.m.plan.spec.ID); lerr == nil && (s == nil || !s.up()) {
			return 0, fmt.Errorf("the machine ended while the command ran")
		}
	}
	return code, nil
}

// Wait returns the exit code.
func (p *process) Wait() (int, error) {
	<-p.done
	return p.code, p.err
}

// Signal sends a signal inside: one to smolvm would reach only the call.
func (p *process) Signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	ctx, cancel := context.WithTimeout(p.m.ctx, quickTimeout)
	defer cancel()
	return p.signal(ctx, sig)
}

// signal sends a signal, as soon as the command has begun: the call of smolvm may
// still be on its way into the machine.
func (p *process) signal(ctx context.Context, sig syscall.Signal) error {
	for {
		begun, err := p.trySignal(ctx, sig)
		if begun || err != nil {
			return err
		}
		select {
		case <-p.done:
			return os.ErrProcessDone
		case <-ctx.Done():
			return fmt.Errorf("send the signal %s: the command has not begun: %w", sig, ctx.Err())
		case <-time.After(beginPause):
		}
	}
}

// beginPause is how long a command is waited for between two tries to signal it.
const beginPause = 100 * time.Millisecond

func (p *process) trySignal(ctx context.Context, sig syscall.Signal) (begun bool, err error) {
	release, err := p.m.hold(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	c := p.m.guestCall(quickTimeout, "kill", "--state", p.m.user.State, "--id", p.id, "--signal", strconv.Itoa(guestSignal(sig)))
	r, err := p.m.b.again(ctx, stepTries, c)
	switch {
	case err != nil:
		return false, err
	case r.code == guest.ExitNotYet:
		return false, nil
	case r.code == guest.ExitGone:
		return true, os.ErrProcessDone
	case r.code != 0:
		return false, newCLIError([]string{"machine", "exec"}, r)
	}
	return true, nil
}

// Resize changes the size of the terminal, which smolvm passes on.
func (p *process) Resize(size vm.WinSize) error {
	if p.tty == nil {
		return errors.New("the command has no terminal")
	}
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
		return p.control(func(fd int) error {
			return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
		})
	}
}

// control hands the descriptor of the terminal out while it cannot be closed. After
// Fd it would block from then on, and could be another file's.
func (p *process) control(use func(fd int) error) error {
	conn, err := p.tty.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = use(int(fd)) })
	return cmp.Or(cerr, err)
}

// end ends the command with its machine.
func (p *process) end() {
	ctx, cancel := context.WithTimeout(context.Background(), quickTimeout)
	defer cancel()
	_ = p.signal(ctx, syscall.SIGKILL)
	select {
	case <-p.done:
		return
	case <-ctx.Done():
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}
