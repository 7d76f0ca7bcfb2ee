package proxy

import (
	"net/http"
	"net/netip"
	"strconv"
)

// hostTransport carries requests of the host itself.
type hostTransport struct {
	policy    *Policy
	upstreams *upstreams
}

// NewTransport returns a transport for requests that the host makes by itself, such
// as those that renew a login. They take the way that the agent's take to the same
// host: RootCAs, UpstreamProxy, and of a route Private and Upstream. No policy is
// asked and nothing is recorded. It is safe for concurrent use.
func NewTransport(cfg Config) http.RoundTripper {
	return &hostTransport{policy: cfg.Policy, upstreams: newUpstreams(&dialer{own: func(netip.AddrPort) bool { return false }, proxy: cfg.UpstreamProxy, roots: cfg.RootCAs})}
}

func (t *hostTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	host, err := CanonicalHost(r.URL.Hostname())
	if err != nil {
		return nil, err
	}
	target := Target{Scheme: r.URL.Scheme, Host: host, Port: 443, Method: r.Method, Path: r.URL.EscapedPath()}
	if p, err := strconv.Atoi(r.URL.Port()); err == nil {
		target.Port = p
	} else if r.URL.Scheme == "http" {
		target.Port = 80
	}
	return t.upstreams.transport(r.URL.Scheme == "https", r.URL.Scheme, t.policy.Decide(target).Route).RoundTrip(r)
}
