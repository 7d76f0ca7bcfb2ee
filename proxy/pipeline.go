package proxy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/usage"
)

// exchange is one request on its way through the proxy. Its steps stand
// below in the order in which they are taken; each either lets the request go
// on or returns the answer that the agent gets instead.
type exchange struct {
	s       *Server
	snap    *snapshot
	tunnel  *tunnel // nil for plain http in absolute form
	socket  *socket // nil unless a WebSocket is asked for
	session string
	id      string
	start   time.Time
	ctx     context.Context
	cancel  context.CancelFunc

	w  http.ResponseWriter
	rc *http.ResponseController
	r  *http.Request // nil for a raw connection

	target   Target
	cleanURL bool   // the scanner finds nothing in it
	host     string // for the journal, once it was redacted
	route    *Route
	// hostSecrets may be, or have been, injected somewhere on this host. What one
	// route stores there can be read back through another.
	hostSecrets secretSet
	decision    Decision
	out         *http.Request
	trace       trace       // of out
	guard       *frameGuard // of the client's connection; nil in HTTP/1
	upConn      net.Conn    // that it was sent on
	receives    net.Conn    // the same, while its answer is counted there
	body        *uploadBody
	scratch     []byte
	handed      bool          // to the gate
	share       *share        // of the budget; nil before it was admitted
	buffered    int64         // bytes of it
	eventBytes  int64         // of it, for what restorers hold
	textBytes   int64         // of it, for what they keep of texts under way
	tables      *markerTables // that are used for the answer
	purse       *payer        // pays for what leaves; nil before it was counted
	usage       EventUsage    // of the model that answers
	meter       *usage.Reader // of its answer, nil for none
	recording   *recording    // of the bodies, nil for none

	bytesIn  int64
	status   int
	redacted int
	restored int     // markers that became their texts
	refused  *denial // after the decision, in the upstream's place

	bodyMu       sync.Mutex // what the upload's reader writes too
	findings     []EventFinding
	moreFindings int
	placeholders []string // that the agent sent, by the names of their secrets
	injected     []string
	lent         *snapshot   // the newest one that a value was taken from
	headLent     []lentValue // what was put into the head
	bodyLent     bool        // something was put into the body
	restores     []restore   // what the head was before
	signed       bool        // anew, by sign
	chunks       *awsChunked // of the body, if it has such
	stopped      *denial     // by what is in the body
}

// steps is the path of a request up to the point where it leaves.
var steps = [...]func(*exchange) *denial{
	(*exchange).upgrade,      // to a WebSocket is a GET
	(*exchange).pin,          // the authority is the tunnel's
	(*exchange).admit,        // as one of so many
	(*exchange).gated,        // git's requests have a way of their own
	(*exchange).decide,       // route by host, method and path
	(*exchange).scanHead,     // what the agent wrote: URL and headers
	(*exchange).scanDrips,    // short values, with those of the requests before
	(*exchange).prepare,      // the outgoing request, without hop-by-hop headers
	(*exchange).injectHead,   // placeholders become credentials
	(*exchange).prepareBody,  // a small body is decided here, a large one while it streams
	(*exchange).onlyQueries,  // where the route says so of GraphQL
	(*exchange).sign,         // what was signed with a placeholder
	(*exchange).askOperator,  // while the request is held
	(*exchange).withinBudget, // with all that left before
	(*exchange).journal,      // before the first byte goes upstream
}

func (x *exchange) serve() {
	if x.tunnel != nil && x.tunnel.refusal != nil {
		x.refuse(x.tunnel.refusal)
		return
	}
	for _, step := range steps {
		if d := step(x); d != nil {
			x.deny(d)
			return
		}
		if x.handed {
			return
		}
	}
	x.forward()
}

// serveInner takes the requests of all tunnels.
func (s *Server) serveInner(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(net.Conn)
	t := tunnelOf(c)
	if t == nil { // cannot happen; without a tunnel nothing is known to be allowed
		panic(http.ErrAbortHandler)
	}
	s.serveExchange(w, r, t, t.session)
}

func (s *Server) serveExchange(w http.ResponseWriter, r *http.Request, t *tunnel, session string) {
	s.exchange(w, r, t, session, (*exchange).serve)
}

// exchange makes one of a request and has it served.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, t *tunnel, session string, serve func(*exchange)) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	snap := s.use()
	if snap == nil {
		panic(http.ErrAbortHandler)
	}
	defer snap.leave()
	x := &exchange{s: s, snap: snap, lent: snap, tunnel: t, guard: frameGuardOf(r), session: session, id: s.nextID(), start: time.Now(),
		ctx: ctx, cancel: cancel, w: w, rc: http.NewResponseController(w), r: r}
	// Without it net/http reads the whole upload before the first byte of the
	// answer. HTTP/2 is full duplex already and says so by an error.
	_ = x.rc.EnableFullDuplex()
	defer x.rescue()
	defer x.giveBack()
	defer func() { x.body.finish() }() // which may be there by then
	serve(x)
}

// rescue keeps a panic out of net/http, which would only close the connection:
// the operator's log gets to know.
func (x *exchange) rescue() {
	p := recover()
	if p == nil {
		return
	}
	if p != http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
		x.s.log.Error("panic in an exchange", "id", x.id, "panic", p)
	}
	panic(http.ErrAbortHandler)
}

