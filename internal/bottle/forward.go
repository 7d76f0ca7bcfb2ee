package bottle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm/relay/tunnel"
)

// maxForwarded bounds the connections that lead into a bottle at a time; further
// ones wait in the kernel.
const maxForwarded = 512

// acceptPause is what a listener waits after an error.
const acceptPause = 50 * time.Millisecond

// forwarder serves the ports of the host that lead into a bottle. A connection
// that finds nobody inside is reset: the program there may come to listen later.
type forwarder struct {
	listeners []net.Listener
	places    chan struct{} // one for each connection
	ctx       context.Context
	stop      context.CancelFunc
	active    sync.WaitGroup
}

// checkPorts refuses a port of the host that would lead to the proxy, where every
// user of the host would be the agent, and warns of those that capture takes.
func (p *Prepared) checkPorts() error {
	for _, port := range p.Manifest.Ports {
		switch {
		case port.Guest == proxyPort:
			return fmt.Errorf("port %d in the bottle is the proxy's, and must not be reached from this host: let the agent's server listen at another one", proxyPort)
		case p.Manifest.Capture && slices.Contains([]int{53, 80, 443}, port.Guest):
			p.Warnings = append(p.Warnings, fmt.Sprintf("port %d of the host leads to port %d in the bottle, which is taken by the capture of programs that know no proxy: let the server listen at another one, or set capture: false", port.Host, port.Guest))
		}
	}
	return nil
}

// openPorts takes the ports of the host, all or none, and returns what they are.
// Nothing is served yet.
func openPorts(ctx context.Context, ports []manifest.Port) (_ *forwarder, opened []state.Port, err error) {
	f := &forwarder{places: make(chan struct{}, maxForwarded)}
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	var lc net.ListenConfig
	for _, p := range ports {
		l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", p.Host))
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, nil, fmt.Errorf("port %d of this host is taken, so it cannot lead to port %d in the bottle: stop what listens there (\"bottle ls\" shows the ports of other bottles), or take another one; \"-p 0:%d\" takes one that is free", p.Host, p.Guest, p.Guest)
		case errors.Is(err, syscall.EACCES):
			return nil, nil, fmt.Errorf("port %d of this host is one of those that only root may take: choose another one, as in \"-p 8080:%d\"; \"-p 0:%d\" takes one that is free", p.Host, p.Guest, p.Guest)
		case err != nil:
			return nil, nil, fmt.Errorf("forward port %s: %w", p, err)
		}
		f.listeners = append(f.listeners, l)
		opened = append(opened, state.Port{Host: l.Addr().(*net.TCPAddr).Port, Guest: p.Guest})
	}
	return f, opened, nil
}

// serve connects what arrives at the ports to those of the bottle.
func (f *forwarder) serve(ports []state.Port, dial func(ctx context.Context, port int) (net.Conn, error)) {
	for i, l := range f.listeners {
		f.active.Go(func() { f.accept(l, func(ctx context.Context) (net.Conn, error) { return dial(ctx, ports[i].Guest) }) })
	}
}

func (f *forwarder) accept(l net.Listener, dial func(context.Context) (net.Conn, error)) {
	for {
		select {
		case f.places <- struct{}{}:
		case <-f.ctx.Done():
			return
		}
		c, err := l.Accept()
		if err != nil {
			<-f.places
			if errors.Is(err, net.ErrClosed) || f.ctx.Err() != nil {
				return
			}
			select { // the client went away, or files are short: connections that end free some
			case <-time.After(acceptPause):
			case <-f.ctx.Done():
			}
			continue
		}
		f.active.Go(func() {
			defer func() { <-f.places }()
			f.carry(c.(*net.TCPConn), dial)
		})
	}
}

// halfCloser is what every Machine's connections are.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

func (f *forwarder) carry(c *net.TCPConn, dial func(context.Context) (net.Conn, error)) {
	to, err := dial(f.ctx)
	if err != nil {
		_ = c.SetLinger(0) // a reset: nobody is there
		_ = c.Close()
		return
	}
	stop := context.AfterFunc(f.ctx, func() { _ = c.Close(); _ = to.Close() })
	defer stop()
	tunnel.Pipe(c, to.(halfCloser))
}

// Close frees the ports and ends the connections.
func (f *forwarder) Close() {
	f.stop()
	for _, l := range f.listeners {
		_ = l.Close()
	}
	f.active.Wait()
}
