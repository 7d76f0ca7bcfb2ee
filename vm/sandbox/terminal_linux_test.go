package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// screen collects what is written and lets tests wait for a text.
type screen struct {
	mu   sync.Mutex
	text []byte
	news chan struct{}
}

func newScreen() *screen { return &screen{news: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.text = append(s.text, p...)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// waitFor waits until text has come, and forgets everything up to it.
func (s *screen) waitFor(t *testing.T, text string) {
	t.Helper()
	for {
		s.mu.Lock()
		i := bytes.Index(s.text, []byte(text))
		if i >= 0 {
			s.text = s.text[i+len(text):]
		}
		s.mu.Unlock()
		if i >= 0 {
			return
		}
		within(t, s.news, text+" in "+s.String())
	}
}

func TestTerminal(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	out, in := newScreen(), make(chan string)
	p, err := m.Start(t.Context(), vm.Command{
		Args:  []string{"/bin/sh", "-c", `trap 'stty size' WINCH; tty; stty size; while :; do read -r x && echo "got $x"; done`},
		Stdin: chanReader(in), Stdout: out, TTY: &vm.WinSize{Rows: 33, Cols: 77},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer close(in)
	out.waitFor(t, "/dev/pts/0\r\n33 77\r\n")
	in <- "hello\n"
	out.waitFor(t, "hello\r\ngot hello\r\n") // the echo is the terminal's
	if err := p.Resize(vm.WinSize{Rows: 11, Cols: 22}); err != nil {
		t.Fatal(err)
	}
	in <- "\n" // some shells run a trap only after the read
	out.waitFor(t, "11 22\r\n")
	in <- "\x03" // the terminal's interrupt
	if code := wait(t, p); code != 128+int(unix.SIGINT) {
		t.Errorf("code %d", code)
	}
}

type chanReader <-chan string

func (c chanReader) Read(p []byte) (int, error) {
	s, ok := <-c
	if !ok {
		return 0, io.EOF
	}
	return copy(p, s), nil
}

func TestAllOfATerminalsOutputArrives(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	for _, script := range []string{"seq 20000", "sleep 1000 & seq 20000"} {
		p, out := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", script}, TTY: &vm.WinSize{Rows: 1, Cols: 1}})
		code := wait(t, p)
		if code != 0 || !strings.HasSuffix(out.String(), "19999\r\n20000\r\n") || out.Len() != 128894 {
			t.Errorf("%s: code %d, %d bytes", script, code, out.Len())
		}
	}
}

// terminal is a person's: what is typed into keys arrives in Files, what is
// written there is on the screen.
func terminal(t *testing.T) (keys *os.File, s *screen, files vm.Files) {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: 40, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	s = newScreen()
	copied := make(chan struct{})
	go func() { defer close(copied); _, _ = io.Copy(s, keys) }()
	t.Cleanup(func() { tty.Close(); keys.Close(); <-copied })
	return keys, s, vm.Files{In: tty, Out: tty, Err: tty}
}

type ran struct {
	code int
	err  error
}

func runInBackground(ctx context.Context, m vm.Machine, files vm.Files, args ...string) <-chan ran {
	c := make(chan ran, 1)
	go func() {
		code, err := vm.Run(ctx, m, vm.Command{Args: args}, files)
		c <- ran{code, err}
	}()
	return c
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

func TestRunOnATerminal(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	keys, s, files := terminal(t)
	before := modes(t, files.In)
	// A trapped signal ends the shell's read, so it is begun again.
	done := runInBackground(t.Context(), m, files,
		"/bin/sh", "-c", `trap 'exit 9' TERM; trap : WINCH; stty size; until read -r x; do :; done; echo "got $x"; stty size; until read -r x; do :; done; echo end; while :; do sleep 0.01; done`)
	s.waitFor(t, "40 100\r\n")
	if raw := modes(t, files.In); raw.Lflag&unix.ECHO != 0 {
		t.Error("the terminal is not raw")
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: 20, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	// The size goes by another way than the keys: ask until it is there.
	if _, err := keys.WriteString("hello\r"); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "got hello\r\n")
	s.waitFor(t, "\r\n")
	if _, err := keys.WriteString("\r"); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, "end\r\n")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if r := within(t, done, "the end"); r.code != 9 || r.err != nil {
		t.Errorf("code %d, error %v", r.code, r.err)
	}
	if after := modes(t, files.In); after != before {
		t.Errorf("the terminal's modes are %v, were %v", after, before)
	}
	// What is typed now is for whoever comes next.
	if _, err := keys.WriteString("next\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := files.In.Read(buf); err != nil || string(buf[:n]) != "next\n" {
		t.Errorf("%q, error %v", buf[:n], err)
	}
}

func TestRunFollowsTheWindow(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	keys, s, files := terminal(t)
	done := runInBackground(t.Context(), m, files, "/bin/sh", "-c",
		`echo ready; while [ "$(stty size)" != "20 50" ]; do sleep 0.01; done; exit 5`)
	s.waitFor(t, "ready")
	if err := pty.Setsize(keys, &pty.Winsize{Rows: 20, Cols: 50}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	if r := within(t, done, "the new size"); r.code != 5 || r.err != nil {
		t.Errorf("code %d, error %v", r.code, r.err)
	}
}

func TestRunWithoutATerminal(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	files, texts := pipes(t, "typed")
	code, err := vm.Run(t.Context(), m, vm.Command{Args: []string{"/bin/sh", "-c", "cat; echo err >&2; exit 4"}}, files)
	if out, errs := texts(); code != 4 || err != nil || out != "typed" || errs != "err\n" {
		t.Errorf("code %d, error %v, stdout %q, stderr %q", code, err, out, errs)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		files, texts := pipes(t, "")
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		files.Out = w
		done := runInBackground(t.Context(), m, files, "/bin/sh", "-c", "echo ready; exec sleep 1000")
		if _, err := io.ReadFull(r, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		if got := within(t, done, sig.String()); got.code != 128+int(sig) || got.err != nil {
			t.Errorf("%v: code %d, error %v", sig, got.code, got.err)
		}
		r.Close()
		w.Close()
		texts()
	}
}

func TestRunIsGivenUp(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	_, s, files := terminal(t)
	before := modes(t, files.In)
	ctx, cancel := context.WithCancel(t.Context())
	done := runInBackground(ctx, m, files, "/bin/sh", "-c", "trap '' TERM; echo ready; exec sleep 1000")
	s.waitFor(t, "ready")
	cancel()
	if r := within(t, done, "the end"); !errors.Is(r.err, context.Canceled) {
		t.Errorf("code %d, error %v", r.code, r.err)
	}
	if after := modes(t, files.In); after != before {
		t.Errorf("the terminal's modes are %v, were %v", after, before)
	}
}

// pipes are Files that are no terminal; texts closes them and returns what was
// written.
func pipes(t *testing.T, typed string) (files vm.Files, texts func() (stdout, stderr string)) {
	t.Helper()
	var r, w [3]*os.File
	for i := range r {
		var err error
		if r[i], w[i], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w[0].WriteString(typed); err != nil {
		t.Fatal(err)
	}
	w[0].Close()
	return vm.Files{In: r[0], Out: w[1], Err: w[2]}, func() (string, string) {
		var out [3]string
		for i := 1; i < 3; i++ {
			w[i].Close()
			text, err := io.ReadAll(r[i])
			if err != nil {
				t.Fatal(err)
			}
			out[i] = string(text)
			r[i].Close()
		}
		r[0].Close()
		return out[1], out[2]
	}
}
