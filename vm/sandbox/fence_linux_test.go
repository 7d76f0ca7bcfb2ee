package sandbox

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// attack is something that an agent may try. It is run with every fence that
// is said to hold it left out, and must succeed, or it would show nothing; then
// with each of those fences alone, and with all, and must fail.
type attack struct {
	name   string // of the attacker too, up to the first space
	fences Breach // each holds it alone; 0 when only all together can be shown
	with   Breach // what stands before the fences and is no claim here

	// plant prepares what is attacked, and returns the attacker's arguments
	// and, when success shows on the host, a function that looks there.
	plant func(t *testing.T) (args []string, seen func() bool)
	tty   bool
}

// landlockSince is Landlock where it has version v.
func landlockSince(v int) Breach {
	if landlockVersion() >= v {
		return BreachLandlock
	}
	return 0
}

func attacks() []attack {
	list := []attack{
		{name: "tcp to a listener of the host", fences: BreachNet, plant: plantTCP},
		{name: "udp to a socket of the host", fences: BreachNet, plant: plantUDP},
		{name: "dns to a server of the host", fences: BreachNet, plant: plantUDP},
		{name: "abstract socket of the host", fences: BreachNet | landlockSince(landlockScopes), plant: plantAbstract},
		{name: "read a public file in a home", fences: BreachMounts, plant: plantFile(0o644)},
		{name: "read a private file in a home", fences: BreachMounts | forRoot(BreachUser), plant: plantFile(0o600)},
		{name: "read /etc/shadow", fences: forRoot(BreachMounts | BreachUser), plant: with("/etc/shadow", "root:")},
		{name: "write a file in a home", fences: BreachMounts | forRoot(BreachUser), plant: plantWritable},
		{name: "rewrite core_pattern", fences: forRoot(BreachUser | BreachProc)},
		{name: "proc-rw: /proc/sys can be written to", fences: BreachProc},
		{name: "proc-read /proc/interrupts", fences: BreachProc, plant: with("/proc/interrupts")},
		{name: "proc-read /proc/key-users", fences: BreachProc, plant: with("/proc/key-users")},
		{name: "signal a process of the host", fences: BreachPID | forRoot(BreachUser) | landlockSince(landlockScopes), plant: plantVictim},
		{name: "trace a process of the host", plant: plantVictim},
		{name: "shm of the host", fences: BreachIPC, plant: plantShm},
		{name: "leaked descriptor", fences: BreachFDs, plant: plantFD},
		{name: "lo-down: change the network", fences: BreachCaps},
		{name: "new-privs: no_new_privs is not set", fences: BreachNoNewPrivs, with: BreachCaps},
		{name: "inspect init", fences: BreachDump},
		{name: "comm: write to /proc", fences: landlockSince(1)},
		{name: "setsid-tty: take the caller's terminal"},
		{name: "user-namespace by unshare", fences: BreachSeccomp},
		{name: "clone-user: a user namespace by clone", fences: BreachSeccomp},
		{name: "outside by TCP", plant: with("tcp", "192.0.2.1:443")},
		{name: "outside by UDP", plant: with("udp", "192.0.2.1:443")},
		{name: "outside by DNS", plant: with("udp", "192.0.2.1:53")},
		{name: "outside to the metadata address", plant: with("tcp", "169.254.169.254:80")},
		{name: "outside by IPv6", plant: with("tcp", "[2001:db8::1]:443")},
	}
	for _, name := range slices.Sorted(maps.Keys(kernelCalls)) {
		list = append(list, attack{name: "kernel call " + name, fences: BreachSeccomp, plant: with(name), tty: kernelCalls[name].tty})
	}
	return list
}

func TestFences(t *testing.T) {
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			all := a.with | a.fences
			if a.fences != 0 && !a.run(t, all) {
				t.Fatalf("without the fences %s it is contained all the same: the test shows nothing", all)
			}
			breaches := []Breach{0, a.with}
			for f := Breach(1); f < breachEnd; f <<= 1 {
				if a.fences.has(f) {
					breaches = append(breaches, all&^f)
				}
			}
			for i, b := range breaches {
				if i > 0 && b == 0 {
					continue
				}
				if a.run(t, b) {
					t.Errorf("it succeeds without the fences %s", b)
				}
			}
		})
	}
}

// run says whether the attack succeeds.
func (a *attack) run(t *testing.T, breach Breach) bool {
	t.Helper()
	var args []string
	var seen func() bool
	if a.plant != nil {
		args, seen = a.plant(t)
	}
	m := newMachine(t, Options{Breach: breach}, vm.Spec{})
	name := strings.TrimSuffix(strings.Fields(a.name)[0], ":")
	cmd := vm.Command{Args: insideHelper(name, args...)}
	if a.tty {
		cmd.TTY = &vm.WinSize{Rows: 24, Cols: 80}
	}
	p, out := start(t, m, cmd)
	code := wait(t, p)
	t.Logf("without %s: code %d: %s", breach, code, strings.TrimSpace(out.String()))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if code != codeSuccess && code != codeContained {
		t.Fatalf("without the fences %s: the attacker ended with code %d: %s", breach, code, out)
	}
	if seen != nil {
		return seen()
	}
	return code == codeSuccess
}

func with(args ...string) func(*testing.T) ([]string, func() bool) {
	return func(*testing.T) ([]string, func() bool) { return args, nil }
}

func plantTCP(t *testing.T) ([]string, func() bool) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return []string{l.Addr().String()}, func() bool {
		// What the attacker did lies in the queue already, or never will.
		if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

func plantUDP(t *testing.T) ([]string, func() bool) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return []string{c.LocalAddr().String()}, func() bool {
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, _, err := c.ReadFrom(make([]byte, 1))
		return err == nil
	}
}

func plantAbstract(t *testing.T) ([]string, func() bool) {
	name := "@bottle-test-" + hex.EncodeToString([]byte(t.Name()))[:32] + strconv.Itoa(os.Getpid())
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return []string{name}, func() bool {
		defer l.Close() // the next run has the same name
		if err := l.(*net.UnixListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

func plantFile(mode os.FileMode) func(*testing.T) ([]string, func() bool) {
	return func(t *testing.T) ([]string, func() bool) {
		dir := t.TempDir()
		if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // else it would be a fence of its own
			t.Fatal(err)
		}
		name := filepath.Join(dir, "canary")
		if err := os.WriteFile(name, []byte("secret"), mode); err != nil {
			t.Fatal(err)
		}
		return []string{name, "secret"}, nil
	}
}

func plantWritable(t *testing.T) ([]string, func() bool) {
	name := filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(name, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{name}, func() bool {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text) != "as it was"
	}
}

// plantVictim starts a process that ends at a signal or when it is traced.
func plantVictim(t *testing.T) ([]string, func() bool) {
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() { _ = victim.Process.Kill(); _ = victim.Wait() }
	t.Cleanup(stop)
	return []string{strconv.Itoa(victim.Process.Pid)}, func() bool {
		stop() // what ends a process is the first signal that was sent
		status, ok := victim.ProcessState.Sys().(syscall.WaitStatus)
		return !ok || status.Signal() != syscall.SIGKILL
	}
}

func plantShm(t *testing.T) ([]string, func() bool) {
	const key = 0x626f7474
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|0o666)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
	return []string{strconv.Itoa(key)}, nil
}

// plantFD opens a descriptor as a shell or a careless library does.
func plantFD(t *testing.T) ([]string, func() bool) {
	name := filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(name, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(name, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Above those that setup is given.
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, 200)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFDs([]int{fd, high}) })
	return []string{fmt.Sprint(high), "secret"}, nil
}
