package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// isRaw reports whether the exchange is a connection in which no requests are made
// out.
func (x *exchange) isRaw() bool { return x.r == nil }

// raw carries any protocol. What the agent sends goes through the scanner like a
// body that streams: nothing is replaced in it, and no byte of what is stopped
// leaves. In what comes back, values of secrets that other routes inject on the host
// become their placeholders. It fills in ev like passthrough; what is stopped on the
// way is in ev alone, for no protocol is known to tell it in.
func (t *tunnel) raw(r *Route, purse *payer, ev *Event) (*denial, error) {
	up, done, dn := t.dialUpstream(r)
	if dn != nil {
		return dn, nil
	}
	defer done()
	if err := t.open(); err != nil {
		return nil, fmt.Errorf("the client went away: %w", err)
	}
	snap := t.s.use()
	if snap == nil {
		return nil, errEnded
	}
	ctx, cancel := context.WithCancel(t.s.ctx)
	defer cancel()
	x := &exchange{s: t.s, snap: snap, tunnel: t, session: t.session, id: ev.ID, start: time.Now(), ctx: ctx, cancel: cancel,
		target: Target{Scheme: "tcp", Host: t.host, Port: t.port}, route: r, purse: purse}
	scan := newRawScan(x)
	defer scan.end()
	red, err := newRawRedact(x)
	if err != nil {
		return nil, err
	}
	fromClient, fromUp := &paidReader{Reader: newFilterReader(ctx, t.conn, scan), spend: x.spend}, newFilterReader(ctx, up, red)
	ev.BytesOut, ev.BytesIn, err = copyBoth(t.conn, up, fromClient, fromUp)
	_ = red.ended() // where it broke off
	x.endRaw(ev)
	if errors.As(err, new(*blocked)) {
		err = nil
	}
	return nil, err
}

// endRaw puts what was seen on the way into the last line.
func (x *exchange) endRaw(ev *Event) {
	x.bodyMu.Lock()
	defer x.bodyMu.Unlock()
	if d := x.stopped; d != nil {
		ev.Verdict, ev.Rule, ev.Reason, ev.Status = Deny, d.rule, x.redact(d.message), d.status
	}
	ev.Findings, ev.MoreFindings, ev.Redacted = slices.Clone(x.findings), x.moreFindings, x.redacted
	ev.Inert = append(ev.Inert, x.placeholders...)
	slices.Sort(ev.Inert)
}
