package bottle

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay"
)

// everything is what a captured machine takes for its own.
var everything = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// localPrefixes are the addresses that connections are taken from: all of them, or
// those of the services of the host.
func localPrefixes(m *manifest.Manifest) []netip.Prefix {
	switch {
	case m.Capture:
		return everything
	case len(m.HostServices) > 0:
		return []netip.Prefix{relay.Prefix}
	}
	return nil
}

// services gives the services of the host their addresses, where no answerer will.
func services(m *manifest.Manifest) (list []relay.Service) {
	if m.Capture {
		return nil
	}
	addrs := relay.Addresses(len(m.HostServices))
	for _, s := range m.HostServices {
		i := slices.IndexFunc(list, func(r relay.Service) bool { return r.Name == s.Name })
		if i < 0 {
			i = len(list)
			list = append(list, relay.Service{Name: s.Name, Addr: addrs[i]})
		}
		list[i].Ports = append(list[i].Ports, s.Port)
	}
	return list
}

// serviceHosts are the lines of hosts(5) for them.
func serviceHosts(m *manifest.Manifest) (hosts []vm.Host) {
	for _, s := range services(m) {
		hosts = append(hosts, vm.Host{Addr: s.Addr.String(), Names: []string{s.Name}})
	}
	return hosts
}

// answerTime is how long the proxy may take to answer for a captured connection: as
// long as the operator, and a little more.
func answerTime(m *manifest.Manifest) time.Duration { return m.Egress.AskTimeout + time.Minute }

// captureSpec is what a machine of a keeper's does about what programs open that know
// of no proxy.
func (b *Bottle) captureSpec() *vm.Capture {
	m := b.prepared.Manifest
	if len(localPrefixes(m)) == 0 {
		return nil
	}
	c := &vm.Capture{Port: proxyPort, All: m.Capture, Answer: answerTime(m), Further: b.server.FurtherPorts}
	for _, s := range services(m) {
		for _, port := range s.Ports {
			c.Services = append(c.Services, vm.Service{Name: s.Name, Addr: netip.AddrPortFrom(s.Addr, uint16(port))})
		}
	}
	return c
}

// startCapture takes what programs open to the proxy that know of none.
func (b *Bottle) startCapture(ctx context.Context) error {
	m := b.prepared.Manifest
	if len(localPrefixes(m)) == 0 {
		return nil
	}
	network, ok := b.machine.(vm.Network)
	switch {
	case ok:
	case b.prepared.keeper() != nil:
		return nil // whose machines do it themselves: see captureSpec
	default:
		b.log.Warn("this backend takes no connections of programs that know no proxy: they lead nowhere", "backend", b.record.Backend)
		return nil
	}
	pairs := newPairListener()
	b.captured = make(chan error, 1)
	go func() { b.captured <- b.server.Serve(pairs, proxy.ListenOptions{Session: b.record.ID}) }()
	var err error
	b.relay, err = relay.Start(ctx, relay.Options{Network: network, Dial: pairs.Dial, Capture: m.Capture, Ports: b.server.FurtherPorts, Services: services(m), Answer: answerTime(m), Log: b.log})
	return err
}