// pin holds the request to the authority that was decided on at CONNECT. A
// port may be missing (gRPC sends none); it must not differ.
func (x *exchange) pin() *denial {
	if d := refusedHead(x.r); d != nil {
		return d
	}
	if x.r.ProtoMajor == 2 {
		if err := checkHead2(x.r); err != nil {
			return ambiguousHead(err)
		}
	}
	if x.r.Method == http.MethodConnect {
		return &denial{status: http.StatusBadRequest, rule: "nested-connect", message: "CONNECT inside a tunnel is not allowed"}
	}
	// An opaque URL ("https:x") would be sent as it is, past path rules and scan.
	if x.r.URL.Opaque != "" {
		return &denial{status: http.StatusBadRequest, rule: "bad-target", message: "the request target is neither a path nor a URL with a host"}
	}
	if x.tunnel == nil {
		return x.absoluteTarget()
	}
	t := x.tunnel
	x.keepFindings(t.findings)
	x.target = Target{Scheme: t.scheme, Host: t.host, Port: t.port}
	if x.r.Host == t.host && x.r.URL.Scheme == "" {
		return nil // as nearly all are
	}
	host, port := x.r.Host, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	}
	canonical, err := CanonicalHost(host)
	wrongPort := port != "" && port != strconv.Itoa(t.port)
	wrongScheme := x.r.URL.Scheme != "" && x.r.URL.Scheme != t.scheme
	if x.r.Host == "" && !x.r.ProtoAtLeast(1, 1) {
		return nil // HTTP/1.0 without a Host means the tunnel's
	}
	if err != nil || canonical != t.host || wrongPort || wrongScheme {
		return &denial{status: http.StatusMisdirectedRequest, rule: "authority-mismatch", message: fmt.Sprintf(
			"this connection was opened to %s and can only carry requests for it, not for %s", joinHostPort(t.host, t.port), headerText(x.r.Host))}
	}
	return nil
}

func (x *exchange) absoluteTarget() *denial {
	host, port := x.r.URL.Hostname(), 80
	if p := x.r.URL.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return &denial{status: http.StatusBadRequest, rule: "bad-target", message: "the URL's port is not valid"}
		}
		port = int(n)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	canonical, err := CanonicalHost(host)
	if err != nil {
		return &denial{status: http.StatusBadRequest, rule: "bad-target", message: "the URL's host is not valid: " + err.Error()}
	}
	x.target = Target{Scheme: "http", Host: canonical, Port: port}
	// The name as it was written: canonical form has lost the case of letters.
	findings, stop := x.snap.scanText("url", x.r.URL.Host, canonical)
	x.keepFindings(findings)
	return stop
}

// decide routes by host, method and path.
func (x *exchange) decide() *denial {
	x.target.Method, x.target.Path = x.r.Method, x.r.URL.EscapedPath()
	x.decision = x.decideTarget()
	x.route = x.decision.Route
	x.hostSecrets = x.snap.hostSecrets(x.target.Host)
	if x.decision.Action == Deny {
		return denyPolicy(x.decision.about(x.shownTarget()))
	}
	if d := x.overridden(); d != nil {
		return d
	}
	if x.socket != nil && x.socket.bad != nil {
		return x.socket.bad
	}
	if x.socket != nil && x.virtual() != nil {
		return noUpgrade(protoWebSocket, x.target.Host)
	}
	// An upgrade to h2c is an offer that may be ignored (RFC 9110, section 7.8);
	// Java's client makes it with every request.
	if up := x.r.Header.Get("Upgrade"); x.socket == nil && up != "" && !strings.EqualFold(up, "h2c") && hasToken(x.r.Header["Connection"], "upgrade") && !x.r.ProtoAtLeast(2, 0) {
		return noUpgrade(up, x.target.Host)
	}
	return nil
}

// prepare makes the outgoing request from what may go on.
func (x *exchange) prepare() *denial {
	out := x.r.WithContext(x.traced())
	u := *x.r.URL
	u.User = nil // never sent, and never scanned
	u.Scheme, u.Host = x.target.Scheme, joinHostPort(x.target.Host, x.target.Port)
	x.keepPath(&u)
	out.URL, out.RequestURI, out.Close = &u, "", false
	// The client's own spelling may be signed; one that only canonicalises to
	// the host is not passed on, since the upstream might read it otherwise.
	if host, _, _ := strings.Cut(x.r.Host, ":"); !strings.EqualFold(host, x.target.Host) {
		out.Host = authority(x.target.Scheme, x.target.Host, x.target.Port)
	}
	out.Header = x.r.Header.Clone()
	trailers := hasToken(out.Header["Te"], "trailers")
	stripHopByHop(out.Header)
	if trailers {
		out.Header.Set("Te", "trailers")
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // or the Transport adds its own
	}
	if len(x.hostSecrets.names) > 0 || x.isModel() {
		x.limitCodings(out.Header)
	}
	dropNoFields(x.r.Trailer) // with such the Transport would send nothing
	out.Trailer = x.r.Trailer
	x.out = out
	return nil
}
