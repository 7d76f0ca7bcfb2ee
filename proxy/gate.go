package proxy

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/bot-bottle/bottle/dlp"
)

// Gate takes what git asks of some hosts, in the place of the routes: no route
// lets such a request past it. Only an explicit deny keeps it from the gate.
type Gate interface {
	// Has reports whether git's requests to a canonical host are the gate's.
	Has(host string) bool
	// ServeGit answers a request. It is called from many goroutines.
	ServeGit(w http.ResponseWriter, r *http.Request, c *GateCall)
}

// GateCall is what a Gate knows of a request besides the request, and what it
// shares with requests that take a route: the scanner and what it remembers, the
// policy about findings, the ways to upstreams, the journal, the operator. It is
// valid until ServeGit returns.
type GateCall struct {
	// ID names the exchange, Session the bottle.
	ID, Session string
	// Host is canonical; Path is escaped and begins with a slash.
	Host, Path string
	// Base is what stands before Path in the URLs that the client can reach.
	Base string

	s     *Server
	snap  *snapshot
	purse *payer // nil where no client made the call
	// stopped is the denial of what was to be sent, where a budget had no room for it.
	stopped atomic.Pointer[denial]
}

// Scanner returns a scanner for what the agent wrote. It must be given back by
// Release.
func (c *GateCall) Scanner() *dlp.Scanner {
	sc := c.snap.scanner()
	sc.Attach(c.s.dlpSession(c.Session))
	return sc
}

// Release gives a scanner back.
func (c *GateCall) Release(sc *dlp.Scanner) { c.snap.scanners.Put(sc) }

// Judge says what findings come to: events for the journal, and why they stop
// the request, or "". What was to be redacted is stopped too.
func (c *GateCall) Judge(found []dlp.Finding, where string) (events []EventFinding, rule, why string) {
	v := c.snap.judge(found, where, c.Host)
	if v.stop != nil {
		rule, why = v.stop.rule, v.stop.message
	}
	return v.events, rule, why
}

// Redact takes the values of secrets out of a text, for journal and answers.
func (c *GateCall) Redact(text string) string { return c.snap.redactText(text) }

// Record writes an event with the call's ID, session and host.
func (c *GateCall) Record(e *Event) error {
	e.ID, e.Session = c.ID, c.Session
	if e.Host == "" {
		e.Host = c.snap.redactText(c.Host) // a client of git alone may name any
	}
	return c.s.record(e)
}

// JournalRefusal is what a client is told when Record failed.
func JournalRefusal(err error) string { return journalDenial(err).message }

// Ask puts a question to the operator and waits. It returns why the answer is no,
// or "". The detail tells the question from others about the same target; refs are
// those of a push.
func (c *GateCall) Ask(ctx context.Context, method, rule string, findings []EventFinding, detail []string, refs ...string) string {
	q := Question{ID: c.ID, Session: c.Session, Rule: rule, Findings: findings, Detail: detail, Gated: true, Refs: refs, Path: c.snap.redactText(c.Path),
		Target: Target{Scheme: "https", Host: c.Host, Port: 443, Method: method, Path: c.Path}}
	if d := c.s.ask(ctx, q); d != nil {
		return d.message
	}
	return ""
}

// Transport returns the connections to upstreams. It follows no redirects.
// Private ones may have private addresses.
func (c *GateCall) Transport(private bool) http.RoundTripper {
	return &paidTransport{c, c.snap.upstreams.transport(false, "https", &Route{Private: private})}
}

// Dial connects to an upstream that speaks no HTTP.
func (c *GateCall) Dial(ctx context.Context, host string, port int, private bool) (net.Conn, error) {
	conn, err := c.snap.upstreams.dialer.dialRoute(ctx, host, port, "", private)
	if err != nil {
		return nil, err
	}
	return &paidConn{conn, c}, nil
}

// UpstreamFailure says for a client why an upstream could not be reached. What
// the upstream itself has sent is no part of it.
func UpstreamFailure(host string, err error) (status int, text string) {
	d := upstreamFailure(host, err)
	return d.status, d.message
}

