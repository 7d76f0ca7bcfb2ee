package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

func TestListenersAreServedByTheParent(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	attackers := insideHelper("fetch")
	for _, port := range []int{0, 80, 443, 18080} {
		t.Run(fmt.Sprint(port), func(t *testing.T) {
			l, err := m.Listen(t.Context(), port)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Addr().(*net.TCPAddr).Port; port != 0 && got != port {
				t.Errorf("it has port %d", got)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "hello from outside")
			})}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(l) }()
			code, out := run(t, m, append(attackers, "http://"+l.Addr().String())...)
			if code != codeSuccess || out != "hello from outside" {
				t.Errorf("code %d: %s", code, out)
			}
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
			if err := within(t, served, "the server's end"); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
	t.Run("a port that the agent has", func(t *testing.T) {
		r, w := io.Pipe()
		defer r.Close()
		p, _ := start(t, m, vm.Command{Args: insideHelper("occupy", "18081"), Stdout: w})
		if _, err := io.ReadFull(r, make([]byte, len(occupied))); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Listen(t.Context(), 18081); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("error %v", err)
		}
		if err := p.Signal(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wait(t, p)
	})
	t.Run("no port", func(t *testing.T) {
		for _, port := range []int{-1, 65536} {
			if _, err := m.Listen(t.Context(), port); err == nil {
				t.Errorf("port %d is listened at", port)
			}
		}
	})
}

// fetch writes what a server says.
func fetch(args []string) error {
	client := http.Client{Timeout: patience}
	res, err := client.Get(args[0])
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

// occupy listens at a port until it is killed.
func occupy(args []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		return err
	}
	fmt.Print(occupied)
	// Not an empty select: with nothing else to do the runtime would take that
	// for a deadlock and end the process.
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_ = c.Close()
	}
}

const occupied = "occupied"

func TestOwnServersInside(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	if code, out := run(t, m, insideHelper("loopback")...); code != codeSuccess {
		t.Errorf("code %d: %s", code, out)
	}
}

// loopback shows that the agent's own servers work, on both protocols.
func loopback([]string) error {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		if err := sendTo("tcp", l.Addr().String()); err != nil {
			return err
		}
	}
	return nil
}

func TestCloseEndsEverything(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	p, _ := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "sleep 1000 & sleep 1000"}, Stdin: strings.NewReader("")})
	l, err := m.Listen(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Wait(); err != nil {
		t.Errorf("Wait after Close: %v", err)
	}
	if _, err := p.Wait(); err == nil {
		t.Error("the command's Wait does not tell")
	}
	if err := p.Signal(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Signal: %v", err)
	}
	if err := p.Resize(vm.WinSize{}); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("Resize: %v", err)
	}
	if _, err := m.Start(t.Context(), vm.Command{Args: []string{"true"}}); err == nil {
		t.Error("a command can be started")
	}
	if _, err := m.Listen(t.Context(), 0); err == nil {
		t.Error("a listener can be opened")
	}
}

func TestEndOfInitIsTold(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	p, _ := start(t, m, vm.Command{Args: []string{"sleep", "1000"}})
	if err := m.(*machine).init.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.Wait(); err == nil || !strings.Contains(err.Error(), "went away") {
		t.Errorf("Wait: %v", err)
	}
	if _, err := p.Wait(); err == nil {
		t.Error("the command's Wait does not tell")
	}
}

