package proxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
)

// frontHandler takes what clients send to the proxy itself: CONNECT, which
// goproxy turns into tunnels, and plain http requests in absolute form.
type frontHandler struct {
	s         *Server
	auth      authenticator
	strangers strangers
}

func (f *frontHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d := refusedHead(r); d != nil {
		f.turnAway(w, r, d)
		return
	}
	session, ok := f.auth.session(r)
	if !ok {
		f.turnAway(w, r, &denial{status: http.StatusProxyAuthRequired, rule: "proxy-auth",
			message: "this proxy wants the password that stands in the printed HTTPS_PROXY"})
		return
	}
	r.Header.Del("Proxy-Authorization")
	r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, session))
	switch {
	case r.Method == http.MethodConnect:
		if g, ok := r.Context().Value(connKey{}).(*headGuard); ok {
			defer g.place.leave() // unless it became a tunnel, and has
		}
		f.s.door.ServeHTTP(hijackReplay{w}, r)
	case r.URL.IsAbs() && r.URL.Scheme == "http":
		asteriskForm(r)
		f.s.serveExchange(w, r, nil, session)
	case r.URL.IsAbs():
		// The client would have sent its credentials in clear.
		f.s.deny(w, r, session, &denial{status: http.StatusBadRequest, rule: "absolute-form",
			message: fmt.Sprintf("a %s URL was sent to the proxy in clear; set HTTPS_PROXY so that the client uses CONNECT", headerText(r.URL.Scheme))})
	default:
		f.s.deny(w, r, session, &denial{status: http.StatusNotFound, rule: "not-a-proxy-request",
			message: "this is bottle's egress proxy: set HTTPS_PROXY and HTTP_PROXY to its address instead of opening it as a server"})
	}
}

// turnAway denies what came without a password. On a listener that asks for
// one it may come from anybody, who must not get to fill the journal.
func (f *frontHandler) turnAway(w http.ResponseWriter, r *http.Request, d *denial) {
	if f.auth.open {
		f.s.deny(w, r, "", d)
		return
	}
	id := f.s.nextID()
	if more, tell := f.strangers.next(time.Now()); tell {
		reason := d.message
		if more > 0 {
			reason += fmt.Sprintf(" (%d more were turned away since the line before)", more)
		}
		f.s.recordDenial(r, "", id, d, reason)
	}
	d.write(w, r, id)
}

// strangers says which of the refusals to unknown clients are journalled: one in
// each strangerInterval, with the number of those before it that were not.
type strangers struct {
	mu   sync.Mutex
	told time.Time
	more int
}

func (s *strangers) next(now time.Time) (more int, tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.told.IsZero() && now.Sub(s.told) < strangerInterval {
		s.more++
		return 0, false
	}
	more, s.more, s.told = s.more, 0, now
	return more, true
}

type sessionKey struct{}

// newDoor sets goproxy up as the front door. It parses CONNECT and asks
// connect below; the bytes behind it never go through goproxy's own pipeline.
func newDoor(s *Server) *goproxy.ProxyHttpServer {
	door := goproxy.NewProxyHttpServer()
	door.Logger = log.New(io.Discard, "", 0)
	// Neither is used; the defaults would trust anything and read the environment.
	door.Tr, door.ConnectDial = &http.Transport{}, nil
	door.OnRequest().HandleConnectFunc(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: func(r *http.Request, client net.Conn, _ *goproxy.ProxyCtx) {
			session, _ := r.Context().Value(sessionKey{}).(string)
			// The tunnel outlives this request; nothing of its context is kept.
			leave := func() {}
			if g, ok := r.Context().Value(connKey{}).(*headGuard); ok {
				leave = g.place.leave
			}
			s.connect(host, session, client, clientOf(r.Header), leave)
		}}, host
	})
	return door
}

// hijackReplay keeps what the client sent right behind its CONNECT: goproxy
// would drop what is still buffered.
type hijackReplay struct{ http.ResponseWriter }

func (h hijackReplay) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// Bytes are copied out; reading on through the bufio would tie the tunnel
	// to a buffer that net/http may reuse.
	early := make([]byte, rw.Reader.Buffered())
	if _, err := io.ReadFull(rw.Reader, early); err != nil {
		conn.Close()
		return nil, nil, err
	}
	if g, ok := conn.(*headGuard); ok {
		raw, rest := g.unwrap()
		conn, early = raw, append(early, rest...)
	}
	_ = conn.SetDeadline(time.Time{})
	conn = &replayConn{Conn: conn, early: early}
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(strings.NewReader(""), 16), bufio.NewWriterSize(conn, 16)), nil
}

// replayConn reads what was received earlier first.
type replayConn struct {
	net.Conn
	early []byte
}

func (c *replayConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

func (c *replayConn) CloseWrite() error {
	return closeWrite(c.Conn)
}

// deny answers a request that never became an exchange.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, session string, d *denial) {
	id := s.nextID()
	s.recordDenial(r, session, id, d, d.message)
	d.write(w, r, id)
}

func (s *Server) recordDenial(r *http.Request, session, id string, d *denial, reason string) {
	host, port, err := splitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, 0
	}
	snap := s.use()
	if snap == nil {
		return // there is nobody to read it
	}
	defer snap.leave()
	proto := strings.ToLower(r.Proto)
	if r.Method == http.MethodConnect {
		proto = "connect"
	}
	_ = s.record(&Event{Type: EventDecision, ID: id, Session: session, Proto: proto, Method: snap.redactText(r.Method),
		Host: snap.redactText(host), Port: port, Verdict: Deny, Rule: d.rule, Reason: snap.redactText(reason), Status: d.status})
}

// authenticator maps Proxy-Authorization to a session.
type authenticator struct {
	open     bool
	fallback string
	digests  map[[sha256.Size]byte]string
}

func newAuthenticator(opts ListenOptions) authenticator {
	a := authenticator{open: len(opts.Credentials) == 0, fallback: opts.Session, digests: map[[sha256.Size]byte]string{}}
	for _, c := range opts.Credentials {
		a.digests[sha256.Sum256([]byte(c.User+":"+c.Password))] = c.Session
	}
	return a
}

// session takes the same time whatever is presented: digests are compared, not
// passwords.
func (a authenticator) session(r *http.Request) (string, bool) {
	if a.open {
		return a.fallback, true
	}
	scheme, encoded, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	got := sha256.Sum256(raw)
	session, ok := "", false
	for want, name := range a.digests {
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			session, ok = name, true
		}
	}
	return session, ok
}
