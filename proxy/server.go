package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elazarl/goproxy"
	"golang.org/x/sync/semaphore"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/mitm"
)

// Options is what a Server needs besides its Config. Leaves and Recorder must
// be set.
type Options struct {
	// Leaves signs the certificates that intercepted clients see.
	Leaves *mitm.Minter
	// Recorder keeps the journal. A request is not sent unless its decision
	// could be recorded.
	Recorder Recorder
	// Bodies keeps bodies, where Config.RecordBodies says so; nil keeps none.
	Bodies BodyStore
	// Ask puts a question to the operator and waits for the answer. When it is
	// nil, what would be asked is denied.
	Ask func(ctx context.Context, q Question) (Answer, error)
	// Hosts are virtual hosts, by their canonical name, which the server answers
	// itself on https and port 443. A request to one goes the way of all others:
	// it is scanned, journalled and redacted. No route concerns it, and none leads
	// to an upstream of that name.
	Hosts map[string]http.Handler
	// Resolver is used for upstream names; nil is the system's.
	Resolver *net.Resolver
	// Now is the time that signatures are held to; nil is the clock's.
	Now func() time.Time
	// Logger gets what the operator should know and the journal does not hold;
	// nil discards it.
	Logger *slog.Logger
}

// Question is a request that waits for the operator.
type Question struct {
	ID       string
	Session  string
	Target   Target
	Path     string // with the query, redacted as in the journal
	Length   int64  // of the body, -1 when it is not declared
	Rule     string
	Findings []EventFinding
	// Detail says what is asked for in lines, where the target does not, as of a push.
	Detail []string
	// Route is the one that asks; nil when the default does, and of a push.
	Route *Route
	// Gated is a question of a Gate, as about a push, which no route decides.
	Gated bool
	// Refs are all that a push has, as the client wrote them.
	Refs []string
	// Budget names the limit that a question is about, "" for none: a yes is as much
	// again. The Target has no more than a host then, and that only where the limit
	// has one.
	Budget string
	// Over says in words which limit that is, "" where it is none of a number, as that of
	// new hosts.
	Over string
}

// Answer is the operator's. The zero value is a denial.
type Answer struct {
	Allow  bool
	Reason string // of a denial, told to the agent
}

// ListenOptions says who is behind a listener.
type ListenOptions struct {
	// Session names the bottle that owns the listener.
	Session string
	// Credentials, when there are any, must be presented as Basic
	// Proxy-Authorization; each is a session of its own.
	Credentials []Credential
}

// Credential lets one agent use a listener that others can reach too.
type Credential struct{ Session, User, Password string }

// Server is the egress proxy. Create it with New. All methods are safe for
// concurrent use.
//
// WebSockets are carried in HTTP/1.1. In HTTP/2 (RFC 8441) they are too, with
// upstreams that have them there and others, but only in a process that was started
// with GODEBUG=http2xconnect=1: net/http has no other switch for its servers, and it
// is one of the whole process, so this package leaves it alone. Without it no client
// is offered WebSockets in HTTP/2, and clients take HTTP/1.1.
type Server struct {
	opts  Options
	log   *slog.Logger
	ctx   context.Context // of everything the server does; ends with Close
	stop  context.CancelFunc
	door  *goproxy.ProxyHttpServer
	tls   *tls.Config
	inner *http.Server
	inbox *tunnelListener
	runID string
	seq   atomic.Uint64

	budget     *budget
	lateHeads  lates
	lateReads  lates
	socketIdle time.Duration // the limit of that name, but in tests

	recorded *semaphore.Weighted // bytes of bodies that are being recorded
	keeping  sync.WaitGroup      // exchanges that have ended and whose bodies are not written yet
	keepOne  sync.Mutex

	reloading sync.Mutex // serialises the building of snapshots
	current   atomic.Pointer[snapshot]
	ended     atomic.Bool

	dlpMu       sync.Mutex
	dlpEngine   *dlp.Engine             // of the newest snapshot
	dlpSessions map[string]*dlp.Session // by name; as many as listeners and credentials

	hashKey    [32]byte // of markers, in all configurations
	accountsMu sync.Mutex
	accounts   map[string]*account // by session; as many as listeners and credentials
	markersMu  sync.Mutex
	markers    map[string]*markers // by session; as many as listeners and credentials
	tables     tableRoom

	mu      sync.Mutex
	closing bool
	tunnels map[*tunnel]struct{}
	ofEach  map[string]int // tunnels by session
	h2Each  map[string]int // those with HTTP/2
	fronts  map[*http.Server]net.Listener
	active  sync.WaitGroup // tunnels
}

