package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/bot-bottle/bottle/mitm"
)

// carry takes a connection whose requests are not made out to its upstream: a
// passthrough or a raw one. The decision is in the journal before anything is
// dialled, and whatever comes after it is in the end line.
func (t *tunnel) carry(id string, d Decision) {
	start := time.Now()
	scheme, relay := "https", t.passthrough
	if t.mode == Raw {
		scheme, relay = "tcp", t.raw
	}
	ev := Event{ID: id, Session: t.session, Proto: string(t.mode), Method: http.MethodConnect, Scheme: scheme, Host: t.shown, Port: t.port, Rule: d.Rule}
	decision := ev
	decision.Type, decision.Verdict, decision.Findings = EventDecision, Allow, t.findings
	if d.Action == Ask {
		ctx, done := t.present()
		dn := t.s.ask(ctx, Question{ID: id, Session: t.session, Rule: d.Rule, Findings: t.findings, Length: -1, Route: d.Route,
			Target: Target{Scheme: scheme, Host: t.shown, Port: t.port, Method: http.MethodConnect}})
		if done(); dn != nil {
			decision.Verdict, decision.Rule, decision.Reason = Deny, dn.rule, t.redactReason(dn.message)
			_ = t.s.record(&decision)
			t.refuse(dn, id)
			return
		}
	}
	purse := &payer{s: t.s, session: t.session, id: id, host: t.host, target: Target{Scheme: scheme, Host: t.shown, Port: t.port}}
	if dn := purse.begin(t.s.ctx, named(d.Route) || d.Action == Ask, 0); dn != nil {
		decision.Verdict, decision.Rule, decision.Reason = Deny, dn.rule, t.redactReason(dn.message)
		_ = t.s.record(&decision)
		t.refuse(dn, id)
		return
	}
	if err := t.s.record(&decision); err != nil {
		t.refuse(journalDenial(err), id)
		return
	}
	ev.Type = EventEnd
	dn, err := t.caught(func() (*denial, error) { return relay(d.Route, purse, &ev) })
	if dn != nil {
		ev.Verdict, ev.Rule, ev.Reason = Deny, dn.rule, t.redactReason(dn.message)
		if dn.upset {
			ev.Verdict, ev.Error = "", t.redactReason(dn.message)
		}
		ev.Status = dn.status
	} else if err != nil {
		ev.Error = t.redactReason(err.Error())
	}
	ev.Duration = time.Since(start)
	_ = t.s.record(&ev)
	if dn != nil {
		t.refuse(dn, id)
	}
}

// caught makes an error of a panic, so that the connection has its last line and its end.
func (t *tunnel) caught(relay func() (*denial, error)) (dn *denial, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.s.log.Error("panic in a connection", "host", t.shown, "panic", p)
			reset(t.conn)
			dn, err = nil, errors.New("internal error")
		}
	}()
	return relay()
}

// dialUpstream connects to where a route leads, until the server ends.
func (t *tunnel) dialUpstream(r *Route) (up net.Conn, done func(), d *denial) {
	up, err := t.s.current.Load().upstreams.dialer.dialRoute(t.s.ctx, t.host, t.port, r.Upstream, r.Private)
	if err != nil {
		return nil, nil, upstreamFailure(t.host, err)
	}
	stop := context.AfterFunc(t.s.ctx, func() { up.Close() })
	return up, func() { stop(); up.Close() }, nil
}

// passthrough splices a TLS connection whose SNI is the route's host. It fills in
// the bytes of ev, and returns the refusal that the client is to be told, or the
// error that nobody is.
func (t *tunnel) passthrough(r *Route, purse *payer, ev *Event) (*denial, error) {
	up, done, dn := t.dialUpstream(r)
	if dn != nil {
		return dn, nil
	}
	defer done()
	if err := t.open(); err != nil {
		return nil, fmt.Errorf("the client went away: %w", err)
	}
	_ = t.conn.SetReadDeadline(time.Now().Add(firstByteTimeout))
	hello, err := mitm.ReadClientHello(t.conn)
	if dn := t.checkSNI(hello, err); dn != nil {
		t.early = hello.Raw // for who tells the client
		return dn, nil
	}
	_ = t.conn.SetReadDeadline(time.Time{})
	if dn := purse.spend(t.s.ctx, int64(len(hello.Raw))); dn != nil {
		return dn, nil
	}
	if _, err = up.Write(hello.Raw); err != nil {
		return nil, err
	}
	client := direct(t.conn)
	spend := func(n int64) error {
		if dn := purse.spend(t.s.ctx, n); dn != nil {
			return &blocked{dn}
		}
		return nil
	}
	ev.BytesOut, ev.BytesIn, err = copyBoth(client, up, &paidReader{client, spend, purse.bounded}, up)
	ev.BytesOut += int64(len(hello.Raw))
	if dn := stoppedBy(err); dn != nil { // there is no protocol to tell it in
		ev.Verdict, ev.Rule, ev.Reason, err = Deny, dn.rule, t.redactReason(dn.message), nil
	}
	return nil, err
}

func (t *tunnel) redactReason(text string) string {
	snap := t.s.use()
	if snap == nil {
		return "the proxy has ended"
	}
	defer snap.leave()
	return snap.redactReason(text, t.host, t.shown)
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
		snap := t.s.use()
		if snap == nil {
			return deny("the proxy has ended")
		}
		defer snap.leave()
		name := snap.redactHost(hello.SentName, hello.ServerName)
		return deny(fmt.Sprintf("the TLS connection is for %s, the tunnel for %s", headerText(name), t.host))
	}
	return nil
}

// copyBoth copies both ways until both ends are done, keeping half-closes. What it
// reads are the connections themselves or what stands in front of them. An end that
// broke off, or may not go on, is a reset at the other, which so does not take what
// it got for all there was.
func copyBoth(client, up net.Conn, fromClient, fromUp io.Reader) (out, in int64, err error) {
	done := make(chan struct{})
	var back thrown
	go func() {
		defer close(done)
		defer back.catch(func() {
			reset(client)
			reset(up)
		})
		var inErr error
		if in, inErr = io.Copy(client, fromUp); inErr != nil {
			reset(client)
			return
		}
		_ = closeWrite(client)
	}()
	out, err = io.Copy(up, fromClient)
	switch {
	case errors.As(err, new(*blocked)):
		reset(client)
		reset(up)
	case err != nil:
		reset(up)
	default:
		_ = closeWrite(up)
		_ = up.SetReadDeadline(time.Now().Add(halfOpenTimeout))
	}
	<-done
	back.again()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return out, in, err
}

// reset closes a connection without an end.
func reset(c net.Conn) {
	if l, ok := direct(c).(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0)
	}
	c.Close()
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
