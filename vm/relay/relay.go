// Package relay is the machine's end of its only way out, for programs that know
// of no proxy.
//
// All addresses are the machine's own (a local route, which the backend makes), so
// whatever is connected to arrives here. A DNS answerer on 127.0.0.1:53 gives each
// name an address of its own, without asking anybody; a connection to that address
// becomes a CONNECT to that name, at the proxy. Names and connections reach nobody
// but the proxy, which decides: the relay has no policy, and is trusted with
// nothing.
//
// Ports 80 and 443 are taken at every address, since an agent may dial any. Any
// other port is only taken at the address of a name for which a route lists it, so
// that the agent's own servers keep theirs. What listens nowhere refuses at once,
// UDP (and so QUIC) at every address.
//
// Where its sockets come from is the caller's ([Network]): a process outside can
// serve what was opened inside. The package uses no net/http, so that a guest
// program with it stays small.
package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Network is where the relay's sockets are: a vm.Machine that can be captured, or
// the program's own network.
type Network interface {
	// ListenAt opens a TCP listener at an address. With [::], it takes IPv4 as well.
	ListenAt(ctx context.Context, addr netip.AddrPort) (net.Listener, error)
	// ListenPacket opens a UDP socket at an address.
	ListenPacket(ctx context.Context, addr netip.AddrPort) (net.PacketConn, error)
}

// Options of Start. Network and Dial must be set.
type Options struct {
	Network Network
	// Dial connects to the proxy, which must know the session by that.
	Dial func(ctx context.Context) (net.Conn, error)
	// Capture takes all names and addresses; without it, only Services are served.
	Capture bool
	// Resolver is where names are answered; the zero value is 127.0.0.1:53. At 0.0.0.0
	// every server that is asked answers, as all addresses are the machine's.
	Resolver netip.AddrPort
	// Ports returns the ports that routes list for a host. It is asked at each
	// lookup of a name, concurrently; nil means none.
	Ports func(host string) []int
	// Services have their address from the start, and are listened for.
	Services []Service
	// Answer bounds how long the proxy may take to answer for a connection: somebody may
	// be asked meanwhile. Zero is defaultAnswer.
	Answer time.Duration
	// Log gets what cannot be told to whoever connects; nil discards it.
	Log Logger
}

// Logger is what a *slog.Logger is. That itself would make a guest program a sixth
// larger.
type Logger interface {
	Warn(msg string, args ...any)
}

type discard struct{}

func (discard) Warn(string, ...any) {}

// Service is a name that stays at an address, of Prefix.
type Service struct {
	Name  string
	Addr  netip.Addr
	Ports []int
}

const (
	// maxConns bounds the connections that are carried at a time; further ones
	// wait in the kernel.
	maxConns = 1024
	// maxFurther bounds the listeners beside those for ports 80 and 443, and
	// maxEach those of one name.
	maxFurther = 512
	maxEach    = 32
	// openTimeout bounds the opening of a listener, for which an answer waits.
	openTimeout = 2 * time.Second
	// defaultAnswer is longer than an operator has by default to say yes.
	defaultAnswer = 5 * time.Minute
	// acceptPause is what a listener waits after an error, such as too many open
	// files.
	acceptPause = 100 * time.Millisecond
)

// Relay is a running one. Its methods may be called from any goroutine.
type Relay struct {
	opt    Options
	ctx    context.Context
	cancel context.CancelFunc
	table  *names
	places chan struct{} // one for each connection that is carried
	dns    chan struct{} // one for each DNS connection
	active sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	sockets []interface{ Close() error }
	further map[*entry]map[int]net.Listener
	open    int // of further
}

// Start opens the listeners and serves them until Close. ctx bounds the opening
// only.
func Start(ctx context.Context, opt Options) (*Relay, error) {
	if opt.Network == nil || opt.Dial == nil {
		return nil, errors.New("relay: Options.Network and Options.Dial are needed")
	}
	if opt.Answer == 0 {
		opt.Answer = defaultAnswer
	}
	if !opt.Resolver.IsValid() {
		opt.Resolver = dnsAddr
	}
	if opt.Log == nil {
		opt.Log = discard{}
	}
	r := &Relay{opt: opt, places: make(chan struct{}, maxConns), dns: make(chan struct{}, maxDNSConns), further: map[*entry]map[int]net.Listener{}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.table = newNames(maxNames, r.forget)
	if err := r.start(ctx); err != nil {
		r.Close()
		return nil, fmt.Errorf("capture: %w", err)
	}
	return r, nil
}

func (r *Relay) start(ctx context.Context) error {
	if r.opt.Capture {
		if err := r.startDNS(ctx); err != nil {
			return err
		}
		for _, port := range everywhere {
			l, err := r.listenEverywhere(ctx, port)
			if err != nil {
				return err
			}
			r.serve(l, r.carry)
		}
	}
	for _, s := range r.opt.Services {
		e := r.table.fix(s.Name, s.Addr)
		for _, port := range s.Ports {
			if err := r.listenFor(ctx, e, port); err != nil {
				return err
			}
		}
	}
	return nil
}

// everywhere are the ports that are taken at every address.
var everywhere = []int{80, 443}

// dnsAddr is what resolv.conf(5) of a sandbox names.
var dnsAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)

