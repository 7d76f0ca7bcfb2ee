package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/bot-bottle/bottle/vm/relay"
)

// tunnel is one CONNECT. It knows the one host and port that everything inside
// is for.
type tunnel struct {
	s       *Server
	session string
	host    string
	shown   string // the host for the journal
	port    int
	mode    TLSMode
	scheme  string // of what is spoken inside, once known
	conn    net.Conn
	// findings in the name that CONNECT gave, which did not stop it. They are
	// part of the decision on whatever goes to that name.
	findings []EventFinding
	client
	refusal *refusal    // what is answered to all that is asked inside; set before anything is
	opened  bool        // the client was told that the tunnel is there
	early   []byte      // what was read of it already
	waiting atomic.Bool // for the first byte
	h2      bool        // counted in s.h2Each; of s.mu
	closed  sync.Once
}

// client is what a CONNECT tells of who sent it.
type client struct {
	captured bool // it knows of no proxy; see captured.go
	git      bool
}

func clientOf(h http.Header) client {
	return client{captured: h.Get(relay.CapturedHeader) != "", git: strings.HasPrefix(h.Get("User-Agent"), "git/")}
}

func modeOf(r *Route) TLSMode {
	if r == nil {
		return Intercept
	}
	return r.TLS
}

// connect handles one CONNECT on a hijacked connection, which it owns. It
// returns when the tunnel was handed to the inner server or has ended; admitted
// is called when it counts as a tunnel.
func (s *Server) connect(authority, session string, conn net.Conn, who client, admitted func()) {
	id := s.nextID()
	t, d := s.openTunnel(id, authority, session, conn, who)
	if t == nil {
		return
	}
	admitted()
	if t.mode.opaque() && t.refusal == nil {
		if t.carry(id, d); t.refusal == nil {
			t.end()
			return
		}
	}
	if t.open() != nil || !t.handOver() {
		t.end()
	}
}

// open tells the client, once, that it has its tunnel.
func (t *tunnel) open() error {
	if t.opened {
		return nil
	}
	t.opened = true
	_, err := io.WriteString(t.conn, connectEstablished)
	return err
}

// openTunnel decides on a CONNECT. A refusal is answered, and nil returned.
func (s *Server) openTunnel(id, authority, session string, conn net.Conn, who client) (*tunnel, Decision) {
	snap := s.use()
	if snap == nil {
		conn.Close()
		return nil, Decision{}
	}
	defer snap.leave()
	refuse := func(host string, port int, d *denial, findings []EventFinding) (*tunnel, Decision) {
		shown := snap.redactHost(hostOf(authority), host)
		_ = s.record(&Event{Type: EventDecision, ID: id, Session: session, Proto: "connect", Method: http.MethodConnect,
			Host: shown, Port: port, Verdict: Deny, Rule: d.rule, Reason: snap.redactReason(d.message, host, shown), Findings: findings})
		if port > 0 && who.captured {
			t := &tunnel{s: s, session: session, host: host, port: port, mode: Intercept, conn: conn, shown: shown, client: who, refusal: &refusal{d, id}}
			if s.addTunnel(t) == "" {
				return t, Decision{}
			}
		}
		finish(conn, d.connectAnswer(id))
		return nil, Decision{}
	}
	host, port, err := splitHostPort(authority)
	if err != nil {
		return refuse(authority, 0, &denial{status: http.StatusBadRequest, rule: "bad-target", message: "the CONNECT target is not valid: " + err.Error()}, nil)
	}
	// The name is written by the agent too: a lookup would carry it out. It is
	// scanned as it was written; canonical form has lost the case of letters.
	findings, stop := snap.scanText(partURL, authority, host)
	if stop != nil {
		return refuse(host, port, stop, findings)
	}
	d := s.decideHost(snap, host, port)
	if d.Action == Deny {
		return refuse(host, port, denyPolicy(d), findings)
	}
	t := &tunnel{s: s, session: session, host: host, port: port, mode: modeOf(d.Route), conn: conn, findings: findings, client: who,
		shown: snap.redactHost(hostOf(authority), host)}
	if full := s.addTunnel(t); full != "" {
		return refuse(host, port, &denial{status: http.StatusServiceUnavailable, rule: "too-many-tunnels", message: full}, findings)
	}
	return t, d
}

// hostOf cuts the port off, and leaves the spelling as it is.
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}

