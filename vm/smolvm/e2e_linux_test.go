//go:build e2evm && linux

package smolvm

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

// createTries is how often a machine is made until it starts.
const createTries = 8

// TestRealMachine drives the smolvm of BOTTLE_TEST_SMOLVM with a hypervisor, as
// `make e2e-vm` does.
func TestRealMachine(t *testing.T) { withHypervisor(t, realMachine) }

// withHypervisor runs a test with this host's hypervisor, if that runs machines, else with
// one of an emulated computer. BOTTLE_TEST_IMAGE is an archive or an unpacked root folder;
// "" is one of busybox and curl.
func withHypervisor(t *testing.T, run func(t *testing.T, binary, image string)) {
	t.Helper()
	binary, image := realSmolvm(t), os.Getenv("BOTTLE_TEST_IMAGE")
	if image == "" {
		image = busyboxImage(t)
	}
	err := tryKVM()
	switch inside := os.Getenv(insideVariable) != ""; {
	case err == nil:
		t.Logf("with /dev/kvm (in an emulated computer: %v)", inside)
		run(t, binary, image)
	case inside:
		t.Fatalf("the emulated processor has no virtualization: %v", err)
	default:
		t.Logf("in an emulated computer, for this host has no virtual machines: %v", err)
		emulated(t, t.Name(), binary, image)
	}
}

// insideVariable tells that this is the emulated computer.
const insideVariable = "BOTTLE_TEST_INSIDE"

// busyboxImage makes an unpacked root folder of this host's busybox and curl.
func busyboxImage(t *testing.T) string {
	t.Helper()
	s := &stage{t: t, root: filepath.Join(t.TempDir(), "image")}
	s.folders("etc", "usr", "home", "root", "tmp", "run", "proc", "sys", "dev", "var/lib")
	s.busybox()
	s.program(lookPath(t, "curl"), "bin/curl")
	return s.root
}

// real is a machine of a real smolvm, and what it is made of.
type real struct {
	t    *testing.T
	b    *Backend
	spec vm.Spec
	m    *machine
}

// realMachine is two lives of a machine.
func realMachine(t *testing.T, binary, image string) {
	t.Helper()
	dir := t.TempDir()
	work, guestDir := filepath.Join(dir, "work"), filepath.Join(dir, "guest")
	s := &stage{t: t, root: dir}
	for name, text := range map[string]string{"work/a/b.txt": "one\n", "guest/ca.pem": "pem\n"} {
		s.must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		s.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	short, err := os.MkdirTemp("/tmp", "e2e")
	s.must(err)
	defer os.RemoveAll(short)
	r := &real{t: t, b: New(Options{Binary: binary}), spec: vm.Spec{
		ID: "e2e-1", Hostname: "e2e-1", Image: image, Dir: short, Ports: []int{3128}, Resources: vm.Resources{Memory: 512 << 20, CPUs: 1},
		Mounts:   []vm.Mount{{Source: work, Target: "/home/agent/work"}, {Source: guestDir, Target: "/run/bottle", ReadOnly: true}},
		Progress: func(s string) { t.Log(time.Now().Format(time.TimeOnly), s) }}}
	defer func() {
		if err := r.b.Remove(t.Context(), r.spec.ID); err != nil {
			t.Error(err)
		}
		if ids, err := r.b.Machines(t.Context()); err != nil || len(ids) > 0 {
			t.Errorf("left over: %v, %v", ids, err)
		}
	}()
	r.start()
	r.commands()
	r.close()
	if text, err := os.ReadFile(filepath.Join(work, "a/c.txt")); err != nil || string(text) != "two\n" {
		t.Errorf("what came back is %q, %v", text, err)
	}
	r.spec.Local = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	r.spec.Capture = &vm.Capture{Port: 3128, All: true, Further: func(string) []int { return []int{9999} }}
	r.start()
	r.connections()
	r.close()
}

// start makes the machine, or starts the one that is there.
func (r *real) start() {
	r.t.Helper()
	for n := 1; ; n++ { // an emulated processor may be too slow for a start
		made, err := r.b.Create(r.t.Context(), r.spec)
		if err == nil {
			r.m = made.(*machine)
			break
		}
		if n == createTries {
			r.t.Fatal(err)
		}
		r.t.Log(err)
	}
	l, err := r.m.Listen(r.t.Context(), 3128)
	if err != nil {
		r.t.Fatal(err)
	}
	go answer(l)
}

func (r *real) close() {
	r.t.Helper()
	began := time.Now()
	if err := r.m.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Log("closed in", time.Since(began), runtime.GOARCH)
}

// step runs a command, or a line of shell where it is one word.
func (r *real) step(name string, cmd vm.Command, want string, code int) {
	r.t.Helper()
	var out bytes.Buffer
	cmd.Stdout = &out
	began := time.Now()
	p, err := r.m.Start(r.t.Context(), cmd)
	if err != nil {
		r.t.Errorf("%s: %v", name, err)
		return
	}
	got, err := p.Wait()
	r.t.Logf("%s: code %d, %v, %q, %s", name, got, err, out.String(), time.Since(began).Round(time.Millisecond))
	if err != nil || got != code || !strings.Contains(out.String(), want) {
		r.t.Errorf("%s: want code %d and %q", name, code, want)
	}
}

func sh(script string) vm.Command { return vm.Command{Args: []string{"sh", "-c", script}} }

// commands are what a command has, and can do.
func (r *real) commands() {
	r.step("exit code", sh("echo hello; exit 3"), "hello", 3)
	r.step("user", sh("id -u; grep -i cap /proc/self/status; cat /etc/passwd | tail -1; ls -la /run/bottle /home/agent; ulimit -n"), "0000000000000000", 0)
	r.step("files", sh("cat work/a/b.txt; echo two > work/a/c.txt; ls -la work/a; echo kept > ~/kept; touch /run/bottle/x && echo WRITABLE; true"), "one", 0)
	r.step("network", sh("cat /proc/net/route /proc/net/dev; ls /sys/class/net"), "lo", 0)
	r.step("relay", sh("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 3128"), "asked: GET / HTTP/1.0", 0)
	r.step("outside", sh("nc -w 3 100.96.0.1 80 </dev/null || echo none"), "none", 0)
	cmd := sh("wc -c")
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 3<<20))
	r.step("stdin", cmd, "3145728", 0)
	cmd = sh("stty size; tty; echo $TERM; read x; echo got $x")
	cmd.TTY, cmd.Stdin = &vm.WinSize{Rows: 33, Cols: 77}, strings.NewReader("key\n")
	r.step("terminal", cmd, "33 77", 0)
	p, err := r.m.Start(r.t.Context(), vm.Command{Args: []string{"sleep", "1000"}})
	if err != nil {
		r.t.Error(err)
	} else {
		if err := p.Signal(15); err != nil {
			r.t.Error(err)
		}
		code, err := p.Wait()
		if r.t.Logf("signal: code %d, %v", code, err); code != 143 {
			r.t.Errorf("a command that was sent SIGTERM ended with %d", code)
		}
	}
	if _, err := r.m.Start(r.t.Context(), vm.Command{Args: []string{"no-such"}}); err == nil {
		r.t.Error("a program that is not there was started")
	} else {
		r.t.Log(err)
	}
}