// gated hands a request to the gate if it is the gate's.
func (x *exchange) gated() *denial {
	gate := x.snap.Gate
	if gate == nil || !gate.Has(x.target.Host) || !isGit(x.r) {
		return nil
	}
	x.target.Method, x.target.Path = x.r.Method, x.r.URL.EscapedPath()
	if d := x.snap.Policy.Decide(x.target); d.Action == Deny && d.Route != nil {
		return nil // decide says so
	}
	base := url.URL{Scheme: x.target.Scheme, Host: authority(x.target.Scheme, x.target.Host, x.target.Port)}
	return x.hand(gate, x.target.Host, x.r.URL.EscapedPath(), base.String())
}

// hand has the gate answer, within the budget. The manifest names its hosts.
func (x *exchange) hand(gate Gate, host, path, base string) *denial {
	purse := &payer{s: x.s, session: x.session, id: x.id, host: host, target: Target{Scheme: "https", Host: x.snap.redactText(host), Port: 443}}
	if d := purse.begin(x.ctx, gate.Has(host), 0); d != nil {
		return d
	}
	x.handed = true
	x.warnAgent(x.w.Header())
	gate.ServeGit(x.w, x.r.WithContext(x.ctx), &GateCall{ID: x.id, Session: x.session, Host: host, Path: path, Base: base, s: x.s, snap: x.snap, purse: purse})
	x.drain()
	return nil
}

// ServeGit answers a request that came to a listener for git alone: path is what
// stands behind the host in its URL, base what stands before it.
func (s *Server) ServeGit(w http.ResponseWriter, r *http.Request, session, host, path, base string) {
	s.exchange(w, r, nil, session, func(x *exchange) {
		d := x.admit()
		if d == nil && x.snap.Gate == nil {
			d = &denial{status: http.StatusNotFound, rule: "git", message: "the manifest names no host under git"}
		}
		if d == nil {
			d = x.hand(x.snap.Gate, host, path, base)
		}
		if d != nil {
			s.deny(w, r, session, d)
		}
	})
}

// UseGate calls f with the gate in force and a call about a host that no client made,
// as to see whether a server takes a credential. It does nothing where there is no
// gate, or the server is closed.
func (s *Server) UseGate(session, host string, f func(Gate, *GateCall)) {
	snap := s.use()
	if snap == nil {
		return
	}
	defer snap.leave()
	if snap.Gate != nil {
		f(snap.Gate, &GateCall{ID: s.nextID(), Session: session, Host: host, Path: "/", s: s, snap: snap})
	}
}

// decideHost decides a CONNECT. To the hosts of the gate there is always a way
// for git, and inside of it every request is seen: what passes TLS through, or is raw
// on a port where git speaks HTTP, is intercepted. Raw elsewhere, as on the port of
// ssh, has no credential of the gate's and stays what the route says.
func (snap *snapshot) decideHost(host string, port int) Decision {
	d := snap.Policy.DecideHost(host, port)
	if snap.Gate == nil || !snap.Gate.Has(host) {
		return d
	}
	web := port == 443 || port == 80
	switch mode := modeOf(d.Route); {
	case d.Action == Deny && d.Route == nil && web:
		return Decision{Action: Allow, Rule: "git"}
	case d.Action != Deny && (mode == Passthrough || mode == Raw && web):
		return Decision{Action: Allow, Rule: d.Rule}
	}
	return d
}

// maxUnescape is how often a server may take percent signs for escapes.
const maxUnescape = 3

// isGit reports whether some server could take a request for one of git's smart
// protocol or of LFS, however it reads paths.
func isGit(r *http.Request) bool {
	if strings.Contains(strings.ToLower(r.Header.Get("Content-Type")), "application/x-git-") || strings.Contains(loosely(r.URL.RawQuery), "service=git-") {
		return true
	}
	p := path.Clean("/" + strings.ReplaceAll(loosely(r.URL.EscapedPath()), `\`, "/"))
	if strings.Contains(p, "/info/refs") || strings.Contains(p, "/info/lfs") {
		return true
	}
	// Reading a page of that name is not git's.
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	return strings.Contains(p, "/git-upload-pack") || strings.Contains(p, "/git-receive-pack") || strings.Contains(p, "/git-upload-archive")
}

// loosely unescapes as long as there is something to. What is no escape stays as it is,
// as with servers that do not mind.
func loosely(s string) string {
	for range maxUnescape {
		u := escapes.ReplaceAllStringFunc(s, func(e string) string {
			n, _ := strconv.ParseUint(e[1:], 16, 8) // there are two digits
			return string([]byte{byte(n)})
		})
		if u == s {
			break
		}
		s = u
	}
	return strings.ToLower(s)
}

var escapes = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
