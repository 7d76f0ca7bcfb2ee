package smolvm

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/smolvm/double"
)

func TestMachine(t *testing.T) {
	h := newHost(t, double.Settings{Secrets: []string{"the-secret-value"}})
	h.extra = []string{"HTTPS_PROXY=http://the-secret-value@x", "SSH_AUTH_SOCK=/x", "SMOLVM_MACHINE_NAME=x", "RUST_LOG=x", "API_KEY=the-secret-value"}
	b := h.backend()
	m := h.create(b, h.spec("m-1"))
	l, err := m.Listen(t.Context(), 3128)
	h.must(err)
	go echo(l)
	out, code := run(t, m, vm.Command{Args: []string{"sh", "-c", "echo hello; id -u; echo err >&2; exit 3"}})
	if code != 3 || !strings.Contains(out, "hello\n") || !strings.Contains(out, "err\n") { // two streams, in no order
		t.Errorf("code %d, output %q", code, out)
	}
	out, code = run(t, m, vm.Command{Args: []string{"cat"}, Stdin: strings.NewReader(strings.Repeat("x", 1<<20))})
	if code != 0 || len(out) != 1<<20 {
		t.Errorf("code %d, %d bytes", code, len(out))
	}
	for _, c := range []struct {
		cmd  vm.Command
		want error
	}{
		{vm.Command{Args: []string{"no-such-program"}}, fs.ErrNotExist},
		{vm.Command{Args: []string{"/etc"}}, fs.ErrPermission},
		{vm.Command{Args: []string{"true"}, Dir: "/no/such"}, fs.ErrNotExist},
	} {
		if _, err := m.Start(t.Context(), c.cmd); !errors.Is(err, c.want) {
			t.Errorf("%q in %q: error %v, want %v", c.cmd.Args, c.cmd.Dir, err, c.want)
		}
	}
	if out, _ := run(t, m, vm.Command{Args: []string{"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/3128; echo ping >&3; read -r x <&3; echo \"$x\""}}); out != "ping\n" {
		t.Errorf("through the relay came %q", out)
	}
	filters := "sed -n 's/^Seccomp_filters:[^0-9]*//p' /proc/self/status"
	root, err := b.inside(t.Context(), "m-1", filters)
	h.must(err)
	of := func(text string) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		h.must(err)
		return n
	}
	out, _ = run(t, m, vm.Command{Args: []string{"sh", "-c", filters}})
	if has, want := of(out), of(root.stdout)+1; has != want {
		t.Errorf("the agent's calls pass %d filters, want %d: the machine's and what keeps it from smolvm's agent", has, want)
	}
	h.must(m.Close())
	h.must(m.Wait())
	h.must(b.Remove(t.Context(), "m-1"))
	if n := double.Running(h.data); n != 0 {
		t.Errorf("%d machines still run", n)
	}
	h.violations()
	calls, err := double.Calls(h.data)
	h.must(err)
	for _, c := range calls { // as root, with programs that the agent cannot have put there
		i := slices.Index(c.Args, "--")
		if i > 0 && c.Args[1] == "exec" && !strings.HasPrefix(c.Args[i+1], "/") && !slices.Contains(c.Args[:i], "PATH="+vm.DefaultPath) {
			t.Errorf("%q looks for its program where the image says", c.Args)
		}
	}
}

// echo answers what it gets.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}()
	}
}

// TestTerminal: a command with a terminal has its size, its changes, and its keys,
// the first ones too, and nothing of smolvm's.
func TestTerminal(t *testing.T) {
	h := newHost(t, double.Settings{Faults: []double.Fault{{Step: "exec", Arg: "-t", Kind: "noise"}}})
	m := h.create(h.backend(), h.spec("t-1"))
	r, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = io.WriteString(w, "key\n") }()
	var out syncBuffer
	p, err := m.Start(t.Context(), vm.Command{Args: []string{"sh", "-c", `stty size; read x; echo "got $x"; trap 'stty size; exit 4' WINCH; echo on; while :; do sleep 0.1; done`},
		Stdin: r, Stdout: &out, TTY: &vm.WinSize{Rows: 33, Cols: 77}})
	h.must(err)
	out.waitFor(t, "33 77", "got key", "on\r")
	h.must(p.Resize(vm.WinSize{Rows: 10, Cols: 20}))
	code, err := p.Wait()
	h.must(err)
	if out.waitFor(t, "10 20"); code != 4 || strings.Contains(out.String(), "WARN") {
		t.Errorf("code %d, output %q", code, out.String())
	}
}

