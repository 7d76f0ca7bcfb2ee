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

// passthrough splices a TLS connection whose SNI is the route's host. The
// decision is in the journal before anything is dialled, and whatever comes
// after it is in the end line.
func (t *tunnel) passthrough(id string, d Decision) {
	start := time.Now()
	ev := Event{ID: id, Session: t.session, Proto: "passthrough", Method: http.MethodConnect, Scheme: "https", Host: t.shown, Port: t.port, Rule: d.Rule}
	decision := ev
	decision.Type, decision.Verdict, decision.Findings = EventDecision, Allow, t.findings
	if d.Action == Ask {
		if dn := t.s.ask(t.s.ctx, Question{ID: id, Session: t.session, Rule: d.Rule, Findings: t.findings,
			Target: Target{Scheme: "https", Host: t.shown, Port: t.port, Method: http.MethodConnect}}); dn != nil {
			decision.Verdict, decision.Rule, decision.Reason = Deny, dn.rule, t.redactReason(dn.message)
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
		ev.Verdict, ev.Rule, ev.Reason = Deny, dn.rule, t.redactReason(dn.message)
		if dn.upset {
			ev.Verdict, ev.Error = "", t.redactReason(dn.message)
		}
		if ev.Status = dn.status; dn.rule != ruleSNI {
			defer finish(t.conn, dn.connectAnswer(id))
		} else {
			defer finish(t.conn, alertUnrecognizedName)
		}
	} else if err != nil {
		ev.Error = t.redactReason(err.Error())
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
