package tunnel

import (
	"net"
	"path/filepath"
	"testing"
)

// All sessions of a listener share what their connections may hold, and what a
// session held is there again when it has ended.
func TestSessionsShareTheirMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, "test", nil)
	defer l.Close()
	l.memory.left.Store(3 * Window)
	open := func() (*Dialer, *Conn) {
		t.Helper()
		d := NewDialer("test", Unix(path), nil)
		t.Cleanup(func() { _ = d.Close() })
		c, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		return d, c
	}
	var first *Dialer
	for i := range 3 {
		d, _ := open()
		if i == 0 {
			first = d
		}
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	if left := l.memory.left.Load(); left != 0 {
		t.Fatalf("three connections leave %d bytes", left)
	}
	_, c := open()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that there is no room for is carried")
	}
	if n := l.memory.left.Load(); n != 0 {
		t.Errorf("one that was refused took %d bytes", -n)
	}
	_ = first.Close()
	_ = l.Stop()
	if left := l.memory.left.Load(); left != 3*Window {
		t.Errorf("%d bytes are left when all have ended, of %d", left, 3*Window)
	}
}
