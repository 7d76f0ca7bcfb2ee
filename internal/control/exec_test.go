package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

func TestACommandRunsOverTheSocketAsInTheMachine(t *testing.T) {
	dir := shortDir(t)
	for _, c := range []struct {
		name     string
		cmd      vm.Command
		in       string
		out, err string
		code     int
	}{
		{"output and errors apart", sh("echo out; echo err >&2"), "", "out\n", "err\n", 0},
		{"an exit code", sh("exit 7"), "", "", "", 7},
		{"a signal's exit code", sh("kill -TERM $$"), "", "", "", 143},
		{"the input and its end", sh("cat; echo end"), "in\n", "in\nend\n", "", 0},
		{"an input that is not read", sh("echo out"), strings.Repeat("x", 3*window), "out\n", "", 0},
		{"the environment", vm.Command{Args: []string{"sh", "-c", `echo "$A"`}, Env: map[string]string{"A": "b c"}}, "", "b c\n", "", 0},
		{"the folder", vm.Command{Args: []string{"sh", "-c", "pwd -P"}, Dir: dir}, "", resolved(dir) + "\n", "", 0},
		{"bytes that are not UTF-8", vm.Command{Args: []string{"printf", "%s", "a\xff\xfe"}}, "", "a\xff\xfe", "", 0},
		{"an environment that is not UTF-8", vm.Command{Args: []string{"sh", "-c", `printf %s "$A"`}, Env: map[string]string{"A": "\xe9"}}, "", "\xe9", "", 0},
		{"an empty argument", vm.Command{Args: []string{"printf", "[%s]", "", "x"}}, "", "[][x]", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs := newOutput(), newOutput()
			c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(c.in), out, errs
			p := start(t, dial(t, serve(t, Options{})), c.cmd)
			for range 2 {
				if code, err := p.Wait(); code != c.code || err != nil {
					t.Errorf("exit %d, %v", code, err)
				}
			}
			if out.String() != c.out || errs.String() != c.err {
				t.Errorf("wrote %q and %q", out, errs)
			}
			if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("a signal afterwards: %v", err)
			}
		})
	}
}

func TestNilStreamsAreEmptyAndDiscarded(t *testing.T) {
	p := start(t, dial(t, serve(t, Options{})), sh("cat; echo out; echo err >&2; exit 3"))
	if code, err := p.Wait(); code != 3 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
}

// bytes.Buffer is no writer for two goroutines: the race detector sees it.
func TestOneWriterForBothStreamsIsCalledByOne(t *testing.T) {
	var both bytes.Buffer
	cmd := sh("for i in 1 2 3 4 5 6 7 8; do echo out; echo err >&2; done")
	cmd.Stdout, cmd.Stderr = &both, &both
	p := start(t, dial(t, serve(t, Options{})), cmd)
	if code, err := p.Wait(); code != 0 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	if got := both.String(); got != strings.Repeat("out\nerr\n", 8) {
		t.Errorf("wrote %q", got)
	}
}