func (r *Relay) startDNS(ctx context.Context) error {
	conn, err := r.opt.Network.ListenPacket(ctx, r.opt.Resolver)
	if err != nil {
		return err
	}
	if !r.keep(conn) {
		return net.ErrClosed
	}
	r.active.Go(func() { serveUDP(conn, r.address) })
	l, err := r.opt.Network.ListenAt(ctx, r.opt.Resolver)
	if err != nil {
		return err
	}
	r.serve(l, func(c net.Conn) {
		select {
		case r.dns <- struct{}{}:
			defer func() { <-r.dns }()
			serveTCP(r.ctx, c, r.address)
		default:
			c.Close()
		}
	})
	return nil
}

// listenEverywhere takes both families, or where there is no IPv6, the one.
func (r *Relay) listenEverywhere(ctx context.Context, port int) (net.Listener, error) {
	l, err := r.opt.Network.ListenAt(ctx, netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)))
	if err == nil {
		return l, nil
	}
	l, err4 := r.opt.Network.ListenAt(ctx, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)))
	if err4 != nil {
		return nil, errors.Join(err, err4)
	}
	return l, nil
}

// address is what the answerer asks for: the name's address, at which the ports of
// its routes are open by then.
func (r *Relay) address(name string) netip.Addr {
	e := r.table.address(name)
	if r.opt.Ports == nil {
		return e.addr
	}
	ports := r.opt.Ports(name)
	if len(ports) > maxEach {
		r.opt.Log.Warn("a name has more ports in routes than are captured", "name", name, "ports", len(ports), "captured", maxEach)
		ports = ports[:maxEach]
	}
	for _, port := range ports {
		ctx, cancel := context.WithTimeout(r.ctx, openTimeout)
		err := r.listenFor(ctx, e, port)
		cancel()
		if err != nil && r.ctx.Err() == nil {
			r.opt.Log.Warn("a port of a route is not captured", "name", name, "port", port, "error", err)
		}
	}
	return e.addr
}

// listenFor opens a port at the address of a name, unless it is open.
func (r *Relay) listenFor(ctx context.Context, e *entry, port int) error {
	if r.opt.Capture && slices.Contains(everywhere, port) {
		return nil
	}
	r.mu.Lock()
	_, there := r.further[e][port]
	full := r.open >= maxFurther
	r.mu.Unlock()
	switch {
	case there:
		return nil
	case full:
		return fmt.Errorf("%d ports are open, which is the most there may be", maxFurther)
	}
	l, err := r.opt.Network.ListenAt(ctx, netip.AddrPortFrom(e.addr, uint16(port)))
	if err != nil {
		return err
	}
	if !r.enter(e, port, l) {
		l.Close()
		return nil
	}
	r.serve(l, r.carry)
	return nil
}

// enter notes a listener of a name, unless there is one by now, or the name was
// forgotten.
func (r *Relay) enter(e *entry, port int, l net.Listener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.further[e][port] != nil || !r.table.has(e) {
		return false
	}
	if r.further[e] == nil {
		r.further[e] = map[int]net.Listener{}
	}
	r.further[e][port] = l
	r.open++
	return true
}

// forget closes the ports of a name that has lost its address.
func (r *Relay) forget(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.further[e] {
		l.Close()
		r.open--
	}
	delete(r.further, e)
}

// keep has a socket closed by Close.
func (r *Relay) keep(s interface{ Close() error }) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		s.Close()
		return false
	}
	r.sockets = append(r.sockets, s)
	return true
}

// serve handles the connections of a listener, each in a goroutine of its own.
func (r *Relay) serve(l net.Listener, handle func(net.Conn)) {
	stop := context.AfterFunc(r.ctx, func() { l.Close() })
	r.active.Go(func() {
		defer stop()
		defer l.Close()
		for {
			c, err := l.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) || r.ctx.Err() != nil {
					return
				}
				r.opt.Log.Warn("a captured connection could not be accepted", "error", err)
				select {
				case <-time.After(acceptPause):
				case <-r.ctx.Done():
				}
				continue
			}
			select {
			case r.places <- struct{}{}:
			case <-r.ctx.Done():
				c.Close()
				return
			}
			r.active.Go(func() {
				defer func() { <-r.places }()
				handle(c)
			})
		}
	})
}

// carry takes a connection to where the proxy lets it.
func (r *Relay) carry(c net.Conn) {
	defer c.Close()
	to, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return
	}
	addr := to.AddrPort().Addr().Unmap().WithZone("")
	if addr.IsLoopback() {
		abort(c) // the machine itself, in which nothing else listens there
		return
	}
	authority := net.JoinHostPort(r.table.host(addr), strconv.Itoa(to.Port))
	up, err := r.opt.Dial(r.ctx)
	if err != nil {
		r.opt.Log.Warn("the proxy cannot be reached for a captured connection", "to", authority, "error", err)
		abort(c)
		return
	}
	defer up.Close()
	stop := context.AfterFunc(r.ctx, func() { up.Close() })
	_ = up.SetDeadline(time.Now().Add(r.opt.Answer))
	early, err := Connect(up, authority)
	_ = up.SetDeadline(time.Time{})
	stop()
	if err != nil {
		r.opt.Log.Warn("the proxy did not answer for a captured connection", "to", authority, "error", err)
		abort(c)
		return
	}
	splice(r.ctx, c, up, early)
}

// Close closes all listeners and connections, and waits for their end. Closing
// twice is fine.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	sockets := r.sockets
	r.sockets = nil
	r.mu.Unlock()
	r.cancel()
	for _, s := range sockets {
		s.Close()
	}
	r.active.Wait()
}
