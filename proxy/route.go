package proxy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Action is what a route, or the default, does with a request.
type Action string

// The three actions, from the strictest to the most open.
const (
	Deny  Action = "deny"
	Ask   Action = "ask" // the operator decides while the request is held
	Allow Action = "allow"
)

// TLSMode says what happens to a TLS connection that a route admits.
type TLSMode string

// The TLS modes.
const (
	// Intercept ends the client's TLS in the proxy; requests are matched,
	// scanned and may be given credentials.
	Intercept TLSMode = "intercept"
	// Passthrough checks the SNI and splices the bytes. Nothing inside is
	// seen, so such a route can have no methods, paths or secrets.
	Passthrough TLSMode = "passthrough"
	// Raw carries any protocol, on the ports that the route names. What the agent
	// sends is scanned; nothing is matched, injected or replaced in it. What is
	// encrypted inside is not seen.
	Raw TLSMode = "raw"
)

// opaque reports whether the mode makes out no requests.
func (m TLSMode) opaque() bool { return m == Passthrough || m == Raw }

// KindModel is the Kind of a route to a model provider. A conversation is sent again
// whole on each turn, so one text in it that looks like a credential must not stop
// all that follow: what is found there by its format is replaced by a marker, which
// becomes the text again in what comes back; see the package documentation.
const KindModel = "model"

// Route is one rule for a host. The zero value of an optional field means
// "any" for Methods and Paths, 443 (and 80 for plain http) for Ports, Allow
// for Action and Intercept for TLS.
type Route struct {
	// Host is an exact name, "*.example.com" (any depth below example.com,
	// not example.com itself) or an IP address. Names are compared in
	// lower-case punycode.
	Host    string   `json:"host"`
	Ports   []int    `json:"ports,omitempty"`
	Methods []string `json:"methods,omitempty"`
	// Paths are matched percent-decoded. "*" matches within one segment,
	// "**" as a whole segment matches any number of them: "/v1/**" matches
	// "/v1" and everything below it.
	Paths  []string `json:"paths,omitempty"`
	Action Action   `json:"action,omitempty"`
	TLS    TLSMode  `json:"tls,omitempty"`
	// Private exempts the route from the guard that refuses loopback,
	// private and other special addresses, and lets secrets travel over
	// plain http.
	Private bool `json:"private,omitempty"`
	// Upstream is a host:port dialled instead of the route's host. Policy,
	// SNI and the Host header stay the route's.
	Upstream string `json:"upstream,omitempty"`
	// Secrets names the secrets that may be injected here.
	Secrets []string `json:"secrets,omitempty"`
	// Kind is KindModel for a model provider, "" for all else.
	Kind string `json:"kind,omitempty"`
	// GraphQL is GraphQLQuery where GraphQL's queries pass and nothing else does, ""
	// where nothing is said of GraphQL.
	GraphQL string `json:"graphql,omitempty"`
	// Source says where the route is written ("bottle.yaml:12"). It is the
	// name of the rule in answers and in the journal.
	Source string `json:"source,omitempty"`
}

// Rule names the route in an answer or the journal.
func (r *Route) Rule() string {
	if r == nil {
		return "default"
	}
	if r.Source != "" {
		return "route " + r.Source
	}
	return "route " + r.Host
}

// compiledRoute is a checked Route in the form that matching needs.
type compiledRoute struct {
	Route
	index    int
	wildcard bool
	suffix   string // of a wildcard, with its leading dot
	paths    []pathPattern
}

