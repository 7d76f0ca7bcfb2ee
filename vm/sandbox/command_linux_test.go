package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

func TestExitCodes(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	for script, want := range map[string]int{
		"exit 0": 0, "exit 7": 7, "exit 255": 255,
		"kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9, "kill -SEGV $$": 128 + 11,
		"nosuchprogram": 127,
	} {
		if code, out := run(t, m, "/bin/sh", "-c", script); code != want {
			t.Errorf("%s: code %d, want %d: %s", script, code, want, out)
		}
	}
}

func TestWhatCannotStart(t *testing.T) {
	dir := ownedDir(t)
	for name, mode := range map[string]os.FileMode{"plain": 0o644, "broken": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\x7fnot a program"), mode); err != nil {
			t.Fatal(err)
		}
	}
	m := newMachine(t, Options{}, vm.Spec{Mounts: []vm.Mount{{Source: dir, Target: "/work"}}})
	for _, c := range []struct {
		name string
		cmd  vm.Command
		is   error
		text string
	}{
		{"a name that is nowhere in PATH", vm.Command{Args: []string{"nosuchprogram"}}, fs.ErrNotExist, `start "nosuchprogram"`},
		{"a path that is not there", vm.Command{Args: []string{"/no/such"}}, fs.ErrNotExist, "no such program in the sandbox"},
		{"a file without the right", vm.Command{Args: []string{"/work/plain"}}, fs.ErrPermission, ""},
		{"a file without the right, by PATH", vm.Command{Args: []string{"plain"}, Env: map[string]string{"PATH": "/work"}}, fs.ErrPermission, ""},
		{"a folder", vm.Command{Args: []string{"/work"}}, fs.ErrPermission, ""},
		{"what is not a program", vm.Command{Args: []string{"/work/broken"}}, unix.ENOEXEC, "#! line"},
		{"a working directory that is not there", vm.Command{Args: []string{"true"}, Dir: "/no/such"}, fs.ErrNotExist, "working directory"},
		{"a working directory that is a file", vm.Command{Args: []string{"true"}, Dir: "/etc/passwd"}, unix.ENOTDIR, "working directory"},
		{"too many arguments", vm.Command{Args: []string{"true", strings.Repeat("x", 1<<18)}}, unix.E2BIG, "than the kernel takes"},
		{"more than a message may have", vm.Command{Args: []string{"true", strings.Repeat("x", maxRequest)}}, nil, "over the limit"},
		{"nothing", vm.Command{}, nil, "needs a program"},
		{"a relative working directory", vm.Command{Args: []string{"true"}, Dir: "x"}, nil, "not an absolute path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cmd.Stdin, c.cmd.Stdout = strings.NewReader("x"), io.Discard
			_, err := m.Start(t.Context(), c.cmd)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one that is %v and says %q", err, c.is, c.text)
			}
		})
	}
	if code, out := run(t, m, "true"); code != 0 {
		t.Errorf("afterwards nothing can start: code %d: %s", code, out)
	}
	if n := len(m.(*machine).procs) + len(m.(*machine).calls); n != 0 {
		t.Errorf("%d processes and calls are kept", n)
	}
}

func TestEnvironmentComesFromNothing(t *testing.T) {
	t.Setenv("LEAK", "x")
	m := newMachine(t, Options{}, vm.Spec{Env: map[string]string{"A": "spec", "B": "spec"}})
	p, out := start(t, m, vm.Command{Args: []string{"env"}, Env: map[string]string{"B": "command", "TERM": "vt100"}})
	if code := wait(t, p); code != 0 {
		t.Fatalf("code %d", code)
	}
	want := "A=spec\nB=command\nHOME=/home/agent\nLANG=C.UTF-8\nLOGNAME=agent\nPATH=" + vm.DefaultPath + "\nSHELL="
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\nTERM=vt100\nUSER=agent\n") {
		t.Errorf("got %s, want %s…", got, want)
	}
}

