package sandbox

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/vm"
)

// TestDial connects to what listens inside, on either family, and not to the host's.
func TestDial(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	host, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	port := host.Addr().(*net.TCPAddr).Port
	if _, err := m.Dial(t.Context(), port); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens inside: %v", err)
	}
	for _, port := range []int{0, -1, 70000} {
		if _, err := m.Dial(t.Context(), port); err == nil {
			t.Errorf("port %d was connected to", port)
		}
	}
	l, err := m.Listen(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	c, err := m.Dial(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Dial(t.Context(), port); err == nil {
		t.Error("a closed machine was connected to")
	}
}
