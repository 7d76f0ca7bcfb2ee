package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

// Dialer is the guest's side. Its methods may be called from any goroutine.
type Dialer struct {
	dial func(context.Context) (net.Conn, error)
	name string
	// accept is called with each connection that the host opens; nil refuses.
	accept func(*Conn)

	mu      sync.Mutex
	session *yamux.Session
	making  chan struct{} // closed when the session that is being made is there, or is not
	failed  error         // why the last one could not be made
}

// NewDialer returns a Dialer whose sessions run over what dial connects to. name
// is what addresses say. accept, if set, is called in a goroutine of its own with
// each connection that the host opens.
func NewDialer(name string, dial func(context.Context) (net.Conn, error), accept func(*Conn)) *Dialer {
	return &Dialer{dial: dial, name: name, accept: accept}
}

// Unix returns what dials a unix socket.
func Unix(path string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { // it does not wait
		return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	}
}

// Dial opens a connection to the host's Listener, on a new session where there is
// none. It does not wait longer than a session takes to be proved, some seconds.
func (d *Dialer) Dial(ctx context.Context) (*Conn, error) {
	for range 2 { // the session may end under it
		s, err := d.ready(ctx)
		if err != nil {
			return nil, err
		}
		st, err := s.OpenStream(ctx)
		if err == nil {
			return newConn(st, d.name), nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		_ = s.Close()
	}
	return nil, fmt.Errorf("%s: the session to the host ends as soon as it is used", d.name)
}

// Close ends the session and its connections. The next Dial makes a new one.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session == nil {
		return nil
	}
	return d.session.Close()
}

// How long Keep waits before it tries again.
const minPause, maxPause = 100 * time.Millisecond, 2 * time.Second

// Keep has a session ready until ctx ends, so that the host can open connections
// and sees that somebody is there.
func (d *Dialer) Keep(ctx context.Context) {
	pause := minPause
	for ctx.Err() == nil {
		if s, err := d.ready(ctx); err == nil {
			select {
			case <-s.CloseChan():
			case <-ctx.Done():
				_ = s.Close()
				return
			}
			pause = minPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// ready returns a session that works. One goroutine makes it, the others wait.
func (d *Dialer) ready(ctx context.Context) (*yamux.Session, error) {
	for {
		d.mu.Lock()
		if d.session != nil && !d.session.IsClosed() {
			defer d.mu.Unlock()
			return d.session, nil
		}
		making := d.making
		if making == nil {
			making = make(chan struct{})
			d.making, d.failed = making, nil
			go d.make(making)
		}
		d.mu.Unlock()
		select {
		case <-making:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		d.mu.Lock()
		err := d.failed
		d.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// make makes a session for all who wait. It is bounded by its own timeouts.
func (d *Dialer) make(done chan struct{}) {
	s, err := d.connect()
	d.mu.Lock()
	d.session, d.failed, d.making = s, err, nil
	d.mu.Unlock()
	close(done)
	if err == nil {
		go d.serve(s)
	}
}

func (d *Dialer) connect() (*yamux.Session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	c, err := d.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: reach the host: %w", d.name, err)
	}
	s, err := yamux.Client(c, config(), nil)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if _, err := s.Ping(); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("%s: the host does not answer: %w", d.name, err)
	}
	return s, nil
}

// serve takes what the host opens, to the session's end.
func (d *Dialer) serve(s *yamux.Session) {
	for {
		st, err := s.AcceptStream()
		if err != nil {
			return
		}
		if d.accept == nil {
			_ = st.Reset()
			continue
		}
		go d.accept(newConn(st, d.name))
	}
}
