package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
)

// maxRemembered bounds the upstreams of which something is remembered. They are
// asked again once there are more.
const maxRemembered = 1024

// remembered are upstreams that have shown something.
type remembered struct {
	mu  sync.Mutex
	set map[upstreamPlace]bool
}

// upstreamPlace names an upstream.
type upstreamPlace struct {
	host     string
	port     int
	upstream string // of the route
}

func (r *remembered) has(where upstreamPlace) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set[where]
}

func (r *remembered) add(where upstreamPlace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set == nil || len(r.set) >= maxRemembered {
		r.set = map[upstreamPlace]bool{}
	}
	r.set[where] = true
}

func placeOf(target Target, r *Route) upstreamPlace {
	where := upstreamPlace{host: target.Host, port: target.Port}
	if r != nil {
		where.upstream = r.Upstream
	}
	return where
}

// roundTrip sends a request in the client's protocol, or, of HTTP/1.1, in HTTP/2
// where the upstream speaks nothing else: that shows in the handshake, before
// anything was sent.
func (u *upstreams) roundTrip(out *http.Request, h2 bool, target Target, r *Route) (*http.Response, error) {
	if h2 || target.Scheme != "https" {
		return u.transport(h2, target.Scheme, r).RoundTrip(out)
	}
	where := placeOf(target, r)
	if !u.onlyH2.has(where) {
		resp, err := u.transport(false, target.Scheme, r).RoundTrip(out)
		if !wantsH2(err) {
			return resp, err
		}
		u.onlyH2.add(where)
	}
	return u.transport(true, target.Scheme, r).RoundTrip(out)
}

// wantsH2 reports whether a handshake failed because the upstream has no HTTP/1.1
// (RFC 7301, section 3.2).
func wantsH2(err error) bool {
	if err == nil {
		return false
	}
	alert := tlsAlert(err)
	return alert != nil && alert.Error() == tls.AlertError(120).Error()
}

// tlsAlert returns the alert that an upstream ended a connection with, or nil. Its
// type has no name outside of crypto/tls.
func tlsAlert(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err
	}
	return nil
}
