package guest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/vm/relay"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// services are flags NAME=ADDR:PORT, each port of a service by itself.
type services []relay.Service

func (s *services) String() string { return fmt.Sprint(*s) }

func (s *services) Set(text string) error {
	name, at, ok := strings.Cut(text, "=")
	addr, err := netip.ParseAddrPort(at)
	if err != nil || !ok || name == "" {
		return fmt.Errorf("%q: want NAME=ADDR:PORT", text)
	}
	for i := range *s {
		if (*s)[i].Name == name {
			(*s)[i].Ports = append((*s)[i].Ports, int(addr.Port()))
			return nil
		}
	}
	*s = append(*s, relay.Service{Name: name, Addr: addr.Addr(), Ports: []int{int(addr.Port())}})
	return nil
}

// anyResolver has every server that is asked for names be the relay: smolvm writes
// resolv.conf(5) anew for each command, with servers of its own choice.
var anyResolver = netip.AddrPortFrom(netip.IPv4Unspecified(), 53)

// capture takes what programs open that know of no proxy to the proxy: until ctx ends.
func capture(ctx context.Context, opt serveOptions, proxy, forward *tunnel.Dialer) error {
	_, err := relay.Start(ctx, relay.Options{
		Network: ownNetwork{}, Resolver: anyResolver, Capture: opt.capture, Services: opt.services, Answer: opt.answer,
		Dial:  func(ctx context.Context) (net.Conn, error) { return proxy.Dial(ctx) },
		Ports: func(host string) []int { return furtherPorts(ctx, forward, host) },
		Log:   logger{},
	})
	return err
}

// logger writes to stderr, which ends in the machine's console.
type logger struct{}

func (logger) Warn(msg string, args ...any) { fmt.Fprintln(os.Stderr, Name+":", msg, args) }

// ownNetwork is this machine's.
type ownNetwork struct{}

func (ownNetwork) ListenAt(_ context.Context, addr netip.AddrPort) (net.Listener, error) {
	network := "tcp"
	if addr.Addr() == netip.IPv4Unspecified() {
		network = "tcp4"
	}
	return net.ListenTCP(network, net.TCPAddrFromAddrPort(addr))
}

func (ownNetwork) ListenPacket(_ context.Context, addr netip.AddrPort) (net.PacketConn, error) {
	return net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
}

// portsTimeout bounds how long the host may take to say which ports a host has.
const portsTimeout = 2 * time.Second

// furtherPorts asks the host for the ports that routes list for a name: none where it
// does not answer.
func furtherPorts(ctx context.Context, forward *tunnel.Dialer, host string) []int {
	ctx, cancel := context.WithTimeout(ctx, portsTimeout)
	defer cancel()
	c, err := forward.Dial(ctx)
	if err != nil {
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(portsTimeout))
	ports, err := AskPorts(c, host)
	if err != nil {
		return nil
	}
	return ports
}
