package sandbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loopbackIndex is the number of the loopback interface in every network.
const loopbackIndex = 1

// takeLocal makes networks the machine's own, as 127.0.0.0/8 is: what is sent there
// arrives at its own sockets, or is refused at once.
func takeLocal(prefixes []netip.Prefix) error {
	for _, p := range prefixes {
		dst := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		err := netlink.RouteAdd(&netlink.Route{LinkIndex: loopbackIndex, Dst: dst, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST})
		if err != nil && p.Addr().Is6() && noIPv6(err) {
			continue // nobody can dial its addresses then
		}
		if err != nil {
			return fmt.Errorf("take %v for the machine's own: %w", p, err)
		}
	}
	return nil
}

// noIPv6 reports whether an error comes from a kernel without IPv6, or from one in
// which it is turned off.
func noIPv6(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENODEV)
}