// compileRoute checks r and fills its defaults. The error names the offending
// field first, so that a loader can point at it.
func compileRoute(r Route, index int) (*compiledRoute, error) {
	c := &compiledRoute{Route: r, index: index}
	c.Ports, c.Methods, c.Paths, c.Secrets = slices.Clone(r.Ports), slices.Clone(r.Methods), slices.Clone(r.Paths), slices.Clone(r.Secrets)
	host, wildcard, err := parseHostPattern(r.Host)
	if err != nil {
		return nil, &RouteError{Field: "host", Err: err}
	}
	c.Host, c.wildcard = host, wildcard
	if wildcard {
		c.suffix = host[1:]
	}
	for _, p := range r.Ports {
		if p < 1 || p > 65535 {
			return nil, &RouteError{Field: "ports", Err: fmt.Errorf("%d is not a port (1 to 65535)", p)}
		}
	}
	for i, m := range c.Methods {
		if !isToken(m) {
			return nil, &RouteError{Field: "methods", Err: fmt.Errorf("%q is not an HTTP method", m)}
		}
		c.Methods[i] = strings.ToUpper(m)
	}
	for _, p := range r.Paths {
		pat, err := parsePathPattern(p)
		if err != nil {
			return nil, &RouteError{Field: "paths", Err: err}
		}
		c.paths = append(c.paths, pat)
	}
	switch c.Action {
	case "":
		c.Action = Allow
	case Allow, Ask, Deny:
	default:
		return nil, &RouteError{Field: "action", Err: fmt.Errorf("%q is not an action: allow, deny or ask", r.Action)}
	}
	switch c.TLS {
	case "":
		c.TLS = Intercept
	case Intercept:
	case Passthrough, Raw:
		for _, f := range []struct {
			name string
			set  bool
		}{{"methods", len(r.Methods) > 0}, {"paths", len(r.Paths) > 0}, {"secrets", len(r.Secrets) > 0}, {"kind", r.Kind != ""}, {"graphql", r.GraphQL != ""}} {
			if f.set {
				return nil, &RouteError{Field: f.name, Err: fmt.Errorf("a %s route cannot have %s: no requests are made out in the connection; use tls: intercept, or remove %s", c.TLS, f.name, f.name)}
			}
		}
		if c.TLS == Raw && len(r.Ports) == 0 {
			return nil, &RouteError{Field: "ports", Err: errors.New("a raw route names its ports, such as ports: [5432]")}
		}
	default:
		return nil, &RouteError{Field: "tls", Err: fmt.Errorf("%q is not a TLS mode: intercept, passthrough or raw", r.TLS)}
	}
	if r.Kind != "" && r.Kind != KindModel {
		return nil, &RouteError{Field: "kind", Err: fmt.Errorf("%q is not a kind: model", r.Kind)}
	}
	if r.GraphQL != "" && r.GraphQL != GraphQLQuery {
		return nil, &RouteError{Field: "graphql", Err: fmt.Errorf("%q is nothing that GraphQL is held to: query", r.GraphQL)}
	}
	if r.Upstream != "" {
		if err := c.checkUpstream(); err != nil {
			return nil, &RouteError{Field: "upstream", Err: err}
		}
	}
	return c, nil
}

func (c *compiledRoute) checkUpstream() error {
	host, port, err := splitHostPort(c.Upstream)
	if err != nil {
		return fmt.Errorf("%q is not host:port: %w", c.Upstream, err)
	}
	if addr, err := netip.ParseAddr(host); err == nil && !c.Private {
		if why := specialAddress(addr); why != "" {
			return fmt.Errorf("%s is %s: say private: true on this route if that is meant", host, why)
		}
	}
	c.Upstream = joinHostPort(host, port)
	return nil
}

// matchesHost reports whether the canonical host is the route's.
func (c *compiledRoute) matchesHost(host string) bool {
	if c.wildcard {
		return len(host) > len(c.suffix) && strings.HasSuffix(host, c.suffix)
	}
	return host == c.Host
}

// matchesPort reports whether the port is the route's. With scheme "" (at
// CONNECT, before it is known what is spoken inside) either default counts.
func (c *compiledRoute) matchesPort(scheme string, port int) bool {
	if len(c.Ports) > 0 {
		return slices.Contains(c.Ports, port)
	}
	switch scheme {
	case "http":
		return port == 80
	case "https":
		return port == 443
	default:
		return port == 80 || port == 443
	}
}

// matchesMethod compares exactly, as HTTP does, but for a deny: some servers
// take "delete" for DELETE.
func (c *compiledRoute) matchesMethod(method string) bool {
	if c.Action == Deny {
		method = strings.ToUpper(method)
	}
	return slices.Contains(c.Methods, method)
}

// matchPath returns the specificity of the best matching path pattern.
// A route without paths matches with the lowest one.
func (c *compiledRoute) matchPath(segments []string) (rank int, ok bool) {
	if len(c.paths) == 0 {
		return 0, true
	}
	for _, p := range c.paths {
		if p.match(segments) {
			rank, ok = max(rank, p.rank), true
		}
	}
	return rank, ok
}

// conditional reports whether the route looks at more than host and port.
func (c *compiledRoute) conditional() bool { return len(c.Methods) > 0 || len(c.paths) > 0 }

// overlaps reports whether some host and port is matched by both routes.
func (c *compiledRoute) overlaps(o *compiledRoute) bool {
	var hosts bool
	switch {
	case c.wildcard && o.wildcard:
		hosts = strings.HasSuffix(c.suffix, o.suffix) || strings.HasSuffix(o.suffix, c.suffix)
	case c.wildcard:
		hosts = c.matchesHost(o.Host)
	default:
		hosts = o.matchesHost(c.Host)
	}
	return hosts && slices.ContainsFunc(c.portSet(), func(p int) bool { return slices.Contains(o.portSet(), p) })
}

func (c *compiledRoute) portSet() []int {
	if len(c.Ports) == 0 {
		return []int{443, 80}
	}
	return c.Ports
}

// hostRank orders host patterns: exact names and addresses first, then
// wildcards, the longest first.
func (c *compiledRoute) hostRank() int {
	if c.wildcard {
		return len(c.suffix)
	}
	return 1 << 16
}

// RouteError is a bad value in one field of a route.
type RouteError struct {
	Index int // position in the list given to CompilePolicy
	Field string
	Err   error
}

func (e *RouteError) Error() string {
	return "route " + strconv.Itoa(e.Index+1) + ": " + e.Field + ": " + e.Err.Error()
}

func (e *RouteError) Unwrap() error { return e.Err }
