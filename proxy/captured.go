package proxy

import (
	"fmt"
	"net/http"
)

// A captured connection is that of a program which knows of no proxy: package
// relay took it in the machine and opened a CONNECT for it, marked by
// relay.CapturedHeader. It is decided and served like any other, with two
// differences. The program does not see the answer to the CONNECT, so a refusal is
// told inside of the connection: in TLS after a handshake with a leaf of ours, else
// in plain HTTP. And it chose an address, not a name, so the name that it wants from
// there must be the one that this address stands for.

// refusal is what is answered to all that is asked in a tunnel. It stands in the
// journal already.
type refusal struct {
	*denial
	id string
}

// refuse tells the client why there is no way through: in the answer to its CONNECT,
// or where it sees none, inside. The caller hands the tunnel over when t.refusal was
// set. In a raw one nobody knows who speaks first: a client that waits must not wait
// for nothing, so it gets the answer to the CONNECT for what it is.
func (t *tunnel) refuse(d *denial, id string) {
	switch {
	case t.captured && t.mode != Raw:
		t.refusal = &refusal{d, id}
	case d.rule == ruleSNI:
		finish(t.conn, alertUnrecognizedName)
	default:
		finish(t.conn, d.connectAnswer(id))
	}
}

// refuse answers what is asked in such a tunnel. One that is allowed later needs
// another connection.
func (x *exchange) refuse(r *refusal) {
	d := *r.denial
	d.last = true
	x.id = r.id
	x.answer(&d)
}

// checkCaptured holds a captured TLS connection to the name that its address stands
// for. A client that sends none is held to it by the authority of its requests.
func (t *tunnel) checkCaptured(sni string) {
	if !t.captured || t.refusal != nil || sni == "" {
		return
	}
	name, err := CanonicalHost(sni)
	if err == nil && name == t.host {
		return
	}
	snap := t.s.use()
	if snap == nil {
		t.refusal = &refusal{&denial{status: http.StatusServiceUnavailable, rule: ruleSNI, message: "the proxy has ended"}, t.s.nextID()}
		return
	}
	defer snap.leave()
	shown := snap.redactHost(sni, name)
	d := &denial{status: http.StatusForbidden, rule: ruleSNI, message: fmt.Sprintf(
		"the TLS connection is for %s, but was opened to an address that stands for %s; connect to the address that the name has in here", headerText(shown), t.host)}
	id := t.s.nextID()
	_ = t.s.record(&Event{Type: EventDecision, ID: id, Session: t.session, Proto: "connect", Method: http.MethodConnect,
		Host: t.shown, Port: t.port, Verdict: Deny, Rule: d.rule, Reason: snap.redactReason(d.message, t.host, t.shown), Status: d.status})
	t.refusal = &refusal{d, id}
}

// leafHost is the name that the client is shown a leaf for.
func (t *tunnel) leafHost(sni string) string {
	if name, err := CanonicalHost(sni); t.captured && err == nil {
		return name
	}
	return t.host
}
