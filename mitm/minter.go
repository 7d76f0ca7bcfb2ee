package mitm

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
	keyID    []byte
	size     int
	validity time.Duration
	now      func() time.Time

	mu     sync.Mutex
	leaves map[string]*list.Element // of *leaf
	recent *list.List               // the last used in front
	tokens float64                  // leaves that may be minted at filled
	filled time.Time
}

// leaf is the certificate of one host and what serves it. Once ready is closed
// it does not change.
type leaf struct {
	name   string
	ready  chan struct{}
	err    error
	config *tls.Config
	from   time.Time // valid from
	renew  time.Time // to be minted again from then on
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
	return &Minter{
		ca:       ca,
		key:      key,
		keyID:    id,
		size:     opts.CacheSize,
		validity: min(opts.Validity, maxLeafValidity-backdate),
		now:      opts.Now,
		leaves:   map[string]*list.Element{},
		recent:   list.New(),
		tokens:   mintBurst,
		filled:   opts.Now(),
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
func (m *Minter) TLSConfig(name func(*tls.ClientHelloInfo) (string, error)) *tls.Config {
	config := baseConfig()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		host, err := name(hello)
		if err != nil {
			return nil, err
		}
		return m.hostConfig(host)
	}
	return config
}

func baseConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

// hostConfig returns what serves a host. Handshakes for the same host wait for
// one minting.
func (m *Minter) hostConfig(host string) (*tls.Config, error) {
	l, mine, err := m.lookup(host)
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
	return l.config, l.err
}

// lookup finds a leaf, or makes room for one that the caller has to mint.
func (m *Minter) lookup(host string) (l *leaf, mine bool, err error) {
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
	if passed := now.Sub(m.filled).Seconds(); passed > 0 {
		m.tokens = min(m.tokens+passed*mintsPerSecond, mintBurst)
	}
	m.filled = now
	if m.tokens < 1 {
		return nil, false, ErrTooManyNames
	}
	m.tokens--
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

// fresh reports whether a leaf can be used, or will be when it is minted. A
// clock that was set back makes it as stale as one that went on.
func (l *leaf) fresh(now time.Time) bool {
	select {
	case <-l.ready:
		return !now.Before(l.from) && now.Before(l.renew)
	default:
		return true
	}
}

// mint signs the certificate of a leaf.
func (m *Minter) mint(l *leaf) error {
	now := m.now()
	if err := m.ca.usable(now); err != nil {
		return fmt.Errorf("mitm: certificate for %s: %w", l.name, err)
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             latest(now.Add(-backdate), m.ca.cert.NotBefore),
		NotAfter:              earliest(now.Add(m.validity), m.ca.cert.NotAfter),
		SubjectKeyId:          m.keyID,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if err := setSubject(template, l.name); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, m.ca.cert, &m.key.PublicKey, m.ca.key)
	if err != nil {
		return fmt.Errorf("mitm: sign the certificate for %s: %w", l.name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("mitm: parse the certificate for %s: %w", l.name, err)
	}
	var ticketKey [32]byte
	if _, err := rand.Read(ticketKey[:]); err != nil {
		return fmt.Errorf("mitm: draw a ticket key: %w", err)
	}
	l.config = baseConfig()
	l.config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: m.key, Leaf: cert}}
	l.config.SetSessionTicketKeys([][32]byte{ticketKey})
	l.from = cert.NotBefore
	l.renew = cert.NotAfter
	if early := now.Add(m.validity * 3 / 4); early.Before(l.renew) {
		l.renew = early
	}
	return nil
}

// setSubject names the host in a certificate. It fails on what is not in
// canonical form: the same host must not have two leaves, and nothing that is
// no host gets one.
func setSubject(c *x509.Certificate, host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || addr.Unmap().String() != host {
			return fmt.Errorf("mitm: the address %q is not in canonical form", host)
		}
		c.IPAddresses = []net.IP{addr.AsSlice()}
	} else if err := checkName(host); err != nil {
		return fmt.Errorf("mitm: no certificate for %q: %w", host, err)
	} else {
		c.DNSNames = []string{host}
	}
	const maxCommonName = 64 // RFC 5280, appendix A
	if len(host) <= maxCommonName {
		c.Subject = pkix.Name{CommonName: host}
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
