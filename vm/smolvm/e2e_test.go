//go:build e2evm

package smolvm

import (
	"bytes"
	"net"
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
// `make e2e-vm` does. BOTTLE_TEST_IMAGE is an archive or an unpacked root folder.
func TestRealMachine(t *testing.T) {
	binary, image := os.Getenv("BOTTLE_TEST_SMOLVM"), os.Getenv("BOTTLE_TEST_IMAGE")
	if binary == "" || image == "" {
		t.Fatal("BOTTLE_TEST_SMOLVM and BOTTLE_TEST_IMAGE name no smolvm and no image: see make e2e-vm")
	}
	dir := t.TempDir()
	work, guestDir := filepath.Join(dir, "work"), filepath.Join(dir, "guest")
	for name, text := range map[string]string{"work/a/b.txt": "one\n", "guest/ca.pem": "pem\n"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	short, err := os.MkdirTemp("/tmp", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	b := New(Options{Binary: binary})
	spec := vm.Spec{ID: "e2e-1", Hostname: "e2e-1", Image: image, Dir: short, Ports: []int{3128}, Resources: vm.Resources{Memory: 512 << 20, CPUs: 1},
		Mounts:   []vm.Mount{{Source: work, Target: "/home/agent/work"}, {Source: guestDir, Target: "/run/bottle", ReadOnly: true}},
		Progress: func(s string) { t.Log(time.Now().Format(time.TimeOnly), s) }}
	defer func() {
		if err := b.Remove(t.Context(), spec.ID); err != nil {
			t.Error(err)
		}
		if ids, err := b.Machines(t.Context()); err != nil || len(ids) > 0 {
			t.Errorf("left over: %v, %v", ids, err)
		}
	}()
	var made vm.Machine
	for range createTries { // an emulated processor may be too slow for a start
		if made, err = b.Create(t.Context(), spec); err == nil {
			break
		}
		t.Log(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := made.(*machine)
	l, err := m.Listen(t.Context(), 3128)
	if err != nil {
		t.Fatal(err)
	}
	go answer(l)
	step := func(name string, cmd vm.Command, want string, code int) {
		t.Helper()
		var out bytes.Buffer
		cmd.Stdout = &out
		began := time.Now()
		p, err := m.Start(t.Context(), cmd)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		got, err := p.Wait()
		t.Logf("%s: code %d, %v, %q, %s", name, got, err, out.String(), time.Since(began).Round(time.Millisecond))
		if err != nil || got != code || !strings.Contains(out.String(), want) {
			t.Errorf("%s: want code %d and %q", name, code, want)
		}
	}
	sh := func(script string) vm.Command { return vm.Command{Args: []string{"sh", "-c", script}} }
	step("exit code", sh("echo hello; exit 3"), "hello", 3)
	step("user", sh("id -u; grep -i cap /proc/self/status; cat /etc/passwd | tail -1; ls -la /run/bottle /home/agent; ulimit -n"), "0000000000000000", 0)
	step("files", sh("cat work/a/b.txt; echo two > work/a/c.txt; ls -la work/a; touch /run/bottle/x && echo WRITABLE; true"), "one", 0)
	step("network", sh("cat /proc/net/route /proc/net/dev; ls /sys/class/net"), "lo", 0)
	step("relay", sh("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 3128"), "answered", 0)
	step("outside", sh("nc -w 3 100.96.0.1 80 </dev/null || echo none"), "none", 0)
	cmd := sh("wc -c")
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 3<<20))
	step("stdin", cmd, "3145728", 0)
	cmd = sh("stty size; tty; echo $TERM; read x; echo got $x")
	cmd.TTY, cmd.Stdin = &vm.WinSize{Rows: 33, Cols: 77}, strings.NewReader("key\n")
	step("terminal", cmd, "33 77", 0)
	var list bytes.Buffer
	p, err := m.Start(t.Context(), vm.Command{Args: []string{"sleep", "1000"}, Stdout: &list})
	if err != nil {
		t.Error(err)
	} else {
		if err := p.Signal(15); err != nil {
			t.Error(err)
		}
		code, err := p.Wait()
		t.Logf("signal: code %d, %v", code, err)
		if code != 143 {
			t.Errorf("a command that was sent SIGTERM ended with %d", code)
		}
	}
	if _, err := m.Start(t.Context(), vm.Command{Args: []string{"no-such"}}); err == nil {
		t.Error("a program that is not there was started")
	} else {
		t.Log(err)
	}
	began := time.Now()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	t.Log("closed in", time.Since(began), runtime.GOARCH)
	if text, err := os.ReadFile(filepath.Join(work, "a/c.txt")); err != nil || string(text) != "two\n" {
		t.Errorf("what came back is %q, %v", text, err)
	}
}

// answer is a proxy as far as a probe sees.
func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 256)
			if _, err := c.Read(buf); err == nil {
				_, _ = c.Write([]byte("HTTP/1.0 200 answered\r\n\r\n"))
			}
		}()
	}
}
