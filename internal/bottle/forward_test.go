package bottle

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// TestForward: a port of the host leads to what listens when it is asked, and the end
// of one direction is passed on.
func TestForward(t *testing.T) {
	f, ports, err := openPorts(t.Context(), []manifest.Port{{Guest: 7}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	up := make(chan bool, 2)
	f.serve(ports, func(_ context.Context, port int) (net.Conn, error) {
		if !<-up || port != 7 {
			return nil, syscall.ECONNREFUSED
		}
		return net.Dial("tcp4", inside.Addr().String())
	})
	dial := func() (*net.TCPConn, error) { return net.DialTCP("tcp4", nil, f.listeners[0].Addr().(*net.TCPAddr)) }
	up <- false
	c, err := dial()
	if err == nil { // the reset may come before the connection is seen to be there
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("without a server: %v", err)
	}
	up <- true
	if c, err = dial(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		s, err := inside.Accept()
		if err != nil {
			return
		}
		got, _ := io.ReadAll(s) // to the end of what the client writes
		_, _ = s.Write(append([]byte("got "), got...))
		_ = s.Close()
	}()
	if _, err := c.Write([]byte("this")); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != "got this" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestForwardEnds: the end of a bottle ends its connections and frees its ports.
func TestForwardEnds(t *testing.T) {
	f, ports, err := openPorts(t.Context(), []manifest.Port{{Guest: 7}})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := net.Pipe()
	f.serve(ports, func(context.Context, int) (net.Conn, error) { return fakeHalf{other}, nil })
	c, err := net.Dial("tcp4", f.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := openPorts(t.Context(), []manifest.Port{{Host: ports[0].Host, Guest: 7}}); err == nil {
		t.Error("a port that is taken was taken again")
	}
	f.Close()
	if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	again, _, err := openPorts(t.Context(), []manifest.Port{{Host: ports[0].Host, Guest: 7}})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

type fakeHalf struct{ net.Conn }

func (f fakeHalf) CloseWrite() error { return nil }
