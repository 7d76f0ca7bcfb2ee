package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// UpstreamProxy is a corporate proxy that everything public goes out through.
type UpstreamProxy struct {
	// URL is http://host:port or https://host:port, without userinfo.
	URL *url.URL
	// User and Password are sent as Basic Proxy-Authorization when User is
	// set. Password is asked for at each connection.
	User     string
	Password func(context.Context) (string, error)
}

// guardError is a dial that the SSRF guard refused. It is a denial, not an
// upstream failure.
type guardError struct {
	addr string
	what string // with its article
}

func (e *guardError) Error() string { return e.addr + " is " + e.what }

// itself is what no route can lift the guard for.
const itself = "this proxy itself"

// denial is the answer to a request for a host.
func (e *guardError) denial(host string) *denial {
	message := e.Error()
	if e.addr != host {
		message = host + " leads to " + e.addr + ", which is " + e.what
	}
	if e.what == itself {
		message += ", and it opens no connections to itself. Do not retry."
	} else {
		message += ", and no route says private: true for it. " + advice
	}
	return &denial{status: http.StatusForbidden, rule: ruleGuard, message: message}
}

const ruleGuard = "address-guard"

// upstreamProxyError is trouble with the corporate proxy. Nothing that an
// upstream sends gets into its text, so the agent may read it.
type upstreamProxyError struct {
	host string
	err  error
}

func (e *upstreamProxyError) Error() string { return "upstream proxy " + e.host + ": " + e.err.Error() }
func (e *upstreamProxyError) Unwrap() error { return e.err }

// dialer connects to upstreams: it resolves, checks every address that it is
// about to connect to, and goes through the upstream proxy where one is set.
type dialer struct {
	resolver *net.Resolver
	own      func(netip.AddrPort) bool // is this one of our listeners?
	proxy    *UpstreamProxy
	roots    *x509.CertPool
}

// dialRoute connects to host:port as a route says: private lifts the guard,
// upstream replaces the address.
func (d *dialer) dialRoute(ctx context.Context, host string, port int, upstream string, private bool) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	addr := joinHostPort(host, port)
	if upstream != "" {
		addr = upstream
	}
	// Private hosts are on this side of the corporate proxy.
	if d.proxy == nil || private {
		return d.dialTCP(ctx, addr, private)
	}
	return d.dialThroughProxy(ctx, addr)
}

// dialTCP connects directly. The guard sits behind the resolver, in Control,
// so what is checked is what is connected to, for every address tried.
func (d *dialer) dialTCP(ctx context.Context, addr string, private bool) (net.Conn, error) {
	nd := net.Dialer{Resolver: d.resolver, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return &guardError{address, "not an address that can be checked"}
		}
		if d.own != nil && d.own(ap) {
			return &guardError{address, itself}
		}
		if private {
			return nil
		}
		if what := specialAddress(ap.Addr()); what != "" {
			return &guardError{ap.Addr().String(), what}
		}
		return nil
	}}
	return nd.DialContext(ctx, "tcp", addr)
}

// dialThroughProxy opens a CONNECT tunnel at the upstream proxy. Names are
// resolved over there, so what is known here is judged by its text alone.
func (d *dialer) dialThroughProxy(ctx context.Context, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if err := guardUnresolved(host); err != nil {
		return nil, err
	}
	conn, err := d.dialProxy(ctx)
	if err != nil {
		return nil, err
	}
	conn, err = d.connect(ctx, conn, addr)
	if err != nil {
		return nil, &upstreamProxyError{d.proxy.URL.Host, err}
	}
	return conn, nil
}

// dialProxy connects to the upstream proxy itself, which may well have a
// private address.
func (d *dialer) dialProxy(ctx context.Context) (net.Conn, error) {
	u := d.proxy.URL
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := d.dialTCP(ctx, net.JoinHostPort(u.Hostname(), port), true)
	if err != nil {
		return nil, &upstreamProxyError{u.Host, err}
	}
	if u.Scheme != "https" {
		return conn, nil
	}
	tc := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), RootCAs: d.roots, MinVersion: tls.VersionTLS12})
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, &upstreamProxyError{u.Host, err}
	}
	return tc, nil
}

// connect speaks CONNECT on a fresh connection to the upstream proxy.
func (d *dialer) connect(ctx context.Context, conn net.Conn, addr string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		conn.Close()
		return nil, err
	}
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{"User-Agent": nil}}
	auth, err := d.proxyAuth(ctx)
	if err != nil {
		return fail(err)
	}
	if auth != "" {
		req.Header.Set("Proxy-Authorization", auth)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := req.Write(conn); err != nil {
		return fail(err)
	}
	br := bufio.NewReader(io.LimitReader(conn, maxHeaderBytes))
	resp, err := http.ReadResponse(br, req) //nolint:bodyclose // the answer to a CONNECT has none
	if err != nil {
		return fail(err)
	}
	if resp.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("refused CONNECT %s: %s", addr, resp.Status))
	}
	if br.Buffered() > 0 {
		return fail(errors.New("sent data before the tunnel was used"))
	}
	if !stop() {
		return fail(ctx.Err())
	}
	return conn, nil
}

func (d *dialer) proxyAuth(ctx context.Context) (string, error) {
	if d.proxy.User == "" {
		return "", nil
	}
	var password string
	if d.proxy.Password != nil {
		var err error
		if password, err = d.proxy.Password(ctx); err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(d.proxy.User+":"+password)), nil
}

// guardUnresolved refuses what the proxy on the other side could resolve to an
// internal service: addresses of special ranges and names that only exist
// inside.
func guardUnresolved(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if what := specialAddress(addr); what != "" {
			return &guardError{host, what}
		}
		return &guardError{host, "an IP address, which the upstream proxy would reach unchecked"}
	}
	if !strings.Contains(host, ".") {
		return &guardError{host, "a name without a domain, which only exists inside a network"}
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".corp", ".private"} {
		if strings.HasSuffix(host, suffix) {
			return &guardError{host, "an internal name"}
		}
	}
	return nil
}
