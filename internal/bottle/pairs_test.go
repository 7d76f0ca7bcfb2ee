package bottle

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

// dialPair returns both ends of a connection of a pairListener.
func dialPair(t *testing.T, l *pairListener) (dialed, accepted net.Conn) {
	t.Helper()
	got := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := <-got
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	return c, s
}

func TestPairsEndWellOrNot(t *testing.T) {
	l := newPairListener()
	for _, c := range []struct {
		name string
		end  func(*pairConn) error
		want error
	}{
		{"an end", func(c *pairConn) error { return c.Close() }, nil},
		{"a half", (*pairConn).CloseWrite, nil},
		{"a reset", func(c *pairConn) error { return errors.Join(c.SetLinger(0), c.Close()) }, syscall.ECONNRESET},
	} {
		for _, read := range []struct {
			name string
			all  func(io.Reader) ([]byte, error)
		}{
			{"read", func(r io.Reader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) }},
			{"copied", func(r io.Reader) ([]byte, error) {
				pr, pw := io.Pipe()
				go func() {
					_, err := io.Copy(pw, r)
					pw.CloseWithError(err)
				}()
				return io.ReadAll(pr)
			}},
		} {
			t.Run(c.name+" "+read.name, func(t *testing.T) {
				a, b := dialPair(t, l)
				if _, err := io.WriteString(a, "some"); err != nil {
					t.Fatal(err)
				}
				if err := c.end(a.(*pairConn)); err != nil {
					t.Fatal(err)
				}
				if got, err := read.all(b); string(got) != "some" || !errors.Is(err, c.want) {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
	}
}

func TestAPairListenerThatIsClosed(t *testing.T) {
	l := newPairListener()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_, _ = l.Close(), l.Close()
	if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