func TestAStartThatFailsSaysWhy(t *testing.T) {
	c := dial(t, serve(t, Options{}))
	if _, err := c.Start(t.Context(), vm.Command{Args: []string{"/no/such/program"}}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := c.Start(t.Context(), vm.Command{Args: []string{shortDir(t)}}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a program that cannot be run: %v", err)
	}
	if _, err := c.Start(t.Context(), vm.Command{}); err == nil {
		t.Error("no program: no error")
	}
	if _, err := c.Start(t.Context(), vm.Command{Args: []string{"x", strings.Repeat("y", maxMessage)}}); !errors.Is(err, syscall.E2BIG) {
		t.Errorf("too long: %v", err)
	}
}

func TestAStartIsBoundedByItsContext(t *testing.T) {
	ended := make(chan struct{})
	block := make(chan struct{})
	s := serve(t, Options{Machine: starterFunc(func(ctx context.Context, _ vm.Command) (vm.Process, error) {
		close(block)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})})
	c := dial(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-block
		cancel()
	}()
	if _, err := c.Start(ctx, sh("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	within(t, ended, "the end of the machine's start")
}

type starterFunc func(context.Context, vm.Command) (vm.Process, error)

func (f starterFunc) Start(ctx context.Context, cmd vm.Command) (vm.Process, error) {
	return f(ctx, cmd)
}

func TestATerminalHasTheSizeAndTakesKeys(t *testing.T) {
	out := newOutput()
	in, keys := io.Pipe()
	cmd := sh(`trap 'exit 9' INT; stty size; read -r x; stty size; echo "got $x"; while :; do sleep 0.05; done`)
	cmd.Stdin, cmd.Stdout, cmd.TTY = in, out, &vm.WinSize{Rows: 11, Cols: 22}
	p := start(t, dial(t, serve(t, Options{})), cmd)
	out.await(t, "11 22")
	if err := p.Resize(vm.WinSize{Rows: 33, Cols: 44}); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(keys, "word\n")
	out.await(t, "33 44")
	out.await(t, "got word")
	_, _ = io.WriteString(keys, "\x03") // the terminal makes it a SIGINT
	if code, err := p.Wait(); code != 9 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
}

func TestResizeWithoutATerminalIsAnError(t *testing.T) {
	p := start(t, dial(t, serve(t, Options{})), sh("true"))
	if err := p.Resize(vm.WinSize{}); err == nil {
		t.Error("no error")
	}
}

func TestSignalsReachTheGroup(t *testing.T) {
	out := newOutput()
	cmd := sh(`trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done`)
	cmd.Stdout = out
	p := start(t, dial(t, serve(t, Options{})), cmd)
	out.await(t, "ready")
	for _, sig := range []syscall.Signal{0, -1, 128} {
		if err := p.Signal(sig); err == nil {
			t.Errorf("signal %d passed", sig)
		}
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(); code != 5 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
}

const big = 256 << 20

// heap samples how much memory is in use, at most.
type heap struct {
	mu   sync.Mutex
	n    int64
	next int64
	max  uint64
}

func (h *heap) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n += int64(len(p)); h.n >= h.next {
		h.next += 4 << 20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		h.max = max(h.max, m.HeapInuse)
	}
	return len(p), nil
}

func TestMuchOutputNeedsLittleMemory(t *testing.T) {
	runtime.GC()
	var h heap
	cmd := sh(fmt.Sprintf("head -c %d /dev/zero", big))
	cmd.Stdout = &h
	p := start(t, dial(t, serve(t, Options{})), cmd)
	if code, err := p.Wait(); code != 0 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	if h.n != big || h.max > 32<<20 {
		t.Errorf("%d bytes of %d came, with %d bytes of heap", h.n, big, h.max)
	}
}

func TestMuchInputNeedsLittleMemory(t *testing.T) {
	runtime.GC()
	var h heap
	out := newOutput()
	cmd := sh("wc -c")
	cmd.Stdin, cmd.Stdout = io.TeeReader(io.LimitReader(zeros{}, big), &h), out
	p := start(t, dial(t, serve(t, Options{})), cmd)
	if code, err := p.Wait(); code != 0 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	if strings.TrimSpace(out.String()) != fmt.Sprint(big) || h.max > 32<<20 {
		t.Errorf("%s bytes of %d came, with %d bytes of heap", out, big, h.max)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// blocked is a writer that takes nothing until it is let go.
type blocked struct{ release chan struct{} }

func (b blocked) Write(p []byte) (int, error) { <-b.release; return len(p), nil }

func TestAStreamThatIsNotReadHoldsUpNothingElse(t *testing.T) {
	var written, taken int
	filled := make(chan struct{})
	s := serve(t, Options{Machine: scripted(func(p *scriptedProcess) {
		var wg sync.WaitGroup
		wg.Go(func() {
			chunk := make([]byte, 10_000)
			for {
				n, err := p.cmd.Stdout.Write(chunk)
				written += n
				if err != nil {
					return
				}
				if written == 20*len(chunk) {
					close(filled)
				}
			}
		})
		<-filled
		_, _ = io.WriteString(p.cmd.Stderr, "hello")
		p.until(syscall.SIGUSR1)
		_, _ = io.WriteString(p.cmd.Stderr, ", signal")
		p.until(syscall.SIGHUP)
		p.until(syscall.SIGKILL)
		wg.Wait()
	})})
	hold := blocked{make(chan struct{})}
	errs := newOutput()
	input := readerFunc(func(b []byte) (int, error) { taken += len(b); return len(b), nil })
	p := start(t, dial(t, s), vm.Command{Args: []string{"x"}, Stdin: input, Stdout: hold, Stderr: errs})
	errs.await(t, "hello")
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	errs.await(t, "hello, signal")
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := within(t, closed, "Close"); err != nil {
		t.Error(err)
	}
	// What was written is what the client holds and what is on its way there.
	if written > 2*window {
		t.Errorf("%d bytes were written that nobody read", written)
	}
	close(hold.release)
	_, _ = p.Wait()
	if taken > 2*window {
		t.Errorf("%d bytes were taken that nobody read", taken)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAWriterThatFailsEndsTheCommand(t *testing.T) {
	errFull := errors.New("disk full")
	cmd := sh("while echo line; do :; done 2>/dev/null")
	cmd.Stdout = writerFunc(func([]byte) (int, error) { return 0, errFull })
	p := start(t, dial(t, serve(t, Options{})), cmd)
	if _, err := p.Wait(); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestManyCommandsAtATime(t *testing.T) {
	c := dial(t, serve(t, Options{}))
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			out := newOutput()
			cmd := sh(fmt.Sprintf("cat; exit %d", i))
			cmd.Stdin, cmd.Stdout = strings.NewReader(strings.Repeat(fmt.Sprint(i, " "), 20_000)), out
			p, err := c.Start(t.Context(), cmd)
			if err != nil {
				t.Error(err)
				return
			}
			if code, err := p.Wait(); code != i || err != nil {
				t.Errorf("exit %d, %v", code, err)
			}
			if out.String() != strings.Repeat(fmt.Sprint(i, " "), 20_000) {
				t.Errorf("command %d got another's or too little: %d bytes", i, len(out.String()))
			}
		})
	}
	wg.Wait()
}
