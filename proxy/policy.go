package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Policy is a compiled set of routes. It is immutable and safe for concurrent
// use.
//
// Which route wins: a deny beats everything; then the most specific host
// (exact name or IP, then the longest wildcard), then the longest path, then
// a route with methods over one without, then the order of the list.
type Policy struct {
	def    Action
	routes []*compiledRoute
	exact  map[string][]*compiledRoute
	wild   map[string][]*compiledRoute // by suffix, with its leading dot
	// secrets are those of the hosts that a key of exact or wild is the most
	// specific one for.
	secrets map[string]secretSet
}

// NewPolicy checks and compiles routes. The zero Action as default is Deny.
// Every bad route is reported: the error joins *RouteError values.
func NewPolicy(def Action, routes []Route) (*Policy, error) {
	p := &Policy{def: def, exact: map[string][]*compiledRoute{}, wild: map[string][]*compiledRoute{}}
	switch def {
	case "":
		p.def = Deny
	case Deny, Ask, Allow:
	default:
		return nil, fmt.Errorf("default: %q is not an action: deny, ask or allow", def)
	}
	var errs []error
	for i, r := range routes {
		c, err := compileRoute(r, i)
		if err != nil {
			var re *RouteError
			if errors.As(err, &re) {
				re.Index = i
			}
			errs = append(errs, err)
			continue
		}
		p.routes = append(p.routes, c)
		if c.wildcard {
			p.wild[c.suffix] = append(p.wild[c.suffix], c)
		} else {
			p.exact[c.Host] = append(p.exact[c.Host], c)
		}
	}
	if len(errs) == 0 {
		errs = p.checkOpaque()
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p.collectSecrets()
	return p, nil
}

// checkOpaque refuses rules that could never be kept: inside a passthrough or raw
// connection no method or path is seen.
func (p *Policy) checkOpaque() (errs []error) {
	for _, r := range p.routes {
		if !r.TLS.opaque() || r.Action == Deny {
			continue
		}
		for _, o := range p.routes {
			if !o.overlaps(r) {
				continue
			}
			switch {
			case o.Action == Deny && o.conditional():
				errs = append(errs, &RouteError{Index: r.index, Field: "tls", Err: fmt.Errorf("%s would get past the deny of methods or paths in %s, which covers %s too", r.TLS, o.Rule(), r.Host)})
			case o.TLS != r.TLS && o.Action != Deny && o.Host == r.Host && (o.TLS == Intercept || o.index < r.index):
				errs = append(errs, &RouteError{Index: r.index, Field: "tls", Err: fmt.Errorf("%s says %s for the same host and port as this %s", o.Rule(), o.TLS, r.TLS)})
			}
		}
	}
	return errs
}

// Target is what a decision is about. Host is canonical (CanonicalHost).
type Target struct {
	Scheme string // http or https
	Host   string
	Port   int
	Method string
	Path   string // escaped, as in the request line, without the query
}

// Decision is the answer of a Policy.
type Decision struct {
	Action Action
	Route  *Route // nil when the default decided
	Rule   string
	Reason string // for a denial: what happened, for a person
	// because begins a Reason that ends in the target.
	because string
}

// about gives the reason of a denial with the target as t shows it.
func (d Decision) about(t Target) Decision {
	if d.because != "" {
		d.Reason = d.because + " " + t.Method + " " + describe(t)
	}
	return d
}

// Loser is a route that could have matched a target, and why it did not win.
type Loser struct {
	Route *Route
	Why   string
}

// DecideHost decides a CONNECT, before anything is known but host and port.
// Allow means that some request to the host may be allowed; TLS of the
// returned route says whether to intercept. A nil route means intercept.
func (p *Policy) DecideHost(host string, port int) Decision {
	var best *compiledRoute
	for c := range p.candidates(host) {
		if !c.matchesPort("", port) {
			continue
		}
		if c.Action == Deny {
			if !c.conditional() {
				return denied(c, fmt.Sprintf("%s denies %s", c.Rule(), joinHostPort(host, port)))
			}
			continue
		}
		if best == nil || compareRoutes(candidate{route: c}, candidate{route: best}) < 0 {
			best = c
		}
	}
	if best == nil {
		if p.def == Deny {
			return p.unmatched(fmt.Sprintf("no route allows %s", joinHostPort(host, port)))
		}
		return Decision{Action: Allow, Rule: "default"}
	}
	d := Decision{Action: Allow, Route: &best.Route, Rule: best.Rule()}
	if best.TLS.opaque() {
		d.Action = best.Action
	}
	return d
}

// Decide decides one request.
func (p *Policy) Decide(t Target) Decision {
	d, _ := p.decide(t, false)
	return d
}

// Explain is Decide with every route of the host that did not decide, best
// first.
func (p *Policy) Explain(t Target) (Decision, []Loser) { return p.decide(t, true) }

type candidate struct {
	route *compiledRoute
	path  int
}

// compareRoutes sorts the winner first, deny aside.
func compareRoutes(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(b.route.hostRank(), a.route.hostRank()),
		cmp.Compare(b.path, a.path),
		cmp.Compare(min(1, len(b.route.Methods)), min(1, len(a.route.Methods))),
		cmp.Compare(a.route.index, b.route.index),
	)
}

