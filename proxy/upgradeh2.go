package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/http2"
)

// errNoConnect says that an upstream has no WebSockets in HTTP/2.
var errNoConnect = errors.New("the upstream has no extended CONNECT")

// connectSocket opens a WebSocket in an HTTP/2 connection of its own (RFC 8441), as
// in HTTP/1.1: shared ones would let one slow reader hold up the others. net/http's
// own ClientConn refuses the header that asks for a WebSocket, so it is that of
// x/net. up is nil when the answer does not agree.
func (u *upstreams) connectSocket(out *http.Request, target Target, r *Route) (resp *http.Response, up io.ReadWriteCloser, err error) {
	where := placeOf(target, r)
	if u.noConnect.has(where) {
		return nil, nil, errNoConnect
	}
	cc, conn, err := u.dialH2(out.Context(), target, r)
	if err == nil {
		resp, up, err = connectOver(cc, conn, out)
	}
	if errors.Is(err, errNoConnect) {
		u.noConnect.add(where)
	}
	return resp, up, err
}

func (u *upstreams) dialH2(ctx context.Context, target Target, r *Route) (*http2.ClientConn, io.Closer, error) { //nolint:staticcheck // deprecated for net/http's, see above
	private, upstream := false, ""
	if r != nil {
		private, upstream = r.Private, r.Upstream
	}
	raw, err := u.dialer.dialRoute(ctx, target.Host, target.Port, upstream, private)
	if err != nil {
		return nil, nil, err
	}
	cfg := u.tls.Clone()
	cfg.ServerName, cfg.NextProtos = target.Host, []string{"h2", "http/1.1"}
	conn := tls.Client(raw, cfg)
	shake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(shake); err != nil {
		raw.Close()
		return nil, nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		conn.Close()
		return nil, nil, errNoConnect
	}
	t1 := &http.Transport{MaxResponseHeaderBytes: maxHeaderBytes, DisableCompression: true,
		HTTP2: receiveWindows()}
	t2, err := http2.ConfigureTransports(t1) //nolint:staticcheck // as above
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	cc, err := t2.NewClientConn(conn) //nolint:staticcheck // as above
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return cc, conn, nil
}

// connectOver sends the extended CONNECT over a connection, which it owns.
func connectOver(cc *http2.ClientConn, conn io.Closer, out *http.Request) (*http.Response, io.ReadWriteCloser, error) { //nolint:staticcheck // as above
	pr, pw := io.Pipe()
	out = out.Clone(out.Context())
	out.Method, out.Body, out.ContentLength = http.MethodConnect, pr, -1
	out.Header[":protocol"] = []string{protoWebSocket}
	out.Header.Set("Sec-Websocket-Version", "13")
	resp, err := cc.RoundTrip(out)
	if err != nil {
		pr.Close()
		conn.Close()
		// The package has no name for it.
		if strings.Contains(err.Error(), "extended connect not supported") {
			err = errNoConnect
		}
		return nil, nil, err
	}
	s := &h2Socket{Reader: resp.Body, PipeWriter: pw, body: resp.Body, conn: conn}
	resp.Body = s
	switch {
	case resp.StatusCode/100 != 2:
		pw.Close()
		return resp, nil, nil
	case resp.Header.Get("Sec-Websocket-Extensions") != "":
		s.Close()
		return nil, nil, errNoSocket
	}
	return resp, s, nil
}

// h2Socket is one stream with its connection.
type h2Socket struct {
	io.Reader
	*io.PipeWriter
	body, conn io.Closer
}

// Close lets the upstream see the end of the stream if it can be written at once.
func (s *h2Socket) Close() error {
	_ = s.PipeWriter.Close()
	_ = s.body.Close()
	return s.conn.Close()
}
