package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// shownHost is the host for the journal.
func (x *exchange) shownHost() string {
	if x.host == "" {
		if x.tunnel != nil {
			x.host = x.snap.shownHost(x.tunnel.shown)
		} else {
			x.host = x.snap.redactHost(x.r.URL.Hostname(), x.target.Host)
		}
	}
	return x.host
}

// shownHost is redactText for a host that comes with each request of a tunnel.
func (snap *snapshot) shownHost(host string) string {
	if snap.hosts.clean(host) {
		return host
	}
	shown := snap.redactText(host)
	if shown == host {
		snap.hosts.add(host)
	}
	return shown
}

// redact covers what a reason or an error must not tell.
func (x *exchange) redact(text string) string {
	return x.snap.redactReason(text, x.target.Host, x.shownHost())
}

// shownTarget is the target for messages, which cut its path: a value that was
// cut in two would not be found any more, so it is redacted before.
func (x *exchange) shownTarget() Target {
	t := x.target
	t.Host = x.shownHost()
	t.Method, t.Path = x.snap.redactText(t.Method), x.snap.redactText(t.Path)
	return t
}

// shownPath is the path with its query, redacted and cut.
func (x *exchange) shownPath() string {
	path := x.r.URL.EscapedPath()
	if x.r.URL.RawQuery != "" {
		path += "?" + x.r.URL.RawQuery
	}
	if !x.cleanURL {
		path = x.redactURL(path)
	}
	if len(path) > maxJournalPath {
		path = path[:maxJournalPath] + "…"
	}
	return path
}

// event describes the request for the journal, redacted.
func (x *exchange) event() Event {
	proto := "http/1.1"
	switch {
	case x.socket != nil:
		proto = protoWebSocket
	case x.r.ProtoMajor == 2:
		proto = "h2"
	case x.r.ProtoMinor != 1:
		proto = strings.ToLower(x.r.Proto)
	}
	return Event{ID: x.id, Session: x.session, Proto: proto, Method: x.snap.redactText(x.r.Method), Scheme: x.target.Scheme,
		Host: x.shownHost(), Port: x.target.Port, Path: x.shownPath(), Rule: x.decision.Rule}
}

// journal writes the decision; what cannot be recorded is not sent.
func (x *exchange) journal() *denial {
	e := x.event()
	e.Type, e.Verdict, e.Secrets = EventDecision, Allow, x.injected
	x.bodyMu.Lock()
	e.Findings, e.MoreFindings = slices.Clone(x.findings), x.moreFindings
	x.bodyMu.Unlock()
	if err := x.s.record(&e); err != nil {
		return journalDenial(err)
	}
	return nil
}

// journalDenial is the answer to what could not be written down.
func journalDenial(err error) *denial {
	message := "the journal cannot be written (is the disk full?), and nothing goes out unrecorded"
	if errors.Is(err, ErrJournalFull) {
		message = ErrJournalFull.Error() + ", and nothing goes out unrecorded. Do not retry; the operator has to start a new bottle, with a journal of its own."
	}
	return &denial{status: http.StatusForbidden, rule: "journal", message: message}
}

// deny answers in the upstream's place and takes the rest of the upload, so
// that the client gets to read the answer.
func (x *exchange) deny(d *denial) {
	e := x.event()
	e.Type, e.Verdict, e.Rule, e.Reason, e.Status = EventDecision, Deny, d.rule, x.redact(d.message), d.status
	x.bodyMu.Lock()
	e.Findings, e.MoreFindings = slices.Clone(x.findings), x.moreFindings
	x.bodyMu.Unlock()
	_ = x.s.record(&e) // it is denied either way
	x.answer(d)
}

func (x *exchange) answer(d *denial) {
	x.status = d.status
	told := *d
	told.near = x.takeWarnings()
	told.write(x.w, x.r, x.id)
	x.drain()
}
