package mitm

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// maxLeafValidity bounds the time from the first to the last moment at
	// which a leaf is valid.
	maxLeafValidity = 72 * time.Hour
	// defaultLeafValidity is how long a leaf is valid after its making.
	defaultLeafValidity = 48 * time.Hour
	// defaultCacheSize is how many leaves a Minter keeps, about 4 KB each.
	defaultCacheSize = 1024
	// mintsPerSecond and mintBurst bound how much signing (0.1 ms each) a client
	// that asks for ever new names can cause.
	mintsPerSecond = 100
	mintBurst      = 512
	// maxClients is how many clients are told apart; others count as one.
	maxClients = 1024
)

// ErrTooManyNames means that a client asked for leaves of new names faster than
// they are minted. It passes within a second.
var ErrTooManyNames = errors.New("mitm: too many new host names at a time")

// MinterOptions bounds a Minter. The zero value is useful.
type MinterOptions struct {
	// CacheSize is how many leaves are kept; 0 is 1024. The one not used for
	// the longest time goes first.
	CacheSize int
	// Validity is how long a leaf is valid after its making; 0 is 48 hours. With
	// the hour before its making it is cut to 72 hours.
	Validity time.Duration
	// Now is the clock; nil is the authority's.
	Now func() time.Time
}

// Minter signs the leaf certificates of one authority and keeps them. It is
// safe for concurrent use.
//
// All leaves have one P-256 key: who can read one key of this process can read
// the authority's too, so keys of their own would protect nothing, and making
// one costs as much as a signature.
type Minter struct {
	ca       *Authority
	key      *ecdsa.PrivateKey
	signer   *leafSigner
	size     int
	validity time.Duration
	now      func() time.Time

	mu      sync.Mutex
	leaves  map[string]*list.Element // of *leaf
	recent  *list.List               // the last used in front
	clients map[string]*allowance
}

// NewMinter makes the shared leaf key. It fails when the authority has expired.
func NewMinter(ca *Authority, opts MinterOptions) (*Minter, error) {
	if opts.CacheSize <= 0 {
		opts.CacheSize = defaultCacheSize
	}
	if opts.Validity <= 0 {
		opts.Validity = defaultLeafValidity
	}
	if opts.Now == nil {
		opts.Now = ca.now
	}
	if err := ca.usable(opts.Now()); err != nil {
		return nil, fmt.Errorf("mitm: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("mitm: generate the leaf key: %w", err)
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	signer, err := newLeafSigner(ca, &key.PublicKey, id)
	if err != nil {
		return nil, err
	}
	return &Minter{
		ca:       ca,
		key:      key,
		signer:   signer,
		size:     opts.CacheSize,
		validity: min(opts.Validity, maxLeafValidity-backdate),
		now:      opts.Now,
		leaves:   map[string]*list.Element{},
		recent:   list.New(),
		clients:  map[string]*allowance{},
	}, nil
}

// Authority returns who signs.
func (m *Minter) Authority() *Authority { return m.ca }

// TLSConfig returns the configuration of all connections: TLS 1.2 or later, h2
// and http/1.1, session tickets that later connections to the same name can
// use.
//
// name says which host a connection is for, in canonical form (lower-case
// punycode without a final dot, or an IP address); what the client put into its
// ClientHello is for name to look at or to ignore. It is called for every
// handshake, also one that resumes a session. The ticket keys are the host's,
// so that a session of one host is never resumed where name says another.
//
// With a client on this machine, keys are agreed on without what protects a
// recording from a quantum computer: nobody records there, and it is a quarter of
// a handshake's CPU.
func (m *Minter) TLSConfig(name func(*tls.ClientHelloInfo) (string, error)) *tls.Config {
	return m.SharedTLSConfig(func(hello *tls.ClientHelloInfo) (host, client string, err error) {
		host, err = name(hello)
		return host, "", err
	})
}

// SharedTLSConfig is TLSConfig for several clients, which name tells apart: to one
// that asks for too many new names no other loses its own.
func (m *Minter) SharedTLSConfig(name func(*tls.ClientHelloInfo) (host, client string, err error)) *tls.Config {
	config := baseConfig()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		host, client, err := name(hello)
		if err != nil {
			return nil, err
		}
		l, err := m.hostLeaf(host, client)
		if err != nil {
			return nil, err
		}
		if isLocal(hello.Conn) && slices.ContainsFunc(hello.SupportedCurves, isLocalCurve) {
			return l.local, nil
		}
		return l.config, nil
	}
	return config
}

func baseConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

// hostLeaf returns what serves a host. Handshakes for the same host wait for one
// minting.
func (m *Minter) hostLeaf(host, client string) (*leaf, error) {
	l, mine, err := m.lookup(host, client)
	if err != nil {
		return nil, err
	}
	if mine {
		l.err = m.mint(l)
		close(l.ready)
		if l.err != nil {
			m.forget(l)
		}
	}
	<-l.ready
	return l, l.err
}

// allowance is how many leaves one client may have minted.
type allowance struct {
	tokens float64 // at filled
	filled time.Time
}

// allow takes one leaf from a client's allowance, if there is one left. The caller
// holds m.mu.
func (m *Minter) allow(client string, now time.Time) bool {
	if m.clients[client] == nil && len(m.clients) >= maxClients {
		client = ""
	}
	a := m.clients[client]
	if a == nil {
		a = &allowance{tokens: mintBurst, filled: now}
		m.clients[client] = a
	}
	if passed := now.Sub(a.filled).Seconds(); passed > 0 {
		a.tokens = min(a.tokens+passed*mintsPerSecond, mintBurst)
	}
	a.filled = now
	if a.tokens < 1 {
		return false
	}
	a.tokens--
	return true
}

// lookup finds a leaf, or makes room for one that the caller has to mint.
func (m *Minter) lookup(host, client string) (l *leaf, mine bool, err error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.leaves[host]; ok {
		if l := e.Value.(*leaf); l.fresh(now) {
			m.recent.MoveToFront(e)
			return l, false, nil
		}
		m.remove(e)
	}
	if !m.allow(client, now) {
		return nil, false, ErrTooManyNames
	}
	l = &leaf{name: host, ready: make(chan struct{})}
	m.leaves[host] = m.recent.PushFront(l)
	if m.recent.Len() > m.size {
		m.remove(m.recent.Back())
	}
	return l, true, nil
}

func (m *Minter) remove(e *list.Element) {
	delete(m.leaves, e.Value.(*leaf).name)
	m.recent.Remove(e)
}

// forget removes a leaf that could not be minted.
func (m *Minter) forget(l *leaf) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.leaves[l.name]; ok && e.Value.(*leaf) == l {
		m.remove(e)
	}
}
