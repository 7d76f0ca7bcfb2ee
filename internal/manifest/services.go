package manifest

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/bot-bottle/bottle/proxy"
)

// serviceRoute is what a service of the host is to the proxy: any protocol, carried
// to the port of the host's own loopback address.
func serviceRoute(s ServiceEntry, place string) proxy.Route {
	return proxy.Route{Host: s.Name, Ports: []int{s.Port}, TLS: proxy.Raw, Private: true,
		Upstream: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), Source: place}
}

// keepService looks at what would make another route of a service than is meant, and
// keeps it for who makes the bottle. It reports whether it is one.
func (b *builder) keepService(where []any, e ServiceEntry) bool {
	if b.spoiled(where...) {
		return false
	}
	name, err := proxy.CanonicalHost(e.Name)
	_, notAddr := netip.ParseAddr(name)
	s := HostService{Name: name, Port: e.Port}
	switch {
	case err != nil || notAddr == nil || byNoProxy(name):
		b.fault(append(slices.Clone(where), "name"), "%s cannot be the name of a service: a host name is wanted, such as db, and none that is the bottle itself", quote(e.Name))
	case e.Port < 1 || e.Port > 65535:
		b.fault(append(slices.Clone(where), "port"), "%d is not a port (1 to 65535)", e.Port)
	case slices.Contains(b.m.HostServices, s):
		b.fault(where, "the service %s stands here a second time", quote(e.Name))
	default:
		b.m.HostServices = append(b.m.HostServices, s)
		return true
	}
	return false
}
