package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// tunnel is one CONNECT. It knows the one host and port that everything inside
// is for.
type tunnel struct {
	s       *Server
	session string
	host    string
	port    int
	mode    TLSMode
	scheme  string // of what is spoken inside, once known
	conn    net.Conn
	waiting atomic.Bool // for the first byte
	closed  sync.Once
}

func modeOf(r *Route) TLSMode {
	if r == nil {
		return Intercept
	}
	return r.TLS
}

// connect handles one CONNECT on a hijacked connection, which it owns. It
// returns when the tunnel was handed to the inner server or has ended.
func (s *Server) connect(authority, session string, conn net.Conn) {
	id := s.nextID()
	snap := s.current.Load()
	refuse := func(host string, port int, d *denial, findings []EventFinding) {
		_ = s.record(&Event{Type: EventDecision, ID: id, Session: session, Proto: "connect", Method: http.MethodConnect,
			Host: snap.redactHost(authority, host), Port: port, Verdict: Deny, Rule: d.rule, Reason: snap.redactText(d.message), Findings: findings})
		finish(conn, d.connectAnswer(id))
	}
	host, port, err := splitHostPort(authority)
	if err != nil {
		refuse(authority, 0, &denial{status: http.StatusBadRequest, rule: "bad-target", message: "the CONNECT target is not valid: " + err.Error()}, nil)
		return
	}
	// The name is written by the agent too: a lookup would carry it out. It is
	// scanned as it was written; canonical form has lost the case of letters.
	if findings, stop := snap.scanText("url", authority, host); stop != nil {
		refuse(host, port, stop, findings)
		return
	}
	d := snap.Policy.DecideHost(host, port)
	if d.Action == Deny {
		refuse(host, port, denyPolicy(d), nil)
		return
	}
	t := &tunnel{s: s, session: session, host: host, port: port, mode: modeOf(d.Route), conn: conn}
	if !s.addTunnel(t) {
		refuse(host, port, &denial{status: http.StatusServiceUnavailable, rule: "too-many-tunnels", message: fmt.Sprintf("more than %d connections are open, or the proxy is stopping", maxTunnels)}, nil)
		return
	}
	if t.mode == Passthrough {
		t.passthrough(id, d)
		t.end()
		return
	}
	if _, err := io.WriteString(conn, connectEstablished); err != nil || !t.handOver() {
		t.end()
	}
}

const connectEstablished = "HTTP/1.1 200 Connection established\r\n\r\n"

// finish writes a last answer and waits a moment for the client to take it:
// closing with unread input would reset the connection under the answer.
func finish(conn net.Conn, answer []byte) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(drainTime))
	if _, err := conn.Write(answer); err != nil {
		return
	}
	if cw, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
}

// handOver finds out what is spoken inside and gives the connection to the
// inner server. It reports whether the inner server took it.
func (t *tunnel) handOver() bool {
	t.waiting.Store(true)
	if t.s.stopping() { // closing may have looked for idle tunnels already
		return false
	}
	_ = t.conn.SetReadDeadline(time.Now().Add(firstByteTimeout))
	var first [1]byte
	_, err := io.ReadFull(t.conn, first[:])
	t.waiting.Store(false)
	if err != nil {
		return false // nothing was asked
	}
	var conn net.Conn = &tunnelConn{replayConn: replayConn{Conn: t.conn, early: first[:]}, t: t}
	const recordTypeHandshake = 0x16 // RFC 8446, section 5.1
	if first[0] != recordTypeHandshake {
		t.scheme = "http"
		_ = t.conn.SetDeadline(time.Time{})
		return t.s.inbox.push(newHeadGuard(conn))
	}
	t.scheme = "https"
	_ = t.conn.SetDeadline(time.Now().Add(handshakeTimeout))
	tc := tls.Server(conn, t.s.tls)
	if err := tc.HandshakeContext(t.s.ctx); err != nil {
		t.note("the client gave up the TLS handshake; it may not trust the bottle's CA", err)
		return false
	}
	_ = t.conn.SetDeadline(time.Time{})
	if tc.ConnectionState().NegotiatedProtocol == "h2" {
		return t.s.inbox.push(tc) // net/http wants to see a *tls.Conn for h2
	}
	return t.s.inbox.push(newHeadGuard(tc))
}

