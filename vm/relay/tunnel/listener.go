package tunnel

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/libp2p/go-yamux/v5"
)

// maxSessions bounds the sessions of a Listener. The relay needs one, and one
// more while the first is being given up; the agent may dial the socket itself.
const maxSessions = 16

// backlog is how many connections wait to be accepted.
const backlog = 256

// Listener is the host's side: it accepts the connections that come over the
// sessions of inner. Its methods may be called from any goroutine.
type Listener struct {
	inner   net.Listener
	name    string
	onCount func(int)
	streams chan *Conn
	done    chan struct{} // nothing more comes
	once    sync.Once
	closed  chan struct{} // nobody accepts any more
	closing sync.Once
	err     error // of Close
	memory  budget

	mu       sync.Mutex
	sessions map[*yamux.Session]bool // true once it was proved
	serving  sync.WaitGroup
}

// Listen serves the sessions that arrive at inner, which belongs to it from now
// on. name is what addresses say. onCount, if set, is told how many sessions
// there are, from several goroutines, whenever that changes.
func Listen(inner net.Listener, name string, onCount func(int)) *Listener {
	l := &Listener{
		inner: inner, name: name, onCount: onCount, streams: make(chan *Conn, backlog),
		done: make(chan struct{}), closed: make(chan struct{}), sessions: map[*yamux.Session]bool{},
	}
	l.memory.left.Store(maxHeld)
	l.serving.Go(l.acceptSessions)
	return l
}

func (l *Listener) acceptSessions() {
	for {
		c, err := l.inner.Accept()
		if err != nil {
			return // closed: nothing else makes a unix listener fail for good
		}
		if !l.serve(c) {
			_ = c.Close()
		}
	}
}

// serve takes a connection over as a session, if there are not too many.
func (l *Listener) serve(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return false
	default:
	}
	if len(l.sessions) >= maxSessions {
		return false
	}
	s, err := yamux.Server(c, config(), l.memory.span)
	if err != nil {
		return false
	}
	l.sessions[s] = true
	l.tell(len(l.sessions))
	l.serving.Go(func() { l.acceptStreams(s) })
	return true
}

func (l *Listener) acceptStreams(s *yamux.Session) {
	defer l.drop(s)
	for {
		st, err := s.AcceptStream()
		if err != nil {
			return
		}
		select {
		case l.streams <- newConn(st, l.name):
		case <-l.done:
			_ = st.Reset()
			return
		}
	}
}

func (l *Listener) drop(s *yamux.Session) {
	_ = s.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
	l.tell(len(l.sessions))
}

func (l *Listener) tell(n int) {
	if l.onCount != nil {
		l.onCount(n)
	}
}

// Accept returns the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.streams:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Stop ends every connection and takes no more. An Accept goes on waiting, for
// Close.
func (l *Listener) Stop() error {
	l.once.Do(func() {
		l.mu.Lock()
		close(l.done)
		l.err = l.inner.Close()
		for s := range l.sessions {
			_ = s.Close()
		}
		l.mu.Unlock()
		l.serving.Wait()
	})
	return l.err
}

// Close ends the listener and every connection.
func (l *Listener) Close() error {
	err := l.Stop()
	l.closing.Do(func() { close(l.closed) })
	return err
}

// Addr names the service.
func (l *Listener) Addr() net.Addr { return addr(l.name) }

// ErrNoSession says that the guest's side is not there.
var ErrNoSession = errors.New("the relay in the machine is not connected")

// Open opens a connection the other way, to what the guest's [Dialer] accepts
// with its Serve.
func (l *Listener) Open(ctx context.Context) (*Conn, error) {
	l.mu.Lock()
	list := make([]*yamux.Session, 0, len(l.sessions))
	for s := range l.sessions {
		list = append(list, s)
	}
	l.mu.Unlock()
	for _, s := range list {
		st, err := s.OpenStream(ctx)
		if err == nil {
			return newConn(st, l.name), nil
		}
	}
	return nil, ErrNoSession
}

// Sessions returns how many sessions there are.
func (l *Listener) Sessions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sessions)
}