// TestSignal: a signal reaches the command inside, and its group.
func TestSignal(t *testing.T) {
	h := newHost(t, double.Settings{})
	m := h.create(h.backend(), h.spec("s-1"))
	var out syncBuffer
	p, err := m.Start(t.Context(), vm.Command{Args: []string{"sh", "-c", "echo up; sleep 1000"}, Stdout: &out})
	h.must(err)
	out.waitFor(t, "up")
	h.must(p.Signal(syscall.SIGTERM))
	if code, err := p.Wait(); code != 143 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to what has ended: %v", err)
	}
}

// TestCommandsAreBounded: as many run as leave the machine's agent free for what is
// asked of it meanwhile, one more is refused, and takes the place of one that ends.
func TestCommandsAreBounded(t *testing.T) {
	h := newHost(t, double.Settings{})
	b := h.backend()
	m := h.create(b, h.spec("c-1"))
	sleeper := vm.Command{Args: []string{"sleep", "1000"}}
	procs := make([]vm.Process, maxCommands)
	for i := range procs {
		var err error
		procs[i], err = m.Start(t.Context(), sleeper)
		h.must(err)
	}
	if _, err := m.Start(t.Context(), sleeper); err == nil || !strings.Contains(err.Error(), "wait for one to end") {
		t.Errorf("one more: %v", err)
	}
	if s, err := b.get(t.Context(), "c-1"); err != nil || s == nil || s.State != stateRunning {
		t.Errorf("meanwhile the machine is %+v, %v", s, err)
	}
	h.must(procs[0].Signal(syscall.SIGKILL))
	if code, err := procs[0].Wait(); code != 137 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
	if out, code := run(t, m, vm.Command{Args: []string{"echo", "on"}}); code != 0 || out != "on\n" {
		t.Errorf("in its place: code %d, %q", code, out)
	}
}

// TestSignalAtOnce: a signal reaches a command that is still on its way into the machine.
func TestSignalAtOnce(t *testing.T) {
	h := newHost(t, double.Settings{})
	m := h.create(h.backend(), h.spec("s-1"))
	for range 10 {
		p, err := m.Start(t.Context(), vm.Command{Args: []string{"sleep", "1000"}})
		h.must(err)
		h.must(p.Signal(syscall.SIGTERM))
		if code, err := p.Wait(); code != 143 || err != nil {
			t.Fatalf("code %d, %v", code, err)
		}
	}
}

// TestAbandoned: what a maker that was killed left behind is brought out, and gone
// after a Remove.
func TestAbandoned(t *testing.T) {
	h := newHost(t, double.Settings{})
	work := filepath.Join(h.dir, "work")
	h.must(os.Mkdir(work, 0o755))
	spec := h.spec("a-1")
	spec.Mounts = []vm.Mount{{Source: work, Target: "/home/agent/work"}}
	m, err := h.backend().Create(t.Context(), spec)
	h.must(err)
	run(t, m, vm.Command{Args: []string{"sh", "-c", "echo one >work/f; mkdir -p work/d; ln -s /etc/passwd work/link"}})
	m.(*machine).stop() // its supervisor, which a kill would end
	b := h.backend()
	if ids, err := b.Machines(t.Context()); err != nil || !slices.Equal(ids, []string{"a-1"}) {
		t.Fatalf("machines %v, %v", ids, err)
	}
	other := New(Options{Home: "/another/state", Binary: h.binary, Environ: h.environ})
	if ids, err := other.Machines(t.Context()); err != nil || len(ids) > 0 {
		t.Fatalf("who has another state folder sees %v, %v", ids, err)
	}
	h.must(b.Collect(t.Context(), "a-1", spec.Mounts))
	if text, err := os.ReadFile(filepath.Join(work, "f")); string(text) != "one\n" {
		t.Errorf("%q, %v", text, err)
	}
	if to, err := os.Readlink(filepath.Join(work, "link")); to != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	h.must(b.Remove(t.Context(), "a-1"))
	if n := double.Running(h.data); n != 0 {
		t.Errorf("%d machines still run", n)
	}
	if err := b.Collect(t.Context(), "a-1", spec.Mounts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a machine that is gone: %v", err)
	}
	_ = m.Close()
	h.violations()
}

