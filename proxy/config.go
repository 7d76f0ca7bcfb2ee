package proxy

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

// Config is the part of a Server that Reload replaces.
type Config struct {
	Policy *Policy
	// Scan says what the scanner looks for. The values and placeholders of
	// Secrets are added to its known values.
	Scan dlp.Options
	// DLP says what happens with a finding.
	DLP dlp.Policy
	// Secrets are what routes may have injected.
	Secrets []Secret
	// Canned are answers that the proxy gives itself.
	Canned []Canned
	// KeepValues says that Reload asks for no value of a secret that the server
	// has already: what takes away must not fail because a value cannot be got.
	KeepValues bool
	// RootCAs verify upstreams; nil means the system's.
	RootCAs *x509.CertPool
	// UpstreamProxy is used for all routes that are not private.
	UpstreamProxy *UpstreamProxy
	// Gate takes git's requests; nil is none.
	Gate Gate
	// Budgets bound what each session sends and uses.
	Budgets Budgets
	// RecordBodies has the bodies of HTTP exchanges kept in Options.Bodies: at most
	// 256 KiB of each, redacted. Those of git, of WebSockets and of what was denied are
	// not, and what cannot be looked through is not either.
	RecordBodies bool
	// AskTimeout bounds the wait for the operator; 0 means 3 minutes.
	AskTimeout time.Duration
}

// Secret is a credential that the agent only has a placeholder for.
type Secret struct {
	Name        string
	Placeholder string
	Inject      Inject
	// Hosts, if there are any, are the only ones that it goes to, by their canonical
	// names: a route for another host that allows it is of no use.
	Hosts []string
	// Value returns the credential. It is called for each request that needs
	// it, from many goroutines, and should cache.
	Value func(context.Context) (string, error)
	// Renew, if not nil, returns a value to use instead of one that an upstream has
	// refused with 401. It is called from many goroutines, each time it happens, and
	// should renew once for all of them.
	Renew func(ctx context.Context, refused string) (string, error)
	// Beside, if not nil, returns headers that are set beside the credential, where
	// one was put into the head of a request.
	Beside func(context.Context) (map[string]string, error)
}

// Canned is an answer to a request that the policy allows and that no upstream is
// asked for: a client that wants to renew a login need not, when the host does. The
// request is scanned and journalled as any other.
type Canned struct {
	Method, Host, Path string // exact, in canonical form
	// ContentType and Body are of the answer, which is a 200.
	ContentType, Body string
}

// Inject says in which places of a request a placeholder is replaced. The zero
// value means any header, Basic credentials included.
type Inject struct {
	Headers []string // names; "*" is any
	Bearer  bool     // Authorization: Bearer or token
	Basic   bool     // inside the base64 of Authorization: Basic
	Query   []string // parameters; "*" is any
	Body    bool
	SigV4   *SigV4 // the signatures of AWS, and no place at all
}

func (in Inject) zero() bool {
	return len(in.Headers) == 0 && !in.Bearer && !in.Basic && len(in.Query) == 0 && !in.Body && in.SigV4 == nil
}

// maxPastValues bounds how many earlier values of a secret stay known after it
// changed: responses and the agent's text may still hold them.
const maxPastValues = 4

// snapshot is a Config made ready. It is immutable but for its caches.
type snapshot struct {
	Config
	engine    *dlp.Engine
	redacts   bool // the policy has something redacted
	inBodies  bool // some secret is injected into bodies
	ignores   bool // neither the policy nor an injection wants to know what is in bodies
	scanners  sync.Pool
	former    former
	namable   []namable
	names     cleanNames // of fields
	hosts     cleanNames
	clean     cleanParts
	secrets   []*secretState
	byName    map[string]*secretState
	upstreams *upstreams
	inUse     inUse

	mu         sync.Mutex
	redactions map[string]*redaction // by secretSet.key; bounded by the numbers of routes and former grants
}

type secretState struct {
	Secret
	value string
	past  []string
}

// values are all that the secret is known to be or to have been.
func (st *secretState) values() []string { return append([]string{st.value}, st.past...) }

// newSnapshot resolves and compiles cfg. The caller holds s.reloading, except
// in New.
func (s *Server) newSnapshot(ctx context.Context, cfg Config) (*snapshot, error) {
	old := s.current.Load()
	return s.compile(cfg, func(sec Secret) (string, error) {
		if cfg.KeepValues && old != nil {
			if st := old.secret(sec.Name); st != nil && st.Placeholder == sec.Placeholder {
				return st.value, nil
			}
		}
		return sec.Value(ctx)
	})
}

