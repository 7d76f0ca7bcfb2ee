package tunnel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// pair is a host's listener and a guest's dialer.
func pair(t *testing.T) (*tunnel.Listener, *tunnel.Dialer, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "tn")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l := listen(t, path)
	d := tunnel.NewDialer("test", tunnel.Unix(path), nil)
	t.Cleanup(func() { _ = d.Close() })
	return l, d, path
}

func listen(t *testing.T, path string) *tunnel.Listener {
	t.Helper()
	_ = os.Remove(path)
	inner, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l := tunnel.Listen(inner, "test", nil)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestManyConnections has 1,000 at once, each with its own bytes.
func TestManyConnections(t *testing.T) {
	const n = 1000
	l, d, _ := pair(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	// All are open before the first is used.
	conns := make([]*tunnel.Conn, n)
	for i := range conns {
		c, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			text := bytes.Repeat(fmt.Appendf(nil, "%d ", i), 4096)
			go func() { _, _ = c.Write(text); _ = c.CloseWrite() }()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("connection %d: %d bytes of %d, %v", i, len(got), len(text), err)
			}
		})
	}
	wg.Wait()
}

// TestHalfClose: an end of one direction leaves the other open.
func TestHalfClose(t *testing.T) {
	l, d, _ := pair(t)
	c, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(s); err != nil || len(rest) != 0 {
		t.Errorf("the host read %q, %v", rest, err)
	}
	if _, err := s.Write([]byte("late")); err != nil {
		t.Error(err)
	}
	_ = s.Close()
	if got, err := io.ReadAll(c); string(got) != "late" || err != nil {
		t.Errorf("the guest read %q, %v", got, err)
	}
}

// TestStalledConnection: one that nobody reads holds its window and nothing else.
func TestStalledConnection(t *testing.T) {
	l, d, _ := pair(t)
	stalled, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	full := make(chan int)
	go func() {
		n := 0
		for {
			_ = stalled.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			m, err := stalled.Write(make([]byte, 64<<10))
			if n += m; err != nil {
				full <- n
				return
			}
		}
	}()
	if _, err := l.Accept(); err != nil { // and not read
		t.Fatal(err)
	}
	if n := <-full; n != tunnel.Window {
		t.Errorf("%d bytes went into a connection that nobody reads, want %d", n, tunnel.Window)
	}
	other, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = other.Write([]byte("x")); _ = other.CloseWrite() }()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); string(got) != "x" || err != nil {
		t.Errorf("beside it came %q, %v", got, err)
	}
}

// TestClosedConnection: who writes to a connection that was closed is told, and
// does not wait for ever.
func TestClosedConnection(t *testing.T) {
	l, d, _ := pair(t)
	c, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	for err == nil {
		_, err = c.Write(make([]byte, 64<<10))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestRestart: connections go on after the host's side was away.
func TestRestart(t *testing.T) {
	l, d, path := pair(t)
	if _, err := d.Dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if c, err := d.Dial(t.Context()); err == nil {
		_, err = c.Read(make([]byte, 1))
		if err == nil {
			t.Error("a host that is away answers")
		}
	}
	l = listen(t, path)
	c, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if s, err := l.Accept(); err == nil {
			_, _ = s.Write([]byte("back"))
			_ = s.Close()
		}
	}()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); string(got) != "back" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSilentHost: a connect that succeeds and is followed by silence is an error.
func TestSilentHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		guest, host := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, host) }()
		d := tunnel.NewDialer("test", func(context.Context) (net.Conn, error) { return guest, nil }, nil)
		if _, err := d.Dial(t.Context()); err == nil {
			t.Error("a host that never answers was taken for one that does")
		}
		_ = host.Close()
		synctest.Wait()
	})
}

// TestOpen goes the other way, to what the guest accepts.
func TestOpen(t *testing.T) {
	l, _, path := pair(t)
	if _, err := l.Open(t.Context()); !errors.Is(err, tunnel.ErrNoSession) {
		t.Errorf("without a guest: %v", err)
	}
	d := tunnel.NewDialer("test", tunnel.Unix(path), func(c *tunnel.Conn) {
		_, _ = io.Copy(c, c)
		_ = c.Close()
	})
	t.Cleanup(func() { _ = d.Close() })
	if c, err := d.Dial(t.Context()); err != nil {
		t.Fatal(err)
	} else if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := l.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte("in"))
	_ = c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "in" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
