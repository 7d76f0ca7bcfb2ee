package bottle

import (
	"net"
	"net/netip"
	"os"
)

// reachedAt returns the address that clients reach a listener by: where it listens
// on every address of the host, the first of them that is not only this host's, or
// else the host's name.
func reachedAt(listening string, addrs []net.Addr, hostname string) string {
	ap, err := netip.ParseAddrPort(listening)
	if err != nil || !ap.Addr().IsUnspecified() {
		return listening
	}
	_, port, _ := net.SplitHostPort(listening)
	best := ""
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr()
		if !ip.IsGlobalUnicast() || ip.Is6() && ap.Addr().Is4() {
			continue
		}
		if best == "" || ip.Is4() && net.ParseIP(best).To4() == nil {
			best = ip.String()
		}
	}
	if best == "" {
		best = hostname
	}
	if best == "" {
		return listening
	}
	return net.JoinHostPort(best, port)
}

// reach is reachedAt for this host.
func reach(listening string) string {
	addrs, _ := net.InterfaceAddrs() // without them the name is left
	hostname, _ := os.Hostname()
	return reachedAt(listening, addrs, hostname)
}

// Open reports whether the proxy listens on an address that others may reach.
func (s *Standalone) Open() bool {
	if s.listener.Addr().Network() == "unix" {
		return false
	}
	host, _, err := net.SplitHostPort(s.addr())
	return err != nil || !isLoopback(host)
}

const openText = "it listens on an address that others on the network may reach: whoever has the password uses your credentials, and the password goes over the network in clear; a loopback address with an ssh tunnel is safer"
