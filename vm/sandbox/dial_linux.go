package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout bounds how long a server inside may take to accept: its queue may be
// full.
const dialTimeout = 10 * time.Second

// Dial connects to a program inside, as vm.Machine says. A socket stays in the
// network that it was made in, so init makes one, and it is connected out here:
// init waits for nobody.
func (m *machine) Dial(ctx context.Context, port int) (net.Conn, error) {
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("connect to port %d in sandbox %q: want a port of 1 to 65535", port, m.spec.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var err error
	for _, host := range []netip.Addr{loopback4, netip.IPv6Loopback()} { // many servers listen on one of the two only
		to := netip.AddrPortFrom(host, uint16(port))
		var c net.Conn
		c, err = openSocket(ctx, m, opDial, netip.AddrPortFrom(host, 0), func(f *os.File) (net.Conn, error) { return connect(ctx, f, to) })
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
			return c, err
		}
	}
	return nil, err
}

// connect connects a socket that does not block.
func connect(ctx context.Context, f *os.File, to netip.AddrPort) (net.Conn, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Now()) })
	defer stop()
	_, addr := sockaddr(to)
	began := false
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		if !began {
			began = true
			failed = unix.Connect(int(fd), addr)
			return !errors.Is(failed, unix.EINPROGRESS)
		}
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if failed = err; err == nil && code != 0 {
			failed = syscall.Errno(code)
		}
		return true
	})
	if err = errors.Join(ctx.Err(), err, failed); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}
