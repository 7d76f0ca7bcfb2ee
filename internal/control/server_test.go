package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

func TestInfoIsWhatTheBottleSays(t *testing.T) {
	s := serve(t, Options{
		Info:   Info{ID: "x-1", Name: "x", Agent: "claude", Backend: "sandbox", Workspace: "/w", Version: "1.2"},
		Counts: func() map[string]int64 { return map[string]int64{"requests": 3} },
	})
	in, keep := io.Pipe()
	out := newOutput()
	cmd := sh("echo ready; cat")
	cmd.Stdin, cmd.Stdout = in, out
	p := start(t, dial(t, s), cmd)
	out.await(t, "ready")
	i := dial(t, s).Info()
	if i.ID != "x-1" || i.Name != "x" || i.Agent != "claude" || i.Backend != "sandbox" || i.Workspace != "/w" || i.Version != "1.2" {
		t.Errorf("got %+v", i)
	}
	if i.PID != os.Getpid() || i.Counts["requests"] != 3 || i.Commands != 1 || i.Uptime <= 0 || i.Started.IsZero() {
		t.Errorf("got %+v", i)
	}
	_ = keep.Close()
	if code, err := p.Wait(); code != 0 || err != nil {
		t.Error(code, err)
	}
}

func TestAClientThatLeavesEndsItsCommand(t *testing.T) {
	for _, c := range []struct {
		name  string
		leave func(c *conn) error
	}{
		{"it closes the connection", func(c *conn) error { return c.raw.Close() }},
		{"it closes its half", func(c *conn) error { return c.raw.CloseWrite() }},
		{"it breaks the protocol", func(c *conn) error { return c.write(kindExit, []byte("{}"), nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 1)
			s := serve(t, Options{Machine: scripted(func(p *scriptedProcess) {
				first := <-p.signals
				_, inErr := p.cmd.Stdin.Read(make([]byte, 1))
				_, outErr := p.cmd.Stdout.Write([]byte("x"))
				second := <-p.signals
				got <- fmt.Sprint(first, ", ", second, ", ", inErr, ", ", outErr)
			})})
			conn := rawStart(t, s, vm.Command{Args: []string{"x"}, Stdin: strings.NewReader(""), Stdout: io.Discard})
			if err := c.leave(conn); err != nil {
				t.Fatal(err)
			}
			if text := within(t, got, "the signals"); text != "hangup, killed, EOF, the client is gone" {
				t.Errorf("got %s", text)
			}
		})
	}
}

func TestAClientThatLeavesEndsARealCommand(t *testing.T) {
	s := serve(t, Options{})
	out := newOutput()
	cmd := sh("trap '' HUP; echo $$; while :; do sleep 0.05; done")
	cmd.Stdout = out
	p := start(t, dial(t, s), cmd)
	out.await(t, "\n")
	var pid int
	if _, err := fmt.Sscan(out.String(), &pid); err != nil {
		t.Fatal(err)
	}
	_ = p.(*process).conn.raw.Close()
	if _, err := p.Wait(); err == nil || !strings.Contains(err.Error(), "before the command's end was known") {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil { // waits for the kill
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the command is still there: %v", err)
	}
}

func TestCloseTellsClientsHowTheirCommandEnded(t *testing.T) {
	s := serve(t, Options{Grace: 20 * time.Second})
	out := newOutput()
	cmd := sh("trap 'echo bye; exit 4' HUP; echo ready; while :; do sleep 0.05; done")
	cmd.Stdout = out
	p := start(t, dial(t, s), cmd)
	out.await(t, "ready")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if code, err := p.Wait(); code != 4 || err != nil || out.String() != "ready\nbye\n" {
		t.Errorf("exit %d, %v, %q", code, err, out)
	}
	if _, err := os.Lstat(filepath.Dir(s.opts.Path)); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(s.opts.Path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCloseKillsACommandThatDoesNotEnd(t *testing.T) {
	s := serve(t, Options{Grace: time.Second})
	out := newOutput()
	cmd := sh("trap '' HUP; echo ready; while :; do sleep 0.05; done")
	cmd.Stdout = out
	p := start(t, dial(t, s), cmd)
	out.await(t, "ready")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if code, err := p.Wait(); code != 137 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
}

func TestCloseDoesNotWaitForACommandThatCannotBeKilled(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := serve(t, Options{Machine: scripted(func(*scriptedProcess) { <-release })})
	p := start(t, dial(t, s), sh("x"))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Wait(); err == nil {
		t.Error("the client was told nothing")
	}
}

func TestShutdownWaitsForTheEnd(t *testing.T) {
	asked := make(chan bool, 1)
	s := serve(t, Options{Shutdown: func(_ context.Context, force bool) error {
		asked <- force
		return nil
	}})
	c := dial(t, s)
	done := make(chan error, 1)
	go func() { done <- c.Shutdown(t.Context(), true) }()
	if !within(t, asked, "the hook") {
		t.Error("not forced")
	}
	select {
	case err := <-done:
		t.Errorf("returned before the end: %v", err)
	default:
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, done, "the client"); err != nil {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), s.opts.Path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestShutdownThatIsRefusedOrTakesTooLong(t *testing.T) {
	s := serve(t, Options{Shutdown: func(_ context.Context, force bool) error {
		if !force {
			return errors.New("3 commits were not pulled")
		}
		return nil
	}})
	c := dial(t, s)
	if err := c.Shutdown(t.Context(), false); err == nil || err.Error() != "3 commits were not pulled" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Shutdown(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestHooksThatAreNotThereAreRefused(t *testing.T) {
	s, err := Listen(Options{Path: socketIn(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := dial(t, s)
	_, startErr := c.Start(t.Context(), sh("true"))
	_, reloadErr := c.Reload(t.Context())
	for what, err := range map[string]error{
		"start": startErr, "reload": reloadErr, "shutdown": c.Shutdown(t.Context(), true),
		"other": c.Call(t.Context(), "other", nil, nil),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReload(t *testing.T) {
	s := serve(t, Options{Reload: func(context.Context) (string, error) { return "2 routes more", nil }})
	if text, err := dial(t, s).Reload(t.Context()); text != "2 routes more" || err != nil {
		t.Error(text, err)
	}
}

func TestHandlersAnswerStreamAndFail(t *testing.T) {
	left := make(chan struct{})
	s := serve(t, Options{Handlers: map[string]Handler{
		"add": func(_ context.Context, call *Call) (any, error) {
			var in []int
			if err := call.Decode(&in); err != nil {
				return nil, err
			}
			return in[0] + in[1], nil
		},
		"count": func(_ context.Context, call *Call) (any, error) {
			for i := range 1000 {
				if err := call.Send(i); err != nil {
					return nil, err
				}
			}
			return "end", nil
		},
		"fail": func(context.Context, *Call) (any, error) {
			return nil, fmt.Errorf("read manifest: %w", fs.ErrNotExist)
		},
		"long": func(context.Context, *Call) (any, error) { return strings.Repeat("x", maxMessage), nil },
		"odd":  func(context.Context, *Call) (any, error) { return func() {}, nil },
		"wait": func(ctx context.Context, _ *Call) (any, error) {
			<-ctx.Done()
			close(left)
			return nil, ctx.Err()
		},
	}})
	c := dial(t, s)
	var sum int
	if err := c.Call(t.Context(), "add", []int{2, 3}, &sum); err != nil || sum != 5 {
		t.Error(sum, err)
	}
	if err := c.Call(t.Context(), "add", nil, &sum); err == nil {
		t.Error("no body: no error")
	}
	if err := c.Call(t.Context(), "add", "text", &sum); err == nil {
		t.Error("wrong body: no error")
	}
	var got int
	var end string
	if err := c.Stream(t.Context(), "count", nil, &end, func(m json.RawMessage) error {
		if string(m) != fmt.Sprint(got) {
			t.Errorf("got %s, want %d", m, got)
		}
		got++
		return nil
	}); err != nil || end != "end" || got != 1000 {
		t.Error(got, end, err)
	}
	enough := errors.New("enough")
	if err := c.Stream(t.Context(), "count", nil, nil, func(json.RawMessage) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	if err := c.Call(t.Context(), "fail", nil, nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "read manifest: ") {
		t.Error(err)
	}
	for _, op := range []string{"long", "odd"} {
		if err := c.Call(t.Context(), op, nil, nil); err == nil {
			t.Errorf("%s: no error", op)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := c.Call(ctx, "wait", nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	within(t, left, "the handler's end")
}

func TestHandlersMustHaveNamesOfTheirOwn(t *testing.T) {
	h := func(context.Context, *Call) (any, error) { return nil, nil }
	for _, handlers := range []map[string]Handler{{"info": h}, {"start": h}, {"": h}, {"shutdown": h}, {"x": nil}} {
		if s, err := Listen(Options{Path: socketIn(t), Handlers: handlers}); err == nil {
			_ = s.Close()
			t.Errorf("%v passed", handlers)
		}
	}
}

func TestASecondServerIsRefused(t *testing.T) {
	s := serve(t, Options{})
	if _, err := Listen(Options{Path: s.opts.Path}); !errors.Is(err, state.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("got %v", err)
	}
	dial(t, s) // the first still serves
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	serve(t, Options{Path: s.opts.Path})
}

func TestOnlyAPrivateFolderIsServedFrom(t *testing.T) {
	dir := shortDir(t)
	for _, mode := range []fs.FileMode{0o755, 0o710, 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(Options{Path: filepath.Join(dir, SocketName)}); !errors.Is(err, state.ErrNotPrivate) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{Path: filepath.Join(dir, SocketName)})
	info, err := os.Lstat(s.opts.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if _, err := Listen(Options{Path: filepath.Join(dir, strings.Repeat("x", 100))}); err == nil || !strings.Contains(err.Error(), "of 100") {
		t.Errorf("a long path: %v", err)
	}
	if _, err := Listen(Options{Path: filepath.Join(dir, "gone", "x")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	file := filepath.Join(shortDir(t), SocketName)
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Options{Path: file}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file in the socket's place: %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("it was removed")
	}
}

func TestOnlyTheSameUserAndRootAreServed(t *testing.T) {
	me := os.Geteuid()
	for _, c := range []struct {
		name string
		uid  int
		ok   bool
	}{{"the same", me, true}, {"root", 0, true}, {"another", me + 1, false}, {"nobody", 65534 + me, false}} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Options{peer: func(*net.UnixConn) (peer, error) { return peer{uid: c.uid, pid: 1}, nil }})
			if _, err := Dial(t.Context(), s.opts.Path); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if (peer{uid: c.uid}).check(me) == nil != c.ok {
				t.Error("check says otherwise")
			}
		})
	}
	s := serve(t, Options{peer: func(*net.UnixConn) (peer, error) { return peer{}, errors.New("no idea") }})
	if _, err := Dial(t.Context(), s.opts.Path); err == nil {
		t.Error("served who cannot be known")
	}
}

func TestTheKernelSaysWhoIsThere(t *testing.T) {
	got := make(chan peer, 1)
	s := serve(t, Options{peer: func(c *net.UnixConn) (peer, error) {
		p, err := peerOf(c)
		got <- p
		return p, err
	}})
	dial(t, s)
	if p := within(t, got, "a peer"); p != (peer{uid: os.Geteuid(), pid: os.Getpid()}) {
		t.Errorf("got %+v", p)
	}
}

func TestTooManyConnections(t *testing.T) {
	s := serve(t, Options{})
	for range maxConns {
		n, err := net.Dial("unix", s.opts.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
	}
	if _, err := Dial(t.Context(), s.opts.Path); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("got %v", err)
	}
}
