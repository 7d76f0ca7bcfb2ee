// Package tunnel carries the connections of one service out of a microVM over a
// single unix socket.
//
// A virtual machine's monitor writes to the host's sockets on the one thread that
// moves all of the machine's traffic: a host side that stops reading, as every
// proxy does whose upstream is slow, would stop the others too, and with them the
// commands that run inside. So connections do not cross by themselves. The guest's
// [Dialer] keeps one session (yamux) and opens a stream on it for each; the
// host's [Listener] reads the session always, and holds for each stream at most
// its window.
//
// A session is dialled when it is needed and again after its end, so either side
// may restart. It is proved by a round trip before a stream is opened on it: to
// connect to a socket that nobody serves may succeed, and be followed by silence.
package tunnel

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

const (
	// MaxStreams bounds the connections of one session at a time.
	MaxStreams = 4096
	// Window is what may be under way in one direction of a connection, and so
	// what is held in memory for a side that does not read, in bytes. The two
	// sides hold at most MaxStreams of them.
	Window = 256 << 10

	// answerTimeout bounds the round trip that proves a session, and any write:
	// the other side always reads.
	answerTimeout = 5 * time.Second
	// quietTime is how long a session is quiet before it is proved again.
	quietTime = 15 * time.Second
	// maxMessage is the largest piece that streams take turns with, in bytes.
	maxMessage = 64 << 10
	readBuffer = 64 << 10
)

func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.EnableKeepAlive = true
	c.KeepAliveInterval = quietTime
	c.ConnectionWriteTimeout = answerTimeout
	c.MaxIncomingStreams = MaxStreams
	c.InitialStreamWindowSize, c.MaxStreamWindowSize = Window, Window
	c.MaxMessageSize = maxMessage
	c.ReadBufSize = readBuffer
	c.WriteCoalesceDelay = 0 // a request's latency is worth more than a packet
	return c
}

// Conn is a stream as a connection. Close ends both directions at once, like that
// of a socket with unread input: the other side is told, and does not go on
// writing into nothing. CloseWrite ends one.
type Conn struct {
	*yamux.Stream
	local, remote net.Addr
}

func newConn(s *yamux.Stream, name string) *Conn {
	return &Conn{Stream: s, local: addr(name), remote: addr(name)}
}

// Close ends both directions. What was written before still arrives; the other
// side's writes fail from then on, instead of waiting for a window for ever.
func (c *Conn) Close() error { return errors.Join(c.CloseWrite(), c.Reset()) }

// CloseWrite ends what this side writes; the other side reads on to an io.EOF.
func (c *Conn) CloseWrite() error { return c.Stream.CloseWrite() }

// LocalAddr names the service.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr names the service.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Read is that of a socket: a reset is an error, an end io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	if errors.Is(err, yamux.ErrStreamReset) || errors.Is(err, yamux.ErrStreamClosed) {
		err = &net.OpError{Op: "read", Net: "tunnel", Source: c.local, Addr: c.remote, Err: err}
	}
	return n, err
}

type addr string

func (addr) Network() string  { return "tunnel" }
func (a addr) String() string { return string(a) }
