package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// upstreamConn is a connection of a pool, below TLS.
type upstreamConn struct {
	net.Conn
	of     *upstreams
	cut    atomic.Bool // the connection has ended: where TLS has not, someone cut it
	closed sync.Once
	joined joinedWrites
}

// dial opens a connection for a pool. When there are many, those that wait for a
// request are closed: net/http bounds them by pool, and those with HTTP/2 by time
// alone.
func (u *upstreams) dial(ctx context.Context, addr string, key poolKey) (net.Conn, error) {
	host, port, err := splitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if u.open.Load() >= u.most {
		u.close()
	}
	c, err := u.dialer.dialRoute(ctx, host, port, key.upstream, key.private)
	if err != nil {
		return nil, err
	}
	u.open.Add(1)
	return &upstreamConn{Conn: c, of: u, joined: joinedWrites{lates: &u.lateHeads}}, nil
}

// joinHead has the next head that is written to a connection wait for the body, which
// follows at once: in HTTP/2, as in HTTP/1 they are written together.
func joinHead(c net.Conn) {
	tc, ok := c.(*tls.Conn)
	if !ok || tc.ConnectionState().NegotiatedProtocol != "h2" {
		return
	}
	if uc, ok := tc.NetConn().(*upstreamConn); ok {
		uc.joined.followed()
	}
}

// Write takes a TLS record for a head, if one is expected.
func (c *upstreamConn) Write(p []byte) (int, error) { return c.joined.write(c.Conn, p, true) }

func (c *upstreamConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		c.cut.Store(true)
	}
	return n, err
}

func (c *upstreamConn) Close() error {
	c.closed.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}

// errCut is for an answer that ends with its connection, but not with its TLS:
// whoever carries the connection can have cut it short (RFC 8446, section 6.1; RFC
// 9112, section 9.8).
var errCut = errors.New("the connection was closed without the end of TLS, so it may not be whole")

// endsWithConn reports whether an answer has neither a length nor chunks.
func endsWithConn(resp *http.Response) bool {
	return resp.ProtoMajor == 1 && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && resp.Body != http.NoBody
}

// wasCut reports whether a connection has ended without its TLS, which Go's does not
// tell.
func wasCut(c net.Conn) bool {
	tc, ok := c.(*tls.Conn)
	if !ok {
		return false
	}
	uc, ok := tc.NetConn().(*upstreamConn)
	return ok && uc.cut.Load()
}
