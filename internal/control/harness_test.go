package control

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/bot-bottle/bottle/vm"
)

// hostMachine runs commands on the host itself, the way that a machine runs
// them inside.
type hostMachine struct{}

type hostProcess struct {
	cmd    *exec.Cmd
	master *os.File // nil without a terminal
	done   chan struct{}
	code   int
	err    error
}

func (hostMachine) Start(_ context.Context, c vm.Command) (vm.Process, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	p := &hostProcess{cmd: cmd, done: make(chan struct{})}
	if c.TTY != nil {
		return p, p.startTTY(c)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	var in io.WriteCloser
	if c.Stdin != nil {
		var err error
		if in, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if in != nil {
		go func() {
			_, _ = io.Copy(in, c.Stdin)
			_ = in.Close()
		}()
	}
	go func() {
		p.end(cmd.Wait())
	}()
	return p, nil
}

func (p *hostProcess) startTTY(c vm.Command) error {
	var err error
	if p.master, err = pty.StartWithSize(p.cmd, &pty.Winsize{Rows: c.TTY.Rows, Cols: c.TTY.Cols}); err != nil {
		return err
	}
	if c.Stdin != nil {
		go func() { _, _ = io.Copy(p.master, c.Stdin) }()
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(c.Stdout, p.master) // its end is EIO
	}()
	go func() {
		err := p.cmd.Wait()
		<-copied
		p.end(err)
	}()
	return nil
}

func (p *hostProcess) end(err error) {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		st := exit.Sys().(syscall.WaitStatus)
		if p.code = st.ExitStatus(); st.Signaled() {
			p.code = 128 + int(st.Signal())
		}
	case err != nil:
		p.err = err
	}
	close(p.done)
}

func (p *hostProcess) Wait() (int, error) {
	<-p.done
	return p.code, p.err
}

func (p *hostProcess) Signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return os.ErrProcessDone
}

func (p *hostProcess) Resize(size vm.WinSize) error {
	if p.master == nil {
		return errors.New("no terminal")
	}
	return pty.Setsize(p.master, &pty.Winsize{Rows: size.Rows, Cols: size.Cols})
}

// scripted is a machine whose one command is a Go function.
type scripted func(p *scriptedProcess)

type scriptedProcess struct {
	cmd     vm.Command
	ctx     context.Context // of Start
	signals chan syscall.Signal
	sizes   chan vm.WinSize
	done    chan struct{}
	code    int
}

func (s scripted) Start(ctx context.Context, cmd vm.Command) (vm.Process, error) {
	p := &scriptedProcess{
		cmd: cmd, ctx: ctx, signals: make(chan syscall.Signal, 64), sizes: make(chan vm.WinSize, 64),
		done: make(chan struct{}),
	}
	go func() {
		defer close(p.done)
		s(p)
	}()
	return p, nil
}

func (p *scriptedProcess) Wait() (int, error)              { <-p.done; return p.code, nil }
func (p *scriptedProcess) Signal(sig syscall.Signal) error { p.signals <- sig; return nil }
func (p *scriptedProcess) Resize(s vm.WinSize) error       { p.sizes <- s; return nil }
func (p *scriptedProcess) until(want syscall.Signal) (n int) {
	for sig := range p.signals {
		n++
		if sig == want {
			return n
		}
	}
	return n
}

// shortDir is a private folder whose path leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func socketIn(t testing.TB) string { return filepath.Join(shortDir(t), SocketName) }

// serve starts a Server that ends with the test, with a short grace.
func serve(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Path == "" {
		opts.Path = socketIn(t)
	}
	if opts.Grace == 0 {
		opts.Grace = 100 * time.Millisecond
	}
	if opts.Machine == nil {
		opts.Machine = hostMachine{}
	}
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dial(t testing.TB, s *Server) *Client {
	t.Helper()
	c, err := Dial(t.Context(), s.opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// output collects what is written. Its methods may be called concurrently.
type output struct {
	mu sync.Mutex
	b  strings.Builder
	at chan struct{} // gets a value after each write, when there is room
}

func newOutput() *output { return &output{at: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	select {
	case o.at <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// await waits until the output holds want.
func (o *output) await(t *testing.T, want string) {
	t.Helper()
	for !strings.Contains(o.String(), want) {
		select {
		case <-o.at:
		case <-time.After(20 * time.Second):
			t.Fatalf("%q did not come, but %q", want, o.String())
		}
	}
}

func sh(script string) vm.Command { return vm.Command{Args: []string{"sh", "-c", script}} }

func start(t *testing.T, c vm.Starter, cmd vm.Command) vm.Process {
	t.Helper()
	p, err := c.Start(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// raw connects without a Client and exchanges the preambles.
func raw(t *testing.T, s *Server) *conn {
	t.Helper()
	n, err := net.Dial("unix", s.opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	_ = n.SetDeadline(time.Now().Add(20 * time.Second))
	c := newConn(n.(*net.UnixConn))
	if v, err := c.greet(); err != nil || v != protocolVersion {
		t.Fatal(v, err)
	}
	return c
}

// rawStart starts a command over a raw connection.
func rawStart(t *testing.T, s *Server, cmd vm.Command) *conn {
	t.Helper()
	c := raw(t, s)
	body, err := encode(toWire(&cmd))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.writeJSON(kindRequest, request{Op: opStart, Body: body}); err != nil {
		t.Fatal(err)
	}
	if err := c.await(nil, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// within fails the test when what is waited for does not come.
func within[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing after 20 s", what)
		panic("unreachable")
	}
}