func (s *Server) compile(cfg Config, resolve func(Secret) (string, error)) (*snapshot, error) {
	if cfg.Policy == nil {
		return nil, errors.New("proxy: Config.Policy is needed")
	}
	if cfg.AskTimeout <= 0 {
		cfg.AskTimeout = defaultAskTimeout
	}
	old := s.current.Load()
	snap := &snapshot{Config: cfg, redacts: redacts(cfg.DLP), byName: map[string]*secretState{}, redactions: map[string]*redaction{}}
	for _, sec := range cfg.Secrets {
		v, err := resolve(sec)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", sec.Name, err)
		}
		st := &secretState{Secret: sec, value: v}
		if old != nil {
			st.inherit(old.known(sec.Name))
		}
		snap.secrets = append(snap.secrets, st)
		snap.byName[sec.Name] = st
		snap.inBodies = snap.inBodies || sec.Inject.Body
	}
	snap.ignores = ignores(cfg.DLP) && !snap.inBodies
	for _, r := range cfg.Policy.Routes() {
		for _, name := range r.Secrets {
			if snap.secret(name) == nil {
				return nil, fmt.Errorf("%s names the secret %q, which is not configured", r.Rule(), name)
			}
		}
	}
	if err := snap.checkSigV4(); err != nil {
		return nil, err
	}
	if old != nil {
		snap.remember(old)
	}
	var err error
	scan := snap.Scan
	scan.Known, scan.Sessions, scan.HashKey = snap.knownTexts(), true, s.hashKey
	if snap.engine, err = dlp.New(scan); err != nil {
		return nil, err
	}
	snap.namable = namables(scan.Known)
	snap.scanners.New = func() any { return snap.engine.NewScanner() }
	if old != nil && old.RootCAs == cfg.RootCAs && old.UpstreamProxy == cfg.UpstreamProxy {
		snap.upstreams = old.upstreams
	} else {
		snap.upstreams = newUpstreams(&dialer{resolver: s.opts.Resolver, own: s.ownListener, proxy: cfg.UpstreamProxy, roots: cfg.RootCAs})
	}
	return snap, nil
}

// checkSigV4 holds the parts of credentials of AWS together.
func (snap *snapshot) checkSigV4() error {
	for _, st := range snap.secrets {
		of := st.Inject.SigV4
		if of == nil {
			continue
		}
		for _, name := range []string{of.KeyID, of.Token} {
			if snap.secret(name) == nil && (name != "" || of.KeyID == "") {
				return fmt.Errorf("the secret %s names the secret %q as a part of its credential, which is not configured", st.Name, name)
			}
		}
	}
	return nil
}

// inherit keeps the values that a secret had before.
func (st *secretState) inherit(old *secretState) {
	if old == nil {
		return
	}
	st.past = slices.Clone(old.past)
	if old.value != st.value {
		st.past = append(st.past, old.value)
	}
	if n := len(st.past) - maxPastValues; n > 0 {
		st.past = st.past[n:]
	}
}

func (snap *snapshot) secret(name string) *secretState { return snap.byName[name] }

// secretValue returns the current value of a secret, and a snapshot that knows
// it. A value that changed since the snapshot was built is made known to the
// scanner and the redaction before it is used for the first time.
func (s *Server) secretValue(ctx context.Context, snap *snapshot, st *secretState) (string, *snapshot, error) {
	v, err := st.Value(ctx)
	if err != nil {
		return "", nil, err
	}
	if v == st.value {
		return v, snap, nil
	}
	if now := s.current.Load(); now.knows(st.Name, v) {
		return v, now, nil
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	now := s.current.Load()
	if now.knows(st.Name, v) {
		return v, now, nil
	}
	if now.secret(st.Name) == nil {
		return "", nil, errors.New("it was removed from the configuration")
	}
	// The other secrets keep their values: asking for them could fail, and
	// would say nothing about this one.
	next, err := s.compile(now.Config, func(sec Secret) (string, error) {
		if sec.Name == st.Name {
			return v, nil
		}
		return now.secret(sec.Name).value, nil
	})
	if err != nil {
		return "", nil, err
	}
	s.replace(next)
	return v, next, nil
}

func (snap *snapshot) knows(name, value string) bool {
	st := snap.secret(name)
	return st != nil && (st.value == value || slices.Contains(st.past, value))
}
