package bottle

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// pairListener is a listener without a name: only this process can dial it.
type pairListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPairListener() *pairListener {
	return &pairListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects, and waits until the other end was accepted.
func (l *pairListener) Dial(ctx context.Context) (net.Conn, error) {
	a, b, err := socketPair()
	if err != nil {
		return nil, err
	}
	select {
	case l.conns <- b:
		return a, nil
	case <-l.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, a.Close(), b.Close())
}

func socketPair() (a, b net.Conn, err error) {
	syscall.ForkLock.RLock() // until they are closed on exec
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ends := [2]*pairConn{{}, {}}
	ends[0].theirs, ends[1].theirs = &ends[1].broke, &ends[0].broke
	for i, fd := range fds {
		if ends[i].Conn, err = connOf(fd); err != nil {
			closeFrom(i, fds[:], ends[:])
			return nil, nil, err
		}
	}
	return ends[0], ends[1], nil
}

// connOf takes a descriptor over.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "pair")
	defer func() { _ = f.Close() }() // the connection has a duplicate
	return net.FileConn(f)
}

// closeFrom closes what there is of a pair of which number i failed.
func closeFrom(i int, fds []int, ends []*pairConn) {
	for _, e := range ends[:i] {
		_ = e.Close()
	}
	for _, fd := range fds[i+1:] {
		_ = syscall.Close(fd)
	}
}

// pairConn is one end of a pair. It can be reset, which a unix socket cannot.
type pairConn struct {
	net.Conn
	broke  atomic.Bool
	theirs *atomic.Bool
}

// SetLinger with 0 has Close reset the connection, as of a net.TCPConn.
func (c *pairConn) SetLinger(sec int) error {
	c.broke.Store(sec == 0)
	return nil
}

// CloseWrite ends one direction.
func (c *pairConn) CloseWrite() error {
	return c.Conn.(*net.UnixConn).CloseWrite() //nolint:forcetypeassert // what FileConn makes of such a socket
}

func (c *pairConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) && c.theirs.Load() {
		err = syscall.ECONNRESET
	}
	return n, err
}

// WriteTo lets the kernel copy, where it can.
func (c *pairConn) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, c.Conn)
	if err == nil && c.theirs.Load() {
		err = syscall.ECONNRESET
	}
	return n, err
}

// Accept implements net.Listener.
func (l *pairListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pairListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pairListener) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }
