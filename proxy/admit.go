package proxy

import (
	"net"
	"sync"
)

// guardListener accepts as many connections as there are places, and puts the
// head guard in front of each. A tunnel needs no place any more.
type guardListener struct {
	net.Listener
	places chan struct{} // one for each that is taken
	closed chan struct{}
	once   sync.Once
}

func newGuardListener(l net.Listener) *guardListener {
	return &guardListener{Listener: l, places: make(chan struct{}, maxFrontConns), closed: make(chan struct{})}
}

// Accept waits for a place first: what it does not take waits in the kernel,
// whose queue is bounded too.
func (l *guardListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	g := newHeadGuard(c)
	g.maxHead, g.place.of = maxFrontHead, l
	return g, nil
}

func (l *guardListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// place is that of one connection, or of none.
type place struct {
	of   *guardListener
	once sync.Once
}

// leave gives the place to the next connection. It may be called more than
// once.
func (p *place) leave() {
	if p.of != nil {
		p.once.Do(func() { <-p.of.places })
	}
}
