package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted; the kernel cuts it
// to net.core.somaxconn.
const backlog = 4096

var loopback4 = [4]byte{127, 0, 0, 1}

// listenTCP opens a listener at the machine's 127.0.0.1.
func listenTCP(port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: loopback4})
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// takeListener makes a listener of a descriptor that init says is one at port,
// and takes it over.
func takeListener(fd, port int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	defer func() { _ = f.Close() }() // the listener has a duplicate
	for _, is := range []struct{ option, want int }{
		{unix.SO_DOMAIN, unix.AF_INET}, {unix.SO_TYPE, unix.SOCK_STREAM},
		{unix.SO_PROTOCOL, unix.IPPROTO_TCP}, {unix.SO_ACCEPTCONN, 1},
	} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, is.option)
		if err != nil {
			return nil, fmt.Errorf("the listener that the machine sent: %w", err)
		}
		if got != is.want {
			return nil, errors.New("the listener that the machine sent is something else")
		}
	}
	addr, err := unix.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("the listener that the machine sent: %w", err)
	}
	if a, ok := addr.(*unix.SockaddrInet4); !ok || a.Addr != loopback4 || port != 0 && a.Port != port {
		return nil, errors.New("the listener that the machine sent has another address")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("the listener that the machine sent: %w", err)
	}
	return l, nil
}