// note tells the journal what would else fail silently.
func (t *tunnel) note(reason string, err error) {
	snap := t.s.current.Load()
	_ = t.s.record(&Event{Type: EventNote, Session: t.session, Proto: "connect", Host: snap.redactText(t.host), Port: t.port, Reason: reason, Error: err.Error()})
}

// leafName says which host a leaf is for: the CONNECT target. The SNI may be
// missing (addresses have none) and is not what was decided on.
func leafName(hello *tls.ClientHelloInfo) (string, error) {
	if t := tunnelOf(hello.Conn); t != nil {
		return t.host, nil
	}
	return "", errors.New("a TLS connection outside a tunnel")
}

// passthrough splices a TLS connection whose SNI is the route's host. The
// decision is in the journal before anything is dialled, and whatever comes
// after it is in the end line.
func (t *tunnel) passthrough(id string, d Decision) {
	start := time.Now()
	ev := Event{ID: id, Session: t.session, Proto: "passthrough", Method: http.MethodConnect, Scheme: "https", Host: t.host, Port: t.port, Rule: d.Rule}
	decision := ev
	decision.Type, decision.Verdict = EventDecision, Allow
	if d.Action == Ask {
		if dn := t.s.ask(t.s.ctx, Question{ID: id, Session: t.session, Rule: d.Rule,
			Target: Target{Scheme: "https", Host: t.host, Port: t.port, Method: http.MethodConnect}}); dn != nil {
			decision.Verdict, decision.Rule, decision.Reason = Deny, dn.rule, dn.message
			_ = t.s.record(&decision)
			finish(t.conn, dn.connectAnswer(id))
			return
		}
	}
	if err := t.s.record(&decision); err != nil {
		finish(t.conn, journalDenial(err).connectAnswer(id))
		return
	}
	ev.Type = EventEnd
	if dn, err := t.relay(d.Route, &ev); dn != nil {
		ev.Verdict, ev.Rule, ev.Reason = Deny, dn.rule, dn.message
		if dn.upset {
			ev.Verdict, ev.Error = "", dn.message
		}
		if ev.Status = dn.status; dn.rule != ruleSNI {
			defer finish(t.conn, dn.connectAnswer(id))
		} else {
			defer finish(t.conn, alertUnrecognizedName)
		}
	} else if err != nil {
		ev.Error = err.Error()
	}
	ev.Duration = time.Since(start)
	_ = t.s.record(&ev)
}

// relay connects and copies. It fills in the bytes of ev, and returns the
// refusal that the client is to be told, or the error that nobody is.
func (t *tunnel) relay(r *Route, ev *Event) (*denial, error) {
	up, err := t.s.current.Load().upstreams.dialer.dialRoute(t.s.ctx, t.host, t.port, r.Upstream, r.Private)
	if err != nil {
		return upstreamFailure(t.host, err), nil
	}
	defer up.Close()
	stop := context.AfterFunc(t.s.ctx, func() { up.Close() })
	defer stop()
	if _, err := io.WriteString(t.conn, connectEstablished); err != nil {
		return nil, fmt.Errorf("the client went away: %w", err)
	}
	_ = t.conn.SetReadDeadline(time.Now().Add(firstByteTimeout))
	hello, err := mitm.ReadClientHello(t.conn)
	if dn := t.checkSNI(hello, err); dn != nil {
		return dn, nil
	}
	_ = t.conn.SetReadDeadline(time.Time{})
	ev.BytesOut, ev.BytesIn, err = splice(t.conn, up, hello.Raw)
	return nil, err
}

// ruleSNI is the rule that a passthrough connection for another name breaks.
const ruleSNI = "sni-mismatch"

// TLS alerts (RFC 8446, section 6) tell a client that a handshake was refused;
// there is no other answer in a passthrough connection.
var alertUnrecognizedName = []byte{0x15, 3, 3, 0, 2, 2, 112}