func (p *Policy) decide(t Target, explain bool) (Decision, []Loser) {
	var segments []string // of the path, once a route wants it
	var pathErr error
	var buf [8]candidate
	matched := buf[:0]
	var losers []Loser
	lose := func(c *compiledRoute, why string) {
		if explain {
			losers = append(losers, Loser{Route: &c.Route, Why: why})
		}
	}
	for c := range p.candidates(t.Host) {
		if len(c.paths) > 0 && segments == nil && pathErr == nil {
			segments, pathErr = pathSegments(t.Path)
		}
		switch {
		case !c.matchesPort(t.Scheme, t.Port):
			lose(c, fmt.Sprintf("another port: %s", portList(c)))
		case len(c.Methods) > 0 && !c.matchesMethod(t.Method):
			lose(c, "another method: "+strings.Join(c.Methods, ", "))
		case len(c.paths) > 0 && pathErr != nil:
			d := denied(c, fmt.Sprintf("%s has paths, and %v", c.Rule(), pathErr))
			d.Rule = "ambiguous-path"
			return d, losers
		default:
			if rank, ok := c.matchPath(segments); ok {
				matched = append(matched, candidate{c, rank})
			} else {
				lose(c, "another path: "+strings.Join(c.Paths, ", "))
			}
		}
	}
	if len(matched) == 0 {
		return p.byDefault(t), losers
	}
	slices.SortStableFunc(matched, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(notDeny(a), notDeny(b)), compareRoutes(a, b))
	})
	win := matched[0].route
	if explain {
		var beaten []Loser
		for _, m := range matched[1:] {
			beaten = append(beaten, Loser{Route: &m.route.Route, Why: whyBeaten(matched[0], m)})
		}
		losers = append(beaten, losers...)
	}
	if win.Action == Deny {
		d := denied(win, "")
		d.because = win.Rule() + " denies"
		return d.about(t), losers
	}
	return Decision{Action: win.Action, Route: &win.Route, Rule: win.Rule()}, losers
}

func (p *Policy) byDefault(t Target) Decision {
	if p.def == Deny {
		d := p.unmatched("")
		d.because = "no route allows"
		return d.about(t)
	}
	return Decision{Action: p.def, Rule: "default"}
}

func (p *Policy) unmatched(reason string) Decision {
	return Decision{Action: Deny, Rule: "default", Reason: reason}
}

func denied(c *compiledRoute, reason string) Decision {
	return Decision{Action: Deny, Route: &c.Route, Rule: c.Rule(), Reason: reason}
}

// candidates yields the routes whose host pattern matches.
func (p *Policy) candidates(host string) func(yield func(*compiledRoute) bool) {
	return func(yield func(*compiledRoute) bool) {
		for _, c := range p.exact[host] {
			if !yield(c) {
				return
			}
		}
		for i := strings.IndexByte(host, '.'); i >= 0 && len(p.wild) > 0; {
			for _, c := range p.wild[host[i:]] {
				if !yield(c) {
					return
				}
			}
			next := strings.IndexByte(host[i+1:], '.')
			if next < 0 {
				return
			}
			i += next + 1
		}
	}
}

// FurtherPorts returns the ports, beside 80 and 443, that routes list which admit
// something on a host, sorted.
func (p *Policy) FurtherPorts(host string) []int {
	var ports []int
	for c := range p.candidates(host) {
		if c.Action == Deny {
			continue
		}
		for _, port := range c.Ports {
			if port != 80 && port != 443 && p.DecideHost(host, port).Action != Deny {
				ports = append(ports, port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Routes returns the compiled routes in their order, canonical and with their
// defaults filled in.
func (p *Policy) Routes() []Route {
	out := make([]Route, len(p.routes))
	for i, c := range p.routes {
		out[i] = c.Route
	}
	return out
}

// Default is the action for what no route matches.
func (p *Policy) Default() Action { return p.def }

func notDeny(c candidate) int {
	if c.route.Action == Deny {
		return 0
	}
	return 1
}