// New checks the configuration, resolves the values of its secrets and returns
// a Server that listens nowhere yet.
func New(ctx context.Context, cfg Config, opts Options) (*Server, error) {
	if opts.Leaves == nil || opts.Recorder == nil {
		return nil, errors.New("proxy: Options.Leaves and Options.Recorder are needed")
	}
	var id [5]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	s := &Server{
		opts:      opts,
		log:       opts.Logger,
		runID:     strings.ToLower(base32.StdEncoding.EncodeToString(id[:])),
		inbox:     newTunnelListener(),
		lateHeads: lates{wait: headFlush}, lateReads: lates{wait: smallBodyTimeout},
		budget: newBudget(), socketIdle: socketIdle, recorded: semaphore.NewWeighted(maxRecorded),
		tunnels:  map[*tunnel]struct{}{},
		markers:  map[string]*markers{},
		accounts: map[string]*account{},
		ofEach:   map[string]int{},
		h2Each:   map[string]int{},
		fronts:   map[*http.Server]net.Listener{},
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	_, _ = rand.Read(s.hashKey[:]) // never fails (crypto/rand)
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	snap, err := s.newSnapshot(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.replace(snap)
	s.tls = opts.Leaves.SharedTLSConfig(leafName)
	s.door = newDoor(s)
	s.inner = s.newHTTPServer(http.HandlerFunc(s.serveTunnel))
	// Guards stand between TLS and this server, so it sees none.
	s.inner.Protocols = new(http.Protocols)
	s.inner.Protocols.SetHTTP1(true)
	s.inner.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.inner.Serve(s.inbox) }() // ends with http.ErrServerClosed
	return s, nil
}

// newHTTPServer has what the front servers and the inner one share.
func (s *Server) newHTTPServer(h http.Handler) *http.Server {
	h2 := receiveWindows()
	h2.MaxConcurrentStreams = maxStreams
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            headerTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // OPTIONS * is the upstream's to answer
		ErrorLog:                     log.New(io.Discard, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return s.ctx },
		ConnContext:                  connContext,
		ConnState:                    s.connState,
		HTTP2:                        h2,
	}
}

// Serve accepts clients on l until Shutdown or Close, and then returns
// http.ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener, opts ListenOptions) error {
	front := s.newHTTPServer(&frontHandler{s: s, auth: newAuthenticator(opts)})
	front.MaxHeaderBytes = maxFrontHead
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		l.Close()
		return http.ErrServerClosed
	}
	s.fronts[front] = l
	s.mu.Unlock()
	return front.Serve(newGuardListener(l))
}

// Reload replaces the configuration. Running exchanges end under the old one;
// tunnels that the new one denies or treats differently are closed. On an error
// nothing changes.
func (s *Server) Reload(ctx context.Context, cfg Config) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	snap, err := s.newSnapshot(ctx, cfg)
	if err != nil {
		return err
	}
	s.replace(snap)
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tunnels {
		if d := s.decideHost(snap, t.host, t.port); d.Action == Deny || modeOf(d.Route) != t.mode {
			t.close()
		}
	}
	return nil
}

// replace swaps the snapshot in. The caller holds s.reloading.
func (s *Server) replace(snap *snapshot) {
	s.useEngine(snap)
	old := s.current.Swap(snap)
	if old == nil {
		return
	}
	if old.upstreams != snap.upstreams {
		old.upstreams.close()
	}
	old.retire(snap)
	if s.ended.Load() {
		snap.retire(nil)
	}
}

// Shutdown stops accepting, lets running exchanges end and closes the rest
// when ctx is done. It returns ctx's error when it had to.
func (s *Server) Shutdown(ctx context.Context) error {
	fronts := s.beginClose()
	s.closeTunnels(func(t *tunnel) bool { return t.idle() })
	// All at once: an exchange that goes on must not keep idle connections open.
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		for _, f := range append(fronts, s.inner) {
			wg.Go(func() {
				if f.Shutdown(ctx) != nil {
					_ = f.Close()
				}
			})
		}
		wg.Wait()
		s.active.Wait()
	}()
	select {
	case <-done:
		s.end()
		return nil
	case <-ctx.Done():
		s.end()
		return ctx.Err()
	}
}

// FurtherPorts returns the ports, beside 80 and 443, that the routes which are in
// force list for a host.
func (s *Server) FurtherPorts(host string) []int { return s.current.Load().Policy.FurtherPorts(host) }

// Redact returns a text in which everything that the scanner finds is replaced, as it is
// in what the server writes into the journal.
func (s *Server) Redact(text string) string { return s.current.Load().redactText(text) }

func (s *Server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Close ends everything at once.
func (s *Server) Close() error {
	for _, f := range s.beginClose() {
		_ = f.Close()
	}
	err := s.inner.Close()
	s.end()
	return err
}

func (s *Server) end() {
	s.closeTunnels(func(*tunnel) bool { return true })
	s.stop()
	s.active.Wait()
	s.keeping.Wait()
	s.inbox.Close()
	s.ended.Store(true) // for a reload that is under way
	snap := s.current.Load()
	snap.upstreams.close()
	snap.retire(nil)
}

func (s *Server) beginClose() []*http.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	fronts := make([]*http.Server, 0, len(s.fronts))
	for f := range s.fronts {
		fronts = append(fronts, f)
	}
	clear(s.fronts)
	return fronts
}

func (s *Server) closeTunnels(which func(*tunnel) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tunnels {
		if which(t) {
			t.close()
		}
	}
}

// nextID names an exchange: unique in a run, and across runs by its prefix.
func (s *Server) nextID() string {
	return s.runID + "-" + strconv.FormatUint(s.seq.Add(1), 10)
}

// record writes an event of its own time.
func (s *Server) record(e *Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if err := s.opts.Recorder.Record(s.ctx, e); err != nil {
		s.log.Error("journal", "error", err)
		return err
	}
	return nil
}