// From inside, signals to init must not end the machine.
func TestInitIsNotKilledFromInside(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	shell(t, m, "for s in HUP INT QUIT TERM USR1 USR2 PIPE ALRM KILL STOP TSTP CHLD; do kill -$s 1; done; true")
	if got := shell(t, m, "echo alive"); got != "alive" {
		t.Error(got)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	// The shell in between ends at once, so init becomes the parent. A zombie
	// would stay in /proc; the loop ends when none is left.
	shell(t, m, `
		for i in 1 2 3 4 5; do /bin/sh -c '/bin/true & exit 0'; done
		for try in $(seq 1000); do
			cat /proc/[0-9]*/stat 2>/dev/null | grep -q ') Z ' || exit 0
			sleep 0.01
		done
		exit 1`)
}

func TestNamesInside(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{
		Hostname: "box", User: vm.User{Name: "dev", Home: "/home/dev"},
		Hosts: []vm.Host{{Addr: "198.18.0.7", Names: []string{"db.example.com", "db"}}},
		Links: []vm.Link{{Path: "/home/dev/bin", Target: "/usr/bin"}},
	})
	for script, want := range map[string]string{
		"hostname":                           "box",
		"id -un":                             "dev",
		"echo ~":                             "/home/dev",
		"pwd":                                "/home/dev",
		"getent hosts db | tr -s ' \\t' ' '": "198.18.0.7 db.example.com db",
		"getent hosts box | cut -c1-3":       "127",
		"readlink ~/bin":                     "/usr/bin",
		"cat /etc/resolv.conf | head -1":     "nameserver 127.0.0.1",
		"touch ~/x && cat ~/x":               "",
	} {
		if got := shell(t, m, script); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}

func TestMounts(t *testing.T) {
	rw, ro := ownedDir(t), ownedDir(t)
	for _, dir := range []string{rw, ro} {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := newMachine(t, Options{}, vm.Spec{Mounts: []vm.Mount{
		{Source: ro, Target: "/work/ro", ReadOnly: true}, // below the next, and first
		{Source: rw, Target: "/work"},
		{Source: filepath.Join(ro, "file"), Target: "/srv/one", ReadOnly: true},
	}})
	if got := shell(t, m, "cat /work/file /work/ro/file /srv/one; echo new > /work/new"); got != "texttexttext" {
		t.Errorf("got %q", got)
	}
	if text, err := os.ReadFile(filepath.Join(rw, "new")); err != nil || string(text) != "new\n" {
		t.Errorf("what was written is %q: %v", text, err)
	}
	for _, script := range []string{
		"echo x > /work/ro/file", "touch /work/ro/new", "echo x > /srv/one", "rm /work/ro/file", "mv /work/ro /work/x",
		"touch /usr/new", "touch /etc/new", "touch /new", "mkdir /home/x", "chmod 777 /usr", "echo x > /etc/hosts",
		"ln -s /etc/passwd /etc/x", "mknod /tmp/disk b 8 0", "ls /root", "ls /sys/kernel", "ls /boot",
	} {
		if code, out := run(t, m, "/bin/sh", "-c", script); code == 0 {
			t.Errorf("%s: it worked: %s", script, out)
		}
	}
}

func TestBadMounts(t *testing.T) {
	dir := ownedDir(t)
	for name, to := range map[string]string{"link": dir, "missing": filepath.Join(dir, "nothing")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		mounts []vm.Mount
		text   string
	}{
		{"a link", []vm.Mount{{Source: filepath.Join(dir, "link"), Target: "/work"}}, "symbolic link"},
		{"through a link", []vm.Mount{{Source: filepath.Join(dir, "link", "sub"), Target: "/work"}}, "symbolic link"},
		{"not there", []vm.Mount{{Source: filepath.Join(dir, "no"), Target: "/work"}}, "does not exist"},
		{"onto a link inside", []vm.Mount{{Source: dir, Target: "/work"}, {Source: dir, Target: "/work/link"}}, "symbolic link"},
		{"below a link inside", []vm.Mount{{Source: dir, Target: "/work"}, {Source: dir, Target: "/work/link/x"}}, "symbolic link"},
		{"into a read-only mount", []vm.Mount{{Source: dir, Target: "/work", ReadOnly: true}, {Source: dir, Target: "/work/new"}}, "read-only mount"},
		{"over /proc", []vm.Mount{{Source: dir, Target: "/proc/x"}}, "guards"},
		{"over /dev", []vm.Mount{{Source: dir, Target: "/dev"}}, "guards"},
		{"a folder over a file", []vm.Mount{{Source: dir, Target: "/etc/hosts"}}, "/etc/hosts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := New(Options{}).Create(t.Context(), vm.Spec{ID: "test", Mounts: c.mounts})
			if err == nil {
				m.Close()
				t.Fatal("it was made")
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want one that says %q", err, c.text)
			}
			if r := (*RestrictedError)(nil); errors.As(err, &r) {
				t.Errorf("the host is blamed: %v", err)
			}
		})
	}
}

func TestCreateIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := New(Options{}).Create(ctx, vm.Spec{ID: "test"}); err == nil {
		m.Close() // it may have been ready at once
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestBadSpec(t *testing.T) {
	if _, err := New(Options{}).Create(t.Context(), vm.Spec{ID: "Not an ID"}); err == nil {
		t.Error("it was made")
	}
	if _, err := New(Options{Breach: breachEnd}).Create(t.Context(), vm.Spec{ID: "test"}); err == nil {
		t.Error("a fence that does not exist was left out")
	}
}

// Neither goroutines nor descriptors may be left.
func TestNothingLeaks(t *testing.T) {
	cycle := func() {
		m := newMachine(t, Options{}, vm.Spec{})
		r, w := io.Pipe()
		for _, tty := range []*vm.WinSize{nil, {Rows: 10, Cols: 10}} {
			p, _ := start(t, m, vm.Command{Args: []string{"/bin/sh", "-c", "echo x; read y"}, Stdin: strings.NewReader("x\n"), TTY: tty})
			wait(t, p)
		}
		if _, err := m.Start(t.Context(), vm.Command{Args: []string{"no-such"}, Stdin: r, Stdout: io.Discard, Stderr: io.Discard}); err == nil {
			t.Error("it started")
		}
		w.Close()
		l, err := m.Listen(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		start(t, m, vm.Command{Args: []string{"sleep", "1000"}, Stdin: strings.NewReader("")})
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if m, err := New(Options{}).Create(t.Context(), vm.Spec{ID: "test", Mounts: []vm.Mount{{Source: "/etc", Target: "/usr/no/such"}}}); err == nil {
			m.Close()
			t.Error("it was made")
		}
	}
	cycle() // what is made once, such as the poller, does not count
	fds, goroutines := openFDs(t), runtime.NumGoroutine()
	for range 5 {
		cycle()
	}
	settled := false
	for try := 0; try < 1000 && !settled; try++ { // goroutines end a moment after what they tell
		settled = openFDs(t) <= fds && runtime.NumGoroutine() <= goroutines
		if !settled {
			time.Sleep(time.Millisecond)
		}
	}
	if !settled {
		buf := make([]byte, 1<<16)
		t.Errorf("descriptors: %d, were %d; goroutines: %d, were %d\n%s", openFDs(t), fds, runtime.NumGoroutine(), goroutines, buf[:runtime.Stack(buf, true)])
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestDoctor(t *testing.T) {
	for _, c := range New(Options{}).Doctor(t.Context()) {
		t.Logf("%+v", c)
		if !c.OK {
			t.Errorf("%s: %s; %s", c.Name, c.Detail, c.Fix)
		}
	}
}
