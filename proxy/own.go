package proxy

import (
	"net"
	"net/netip"
	"slices"
)

// ownListener reports whether an address is one that this server listens on:
// dialling it would make the proxy talk to itself.
func (s *Server) ownListener(ap netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.fronts {
		a, ok := l.Addr().(*net.TCPAddr)
		if !ok || a.Port != int(ap.Port()) {
			continue
		}
		ip, _ := netip.AddrFromSlice(a.IP)
		if sameHost(ip.Unmap(), ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// sameHost reports whether dialling addr can reach a listener on ip. The
// unspecified address stands for every one of this machine, on both sides.
func sameHost(ip, addr netip.Addr) bool {
	if ip == addr || addr.IsUnspecified() {
		return true
	}
	if !ip.IsUnspecified() {
		return false
	}
	if addr.IsLoopback() {
		return true
	}
	local, err := net.InterfaceAddrs()
	if err != nil {
		return true // not known to be another machine's
	}
	return slices.ContainsFunc(local, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(addr.AsSlice())
	})
}
