package tunnel

import (
	"errors"
	"io"
	"net"
	"sync"
)

// halfCloser is a connection whose one direction can end before the other.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// buffers are for the copies, of copySize each.
var buffers = sync.Pool{New: func() any { b := make([]byte, copySize); return &b }}

const copySize = 64 << 10

// Pipe copies between two connections until both directions have ended, and
// closes them. The end of one direction is passed on as that; a failure ends
// both.
func Pipe(a, b halfCloser) {
	var wg sync.WaitGroup
	wg.Go(func() { half(a, b) })
	half(b, a)
	wg.Wait()
	_ = a.Close()
	_ = b.Close()
}

func half(to, from halfCloser) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	// Without the methods that would copy past the buffer: a stream has none, and
	// a socket's splice to one would only allocate another.
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, *buf)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		abort(to)
		abort(from)
	}
}

// abort ends a connection so that the other side sees that it was cut.
func abort(c net.Conn) {
	switch c := c.(type) {
	case *Conn:
		_ = c.Reset()
	case *net.TCPConn:
		_ = c.SetLinger(0)
		_ = c.Close()
	default:
		_ = c.Close()
	}
}