// connections are those of programs that know no proxy, those of the host to a program
// inside, and many at once.
func (r *real) connections() {
	r.step("state", sh("cat ~/kept work/a/c.txt"), "kept\ntwo", 0)
	r.step("by name", sh("cat /etc/resolv.conf; wget -qO- http://name.example/x"), "asked: CONNECT name.example:80 ", 0)
	r.step("by address", sh("wget -qO- http://192.0.2.7/x"), "asked: CONNECT 192.0.2.7:80 ", 0)
	r.step("the host by its gateway", sh("wget -qO- http://100.96.0.1/x"), "asked: CONNECT 100.96.0.1:80 ", 0)
	r.step("a further port", sh("printf 'x\\n' | nc name.example 9999"), "asked: CONNECT name.example:9999 ", 0)
	r.step("another port", sh("nc -w 3 name.example 9998 </dev/null || echo refused"), "refused", 0)
	r.step("a host that does not read", sh("(yes | timeout 5 nc stall.example 80 >/dev/null; true) & wget -qO- http://name.example/x; wait"), "asked: CONNECT name.example:80 ", 0)
	r.step("many at once", sh("for i in $(seq 50); do wget -qO- http://192.0.2.$i/ >>many & done; wait; grep -c asked many"), "50", 0)

	p, err := r.m.Start(r.t.Context(), sh("nc -l -p 8000 -e cat"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = p.Signal(9) }()
	var c net.Conn
	for range 100 {
		if c, err = r.m.Dial(r.t.Context(), 8000); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	got := make([]byte, 5)
	_, err = c.Write([]byte("hello"))
	if _, rerr := io.ReadFull(c, got); err != nil || rerr != nil || string(got) != "hello" {
		r.t.Errorf("through a port of the machine came %q, %v, %v", got, err, rerr)
	}
}

// answer is a proxy that says what it was asked, to a CONNECT and to what comes over it.
// One of them reads no further.
func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReader(c)
			line, err := in.ReadString('\n')
			if strings.HasPrefix(line, "CONNECT ") {
				for rest := line; err == nil && strings.TrimSpace(rest) != ""; {
					rest, err = in.ReadString('\n')
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				if strings.HasPrefix(line, "CONNECT stall.example:") {
					select {}
				}
				_, err = in.ReadString('\n')
			}
			if err == nil {
				_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nasked: "+line)
			}
		}()
	}
}