// TestNetworkIsRefused: a machine with an interface is ended.
func TestNetworkIsRefused(t *testing.T) {
	for name, flags := range map[string]string{"eth0": "+0x1002", "tun0": "0x1"} {
		h := newHost(t, double.Settings{Interfaces: map[string]string{name: flags}})
		b := h.backend()
		_, err := b.Create(t.Context(), h.spec("n-1"))
		if e := (*NetworkError)(nil); !errors.As(err, &e) || e.Interfaces[0] != name {
			t.Errorf("%s: error %v, want one that names it", name, err)
		}
		h.nothingLeft(b, "n-1")
	}
}

// TestOldVersions are refused, and so is another program of that name.
func TestOldVersions(t *testing.T) {
	for version, text := range map[string]string{"1.8.3": "older than 1.9.0", "0.9.9": "older than 1.9.0"} {
		h := newHost(t, double.Settings{Version: version})
		if _, err := h.backend().Create(t.Context(), h.spec("v-1")); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: error %v, want one that says %q", version, err, text)
		}
	}
	h := newHost(t, double.Settings{})
	h.binary = "/bin/true"
	if _, err := h.backend().Create(t.Context(), h.spec("v-2")); err == nil || !strings.Contains(err.Error(), "another program than smolvm") {
		t.Errorf("another program: %v", err)
	}
	h.binary = filepath.Join(h.dir, "none")
	if _, err := h.backend().Create(t.Context(), h.spec("v-3")); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("no program: %v", err)
	}
}

// syncBuffer is written and read by two.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// waitFor waits until texts have been written.
func (b *syncBuffer) waitFor(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for n := 0; !strings.Contains(b.String(), text); n++ {
			if n == 3000 {
				t.Fatalf("%q does not come: %q", text, b.String())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// TestProxyRestarts: the host's side of the sockets goes and comes back while the
// machine runs, as when the operator's process does, and the next connection works.
func TestProxyRestarts(t *testing.T) {
	h := newHost(t, double.Settings{})
	m := h.create(h.backend(), h.spec("r-1"))
	l, err := m.Listen(t.Context(), 3128)
	h.must(err)
	go echo(l)
	ping := vm.Command{Args: []string{"bash", "-c", `for i in $(seq 200); do exec 3<>/dev/tcp/127.0.0.1/3128 && echo ping >&3 && read -r x <&3 && echo "$x" && exit; sleep 0.05; done; exit 1`}, Stderr: io.Discard}
	if out, _ := run(t, m, ping); out != "ping\n" {
		t.Fatalf("before: %q", out)
	}
	h.must(m.ports[3128].Close())
	if out, code := run(t, m, vm.Command{Args: []string{"bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/3128 && echo ping >&3 && read -r x <&3 && echo "$x"`}, Stderr: io.Discard}); code == 0 || out != "" {
		t.Errorf("without a proxy: code %d, %q", code, out)
	}
	m.ports[3128], err = m.service(t.Context(), "p3128")
	h.must(err)
	go echo(m.ports[3128])
	if out, _ := run(t, m, ping); out != "ping\n" {
		t.Errorf("after: %q", out)
	}
}
