package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
)

// upstreams holds the connection pools of one configuration. Connections are
// shared between requests only where the same guard and the same dial target
// apply to both.
type upstreams struct {
	dialer    *dialer
	tls       *tls.Config
	open      atomic.Int64 // connections of the pools
	most      int64        // of them, from which on those that are idle are closed
	lateHeads lates

	mu    sync.Mutex
	pools map[poolKey]*http.Transport
	// noConnect are upstreams without WebSockets in HTTP/2, onlyH2 those that speak
	// nothing else.
	noConnect, onlyH2 remembered
}

// poolKey is what two requests must have in common to share connections
// besides scheme and host. There are at most four times as many as routes.
type poolKey struct {
	h2, private bool
	h2c         bool // HTTP/2 without TLS, as the client knew that it is spoken there
	plain       bool // http through an upstream proxy, in absolute form
	upstream    string
}

func newUpstreams(d *dialer) *upstreams {
	return &upstreams{
		dialer:    d,
		most:      maxUpstreamConns,
		lateHeads: lates{wait: headFlush},
		tls: &tls.Config{
			RootCAs:            d.roots,
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(256),
		},
		pools: map[poolKey]*http.Transport{},
	}
}

// transport returns the pool for requests of a route. The upstream is spoken
// to in the client's protocol: translating between HTTP/1.1 and HTTP/2 costs
// nearly twice the CPU, and loses what only one of them can say.
func (u *upstreams) transport(h2 bool, scheme string, r *Route) *http.Transport {
	key := poolKey{h2: h2 && scheme == "https", h2c: h2 && scheme == "http"}
	if r != nil {
		key.private, key.upstream = r.Private, r.Upstream
	}
	key.plain = scheme == "http" && !key.h2c && u.dialer.proxy != nil && !key.private && key.upstream == ""
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.pools[key]
	if t == nil {
		t = u.newTransport(key)
		u.pools[key] = t
	}
	return t
}

func (u *upstreams) newTransport(key poolKey) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!key.h2c)
	protocols.SetHTTP2(key.h2)
	protocols.SetUnencryptedHTTP2(key.h2c)
	config := u.tls.Clone()
	if !key.h2 {
		config.NextProtos = []string{"http/1.1"} // who does not speak it must say so
	}
	t := &http.Transport{
		Protocols:              protocols,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    handshakeTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        upstreamIdle,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        16 << 10,
		HTTP2:                  receiveWindows(),
		DialContext:            func(ctx context.Context, _, addr string) (net.Conn, error) { return u.dial(ctx, addr, key) },
	}
	if key.plain {
		u.throughProxy(t)
	}
	return t
}

// throughProxy sends plain http requests to the upstream proxy in absolute
// form: most proxies let CONNECT reach port 443 only.
func (u *upstreams) throughProxy(t *http.Transport) {
	d := u.dialer
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return d.dialProxy(ctx)
	}
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if err := guardUnresolved(r.URL.Hostname()); err != nil {
			return nil, err
		}
		// TLS to the proxy, where it wants some, is dialProxy's business.
		p := &url.URL{Scheme: "http", Host: d.proxy.URL.Host}
		if d.proxy.User == "" {
			return p, nil
		}
		password := ""
		if d.proxy.Password != nil {
			var err error
			if password, err = d.proxy.Password(r.Context()); err != nil {
				return nil, &upstreamProxyError{d.proxy.URL.Host, fmt.Errorf("password: %w", err)}
			}
		}
		p.User = url.UserPassword(d.proxy.User, password)
		return p, nil
	}
}

// close drops the idle connections. Those in use end with their requests.
func (u *upstreams) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.pools {
		t.CloseIdleConnections()
	}
}

// upstreamFailure turns the error of an upstream attempt into an answer.
func upstreamFailure(host string, err error) *denial {
	var (
		guard   *guardError
		dns     *net.DNSError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		timeout net.Error
	)
	switch {
	case errors.As(err, &guard):
		return guard.denial(host)
	case errors.As(err, &unknown):
		return failure(http.StatusBadGateway, fmt.Sprintf("the certificate of %s is not signed by an authority that bottle trusts; the operator can add one under egress.upstream_ca", host))
	case errors.As(err, &name), errors.As(err, &invalid):
		return failure(http.StatusBadGateway, fmt.Sprintf("the certificate of %s is not valid: %v; do not go on without it, and tell the operator: the host must mend it, or egress.routes in bottle.yaml lead elsewhere", host, err))
	case errors.As(err, &dns):
		return failure(http.StatusBadGateway, fmt.Sprintf("%s cannot be resolved: %s; look at the name, and tell the operator if it is right", host, dns.Err))
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return failure(http.StatusGatewayTimeout, fmt.Sprintf("%s did not answer in time; try again later, and tell the operator if it stays so", host))
	default:
		return failure(http.StatusBadGateway, fmt.Sprintf("no answer from %s: %s; try again later, and tell the operator if it stays so: the host may be down, or egress.routes or egress.upstream_proxy in bottle.yaml lead elsewhere", host, failureClass(err)))
	}
}

// failureClass says what kind of failure an error is. Its own text may quote
// what the upstream sent, an echoed credential too: that goes to the journal,
// redacted, and not to the agent.
func failureClass(err error) string {
	var (
		errno syscall.Errno
		corp  *upstreamProxyError
	)
	switch {
	case errors.As(err, &corp):
		return corp.Error()
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection"
	case tlsAlert(err) != nil, errors.As(err, new(tls.RecordHeaderError)):
		return "the TLS handshake failed"
	case errors.Is(err, errWantsPassword):
		return errWantsPassword.Error()
	default:
		return "what it sent is not valid HTTP, or the connection broke; the operator finds the details in the journal"
	}
}

// errWantsPassword is the answer 407 of an upstream. Passed on, it would look
// like this proxy's own.
var errWantsPassword = errors.New("407: the upstream proxy wants another password")