// firstBytes has room for most ClientHellos, in bytes.
const firstBytes = 2 << 10

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
	wait := firstByteTimeout
	if t.refusal != nil {
		wait = refusedTimeout
	}
	_ = t.conn.SetReadDeadline(time.Now().Add(wait))
	in := &replayConn{Conn: t.conn, early: t.early}
	first := make([]byte, firstBytes)
	n, _ := in.Read(first)
	t.waiting.Store(false)
	if n == 0 {
		return false // nothing was asked
	}
	first = first[:n]
	const recordTypeHandshake = 0x16 // RFC 8446, section 5.1
	if first[0] != recordTypeHandshake {
		return t.handOverPlain(in, first)
	}
	conn := &tunnelConn{replayConn: replayConn{Conn: in, early: first}, t: t}
	t.scheme = "https"
	_ = t.conn.SetDeadline(time.Now().Add(handshakeTimeout))
	config := t.s.tls
	// git asks for one thing after the other: HTTP/2 would only make its pushes and
	// clones cost more.
	if t.git || !t.takeH2() {
		config = onlyHTTP1(config)
	}
	tc := tls.Server(conn, config)
	// The tunnel's end closes the connection, so no context has to.
	if err := tc.HandshakeContext(context.Background()); err != nil {
		t.note("the client gave up the TLS handshake; it may not trust the bottle's CA", err)
		return false
	}
	_ = t.conn.SetDeadline(time.Time{})
	t.checkCaptured(tc.ConnectionState().ServerName)
	if tc.ConnectionState().NegotiatedProtocol == "h2" {
		return t.s.inbox.push(newFrameGuard(tc, t))
	}
	t.giveH2()
	return t.s.inbox.push(newHeadGuard(tc))
}

// handOverPlain is handOver without TLS, behind the first bytes.
func (t *tunnel) handOverPlain(in net.Conn, begin []byte) bool {
	t.scheme = "http"
	begin, h2 := readPreface(in, begin)
	_ = t.conn.SetDeadline(time.Time{})
	conn := &tunnelConn{replayConn: replayConn{Conn: in, early: begin}, t: t}
	if h2 && t.takeH2() {
		return t.s.inbox.push(newFrameGuard(conn, t))
	}
	return t.s.inbox.push(newHeadGuard(conn))
}

// readPreface reads on for as long as what has come may be the preface of HTTP/2 (RFC
// 9113, section 3.3), and reports whether it is.
func readPreface(r io.Reader, begin []byte) (all []byte, h2 bool) {
	for len(begin) < len(http2.ClientPreface) && strings.HasPrefix(http2.ClientPreface, string(begin)) {
		more := make([]byte, len(http2.ClientPreface)-len(begin))
		n, err := r.Read(more)
		begin = append(begin, more[:n]...)
		if err != nil {
			break // which whoever reads on finds too
		}
	}
	return begin, strings.HasPrefix(string(begin), http2.ClientPreface)
}

// note tells the journal what would else fail silently.
func (t *tunnel) note(reason string, err error) {
	_ = t.s.record(&Event{Type: EventNote, Session: t.session, Proto: "connect", Host: t.shown, Port: t.port, Reason: reason, Error: err.Error()})
}

// leafName says which host a leaf is for: the CONNECT target. The SNI may be
// missing (addresses have none) and is not what was decided on; where it must agree,
// a client that is to be told so gets a leaf that it believes.
func leafName(hello *tls.ClientHelloInfo) (host, session string, err error) {
	if t := tunnelOf(hello.Conn); t != nil {
		return t.leafHost(hello.ServerName), t.session, nil
	}
	return "", "", errors.New("a TLS connection outside a tunnel")
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
		case *frameGuard:
			c = v.Conn
		case *tls.Conn:
			c = v.NetConn()
		default:
			return nil
		}
	}
	return nil
}

// addTunnel returns why there is no room for one more, or "".
func (s *Server) addTunnel(t *tunnel) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return "the proxy is stopping"
	case s.ofEach[t.session] >= maxSessionTunnels:
		return fmt.Sprintf("this agent has %d connections open, which is the most it may have; close some and try again", maxSessionTunnels)
	case len(s.tunnels) >= maxTunnels:
		return fmt.Sprintf("%d connections are open, which is the most this proxy carries; try again later", maxTunnels)
	}
	s.tunnels[t] = struct{}{}
	s.ofEach[t.session]++
	s.active.Add(1)
	return ""
}

func (t *tunnel) idle() bool { return t.waiting.Load() }

// close unblocks whoever uses the connection; they call end.
func (t *tunnel) close() { _ = t.conn.Close() }

// end closes the tunnel and forgets it. It may be called more than once.
func (t *tunnel) end() {
	t.closed.Do(func() {
		t.close()
		t.giveH2()
		t.s.mu.Lock()
		delete(t.s.tunnels, t)
		if t.s.ofEach[t.session]--; t.s.ofEach[t.session] <= 0 {
			delete(t.s.ofEach, t.session)
		}
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
	if state != http.StateClosed {
		return
	}
	if g, ok := c.(*headGuard); ok {
		g.place.leave()
	}
	if g, ok := c.(*frameGuard); ok {
		g.ended()
	}
	if t := tunnelOf(c); t != nil {
		t.end()
	}
}

// serveTunnel takes what is asked inside tunnels.
func (s *Server) serveTunnel(w http.ResponseWriter, r *http.Request) {
	if g := frameGuardOf(r); g != nil {
		g.refused.take()
	}
	asteriskForm(r)
	s.serveInner(w, r)
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
