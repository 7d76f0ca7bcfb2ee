package sandbox

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// hostileInit is a machine whose init is this test.
func hostileInit(t *testing.T) (*machine, *conn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*conn
	for i := range ends {
		if ends[i], err = newConn(os.NewFile(uintptr(pair[i]), "control")); err != nil {
			t.Fatal(err)
		}
	}
	m := &machine{
		spec: vm.Spec{ID: "hostile"}, conn: ends[0], up: true,
		calls: map[uint64]*pending{}, procs: map[uint64]*process{},
		ready: make(chan error, 1), received: make(chan struct{}), ended: make(chan struct{}),
	}
	started := make(chan error, 1)
	go m.run(exec.Command("sleep", "1000"), started)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	go m.receive()
	t.Cleanup(func() { _ = m.Close(); _ = ends[1].Close() })
	return m, ends[1]
}

// The parent believes nothing that a machine's init says.
func TestHostileInit(t *testing.T) {
	hostileInit(t) // what is opened once does not count
	before := openFDs(t)
	file := func(t *testing.T, name string, flags int) int {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		return fd
	}
	socket := func(t *testing.T, family, kind int, at unix.Sockaddr, backlog int) int {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if at != nil {
			err = unix.Bind(fd, at)
		}
		if err == nil && backlog > 0 {
			err = unix.Listen(fd, backlog)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	raw := func(b ...byte) func(*testing.T, *conn, *request) error {
		return func(_ *testing.T, c *conn, _ *request) error { _, err := c.Write(b); return err }
	}
	reply := func(rep report, fds func(t *testing.T) []int) func(*testing.T, *conn, *request) error {
		return func(t *testing.T, c *conn, req *request) error {
			if rep.ID == 0 {
				rep.ID = req.ID
			}
			var list []int
			if fds != nil {
				list = fds(t)
			}
			return c.send(maxReport, rep, list...)
		}
	}
	null := func(t *testing.T) []int { return []int{file(t, "/dev/null", unix.O_RDWR)} }
	listen := func(m *machine) error { _, err := m.Listen(background(), 8080); return err }
	command := func(m *machine) error {
		_, err := m.Start(background(), vm.Command{Args: []string{"x"}, TTY: &vm.WinSize{}})
		return err
	}
	for _, c := range []struct {
		name string
		ask  func(*machine) error
		say  func(*testing.T, *conn, *request) error
	}{
		{"not a message", listen, raw([]byte("GET / HTTP/1.1\r\n\r\n")...)},
		{"a message without an end", listen, raw(binary.BigEndian.AppendUint32(nil, 1<<31)...)},
		{"text that is not JSON", listen, raw(append(binary.BigEndian.AppendUint32(nil, 3), "x{}"...)...)},
		{"an operation that there is not", listen, reply(report{Op: "other"}, nil)},
		{"that it is ready once more", listen, reply(report{Op: opReady}, nil)},
		{"a reply to nothing", listen, reply(report{Op: opReply, ID: 99}, nil)},
		{"the end of no command", listen, reply(report{Op: opExit, ID: 99}, nil)},
		{"a code that there is not", command, reply(report{Op: opExit, Code: 256}, nil)},
		{"an end with a descriptor", command, reply(report{Op: opExit, Code: 1}, null)},
		{"a success without the descriptor", listen, reply(report{Op: opReply}, nil)},
		{"a failure with a descriptor", listen, reply(report{Op: opReply, Errno: 1}, null)},
		{"two descriptors", listen, reply(report{Op: opReply}, func(t *testing.T) []int { return append(null(t), null(t)...) })},
		{"more descriptors than any message has", listen, reply(report{Op: opReply}, func(t *testing.T) []int {
			return append(append(null(t), null(t)...), append(null(t), null(t)...)...)
		})},
		{"a file as a listener", listen, reply(report{Op: opReply}, null)},
		{"a unix listener", listen, reply(report{Op: opReply}, func(t *testing.T) []int {
			return []int{socket(t, unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: "@" + t.Name()}, 1)}
		})},
		{"a socket that does not listen", listen, reply(report{Op: opReply}, func(t *testing.T) []int {
			return []int{socket(t, unix.AF_INET, unix.SOCK_STREAM, nil, 0)}
		})},
		{"a UDP socket", listen, reply(report{Op: opReply}, func(t *testing.T) []int {
			return []int{socket(t, unix.AF_INET, unix.SOCK_DGRAM, nil, 0)}
		})},
		{"a listener at another port", listen, reply(report{Op: opReply}, func(t *testing.T) []int {
			return []int{socket(t, unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: loopback4.As4()}, 1)}
		})},
		{"a file as a terminal", command, reply(report{Op: opReply}, null)},
		{"a folder as a terminal", command, reply(report{Op: opReply}, func(t *testing.T) []int { return []int{file(t, "/", unix.O_RDONLY)} })},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, init := hostileInit(t)
			asked := make(chan error, 1)
			go func() { asked <- c.ask(m) }()
			var req request
			if _, err := init.recv(maxRequest, &req); err != nil {
				t.Fatal(err)
			}
			if err := c.say(t, init, &req); err != nil {
				t.Fatal(err)
			}
			if err := within(t, asked, "the answer"); err == nil {
				t.Error("it was believed")
			}
			within(t, m.ended, "the machine's end")
			if m.Wait() == nil {
				t.Error("the machine's end has no reason")
			}
		})
	}
	if after := openFDs(t); after > before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
}

// What the init says in words is shown so that it cannot pretend.
func TestHostileWordsAreEscaped(t *testing.T) {
	m, _ := hostileInit(t)
	if _, err := m.lastWords.Write([]byte(strings.Repeat("x", maxTail) + "\x1b[2Jgone")); err != nil {
		t.Fatal(err)
	}
	if err := m.init.Kill(); err != nil {
		t.Fatal(err)
	}
	m.kill(errors.New("a cause"))
	err := m.Wait()
	if err == nil || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), `\x1b[2Jgone`) || len(err.Error()) > 2*maxTail {
		t.Errorf("error %v", err)
	}
}