func TestStreams(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	t.Run("each its own", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		p, _ := start(t, m, vm.Command{
			Args:  []string{"/bin/sh", "-c", "cat; echo err >&2"},
			Stdin: strings.NewReader("in"), Stdout: &stdout, Stderr: &stderr,
		})
		if code := wait(t, p); code != 0 || stdout.String() != "in" || stderr.String() != "err\n" {
			t.Errorf("code %d, stdout %q, stderr %q", code, &stdout, &stderr)
		}
	})
	t.Run("nil ones are empty and discarded", func(t *testing.T) {
		p, err := m.Start(t.Context(), vm.Command{Args: []string{"/bin/sh", "-c", "cat; echo x; echo y >&2"}})
		if err != nil {
			t.Fatal(err)
		}
		if code := wait(t, p); code != 0 {
			t.Errorf("code %d", code)
		}
	})
	t.Run("a pipe blocks, as programs expect", func(t *testing.T) {
		code, out := run(t, m, "/bin/sh", "-c", "grep flags /proc/self/fdinfo/1")
		if code != 0 || !strings.HasSuffix(strings.TrimSpace(out), "01") {
			t.Errorf("code %d: %s", code, out)
		}
	})
	t.Run("a reader that goes on does not keep the end back", func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		p, _ := start(t, m, vm.Command{Args: []string{"true"}, Stdin: r})
		if code := wait(t, p); code != 0 {
			t.Errorf("code %d", code)
		}
	})
	t.Run("what is left behind does not keep the end back", func(t *testing.T) {
		code, out := run(t, m, "/bin/sh", "-c", "sleep 1000 & echo done")
		if code != 0 || out != "done\n" {
			t.Errorf("code %d, output %q", code, out)
		}
	})
	t.Run("all output arrives when others have the pipe too", func(t *testing.T) {
		p, out := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "sleep 1000 & head -c 3000000 /dev/zero"}})
		if code := wait(t, p); code != 0 || out.Len() != 3000000 {
			t.Errorf("code %d, %d bytes", code, out.Len())
		}
	})
	t.Run("a writer that fails ends the command", func(t *testing.T) {
		full := errors.New("full")
		p, err := m.Start(t.Context(), vm.Command{Args: []string{"yes"}, Stdout: failingWriter{full}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { _, err := p.Wait(); done <- err }()
		if err := within(t, done, "the end of the command"); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

type countingWriter struct{ n int64 }

func (w *countingWriter) Write(p []byte) (int, error) { w.n += int64(len(p)); return len(p), nil }

func TestOutputIsStreamed(t *testing.T) {
	const size = 1 << 30
	m := newMachine(t, Options{}, vm.Spec{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var out countingWriter
	p, _ := start(t, m, vm.Command{Args: []string{"head", "-c", fmt.Sprint(size), "/dev/zero"}, Stdout: &out})
	if code := wait(t, p); code != 0 || out.n != size {
		t.Fatalf("code %d, %d bytes", code, out.n)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

func TestSignals(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	r, w := io.Pipe()
	p, err := m.Start(t.Context(), vm.Command{
		Args:   []string{"/bin/sh", "-c", `trap 'echo got' USR1; trap 'kill $!; exit 3' TERM; echo ready; while :; do sleep 1000 & wait; done`},
		Stdout: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10)
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			lines <- string(buf[:n])
		}
	}()
	if s := within(t, lines, "the command's start"); s != "ready\n" {
		t.Fatalf("it said %q", s)
	}
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if s := within(t, lines, "the trap"); s != "got\n" {
		t.Fatalf("it said %q", s)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := wait(t, p); code != 3 {
		t.Errorf("code %d", code)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v", err)
	}
	r.Close()

	group, _ := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "sleep 1000; exit 0"}})
	if err := group.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := wait(t, group); code != 128+9 {
		t.Errorf("code %d", code)
	}
	if err := group.Signal(syscall.Signal(99)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("after its end: %v", err)
	}
}

func TestManyCommandsAtOnce(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			var out bytes.Buffer
			p, err := m.Start(t.Context(), vm.Command{
				Args: []string{"/bin/sh", "-c", fmt.Sprintf("cat; exit %d", i)}, Stdin: strings.NewReader(fmt.Sprint(i)), Stdout: &out,
			})
			if err != nil {
				t.Error(err)
				return
			}
			if code, err := p.Wait(); err != nil || code != i || out.String() != fmt.Sprint(i) {
				t.Errorf("command %d: code %d, output %q, error %v", i, code, &out, err)
			}
		})
	}
	wg.Wait()
}

func TestStartIsGivenUp(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Start(ctx, vm.Command{Args: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := m.Listen(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if code, out := run(t, m, "true"); code != 0 {
		t.Errorf("code %d: %s", code, out)
	}
}
