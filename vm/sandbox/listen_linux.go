package sandbox

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted; the kernel cuts it
// to net.core.somaxconn.
const backlog = 4096

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// socketKind is what init opens a socket as.
type socketKind struct {
	sockType, protocol int
	accepts            bool // connections
}

// socketKinds are the sockets that may be asked for.
var socketKinds = map[op]socketKind{
	opListen: {unix.SOCK_STREAM, unix.IPPROTO_TCP, true},
	opPacket: {unix.SOCK_DGRAM, unix.IPPROTO_UDP, false},
	opDial:   {unix.SOCK_STREAM, unix.IPPROTO_TCP, false},
}

// sockaddr is an address as the kernel takes it, with its family.
func sockaddr(a netip.AddrPort) (int, unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// open opens a socket in the machine's network. It runs in init.
func (k socketKind) open(addr netip.AddrPort) (int, error) {
	if !addr.IsValid() {
		return -1, unix.EINVAL
	}
	family, to := sockaddr(addr)
	fd, err := unix.Socket(family, k.sockType|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, k.protocol)
	if err != nil {
		return -1, err
	}
	if k.accepts {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil && family == unix.AF_INET6 { // whatever net.ipv6.bindv6only says
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if err == nil {
		err = unix.Bind(fd, to)
	}
	if err == nil && k.accepts {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// check makes sure that a descriptor is what init was asked for.
func (k socketKind) check(fd int, addr netip.AddrPort) error {
	family, _ := sockaddr(addr)
	accepts := 0
	if k.accepts {
		accepts = 1
	}
	for _, is := range []struct{ option, want int }{
		{unix.SO_DOMAIN, family}, {unix.SO_TYPE, k.sockType}, {unix.SO_PROTOCOL, k.protocol}, {unix.SO_ACCEPTCONN, accepts},
	} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, is.option)
		if err != nil {
			return fmt.Errorf("the socket that the machine sent: %w", err)
		}
		if got != is.want {
			return errors.New("the socket that the machine sent is something else")
		}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("the socket that the machine sent: %w", err)
	}
	var at netip.AddrPort
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	if at.Addr() != addr.Addr() || addr.Port() != 0 && at.Port() != addr.Port() {
		return errors.New("the socket that the machine sent has another address")
	}
	return nil
}