// checkSNI holds a passthrough connection to the host it was admitted for.
func (t *tunnel) checkSNI(hello *mitm.ClientHello, err error) *denial {
	deny := func(message string) *denial {
		return &denial{status: http.StatusForbidden, rule: ruleSNI, message: message}
	}
	switch {
	case errors.Is(err, mitm.ErrNotTLS):
		return deny("a passthrough route carries TLS only, and something else was sent")
	case err != nil:
		return deny("the ClientHello could not be read: " + err.Error())
	case hello.ServerName == "" && !isAddress(t.host):
		return deny("the TLS connection names no server (SNI), so it cannot be held to " + t.host)
	case hello.ServerName != "" && hello.ServerName != t.host:
		return deny(fmt.Sprintf("the TLS connection is for %s, the tunnel for %s", headerText(hello.ServerName), t.host))
	}
	return nil
}

// splice copies both ways until both ends are done, keeping half-closes.
func splice(client, up net.Conn, early []byte) (out, in int64, err error) {
	if _, err = up.Write(early); err != nil {
		return 0, 0, err
	}
	out = int64(len(early))
	client = direct(client)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var inErr error
		if in, inErr = io.Copy(client, up); inErr != nil {
			client.Close()
			return
		}
		_ = closeWrite(client)
	}()
	n, err := io.Copy(up, client)
	if out += n; err != nil {
		up.Close()
	} else {
		_ = closeWrite(up)
		_ = up.SetReadDeadline(time.Now().Add(halfOpenTimeout))
	}
	<-done
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return out, in, err
}

// direct takes a wrapper off that has nothing left to do: between two TCP
// connections the kernel copies.
func direct(c net.Conn) net.Conn {
	if r, ok := c.(*replayConn); ok && len(r.early) == 0 {
		return r.Conn
	}
	return c
}

// closeWrite ends one side of a connection, or where that cannot be done, all of
// it.
func closeWrite(c net.Conn) error {
	if cw, ok := c.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return c.Close()
}

// tunnelConn lets whatever is wrapped around it find its tunnel.
type tunnelConn struct {
	replayConn
	t *tunnel
}

// tunnelOf finds the tunnel below a connection, or nil.
func tunnelOf(c net.Conn) *tunnel {
	for c != nil {
		switch v := c.(type) {
		case *tunnelConn:
			return v.t
		case *headGuard:
			c = v.Conn
		case *tls.Conn:
			c = v.NetConn()
		default:
			return nil
		}
	}
	return nil
}

func (s *Server) addTunnel(t *tunnel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.tunnels) >= maxTunnels {
		return false
	}
	s.tunnels[t] = struct{}{}
	s.active.Add(1)
	return true
}

func (t *tunnel) idle() bool { return t.waiting.Load() }

// close unblocks whoever uses the connection; they call end.
func (t *tunnel) close() { _ = t.conn.Close() }

// end closes the tunnel and forgets it. It may be called more than once.
func (t *tunnel) end() {
	t.closed.Do(func() {
		t.close()
		t.s.mu.Lock()
		delete(t.s.tunnels, t)
		t.s.mu.Unlock()
		t.s.active.Done()
	})
}

type connKey struct{}

// connContext makes the connection known to its requests.
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func (s *Server) connState(c net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		if t := tunnelOf(c); t != nil {
			t.end()
		}
	}
}

// refusedHead returns the refusal that a request of refusedMethod stands for.
func refusedHead(r *http.Request) *denial {
	if r.Method != refusedMethod {
		return nil
	}
	if g, ok := r.Context().Value(connKey{}).(*headGuard); ok {
		return g.refusal
	}
	return nil
}

// brokenBody reports whether the body of a request is not framed right. The
// error of reading it may not tell: net/http cancels the request as well.
func brokenBody(r *http.Request) bool {
	g, ok := r.Context().Value(connKey{}).(*headGuard)
	return ok && g.broken.Load()
}

// tunnelListener hands tunnels to the inner server.
type tunnelListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newTunnelListener() *tunnelListener {
	return &tunnelListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *tunnelListener) push(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		return false
	}
}

func (l *tunnelListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *tunnelListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *tunnelListener) Addr() net.Addr { return tunnelAddr{} }

type tunnelAddr struct{}

func (tunnelAddr) Network() string { return "tunnel" }
func (tunnelAddr) String() string  { return "tunnel" }
