package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// Want is what a person is asked to grant: requests to a host, or a secret in them.
type Want struct {
	Scheme string // http or https
	Host   string // canonical
	Port   int
	// Methods and Paths (patterns) are those wanted; none means any.
	Methods, Paths []string
	// Path is that of a request that waits; "" when nothing does.
	Path string
	// Secret is the name of one that is to be put in; "" for none.
	Secret string
}

// Grant is a route, or what of a push, that an answer makes.
type Grant struct {
	Route proxy.Route
	// Push is what may be pushed; nil for a route.
	Push *PushWant
	// was is what the manifest said of the repository; nil for nothing.
	was *GitRepo
	// Over is the identity of the route that asked, which the grant goes before;
	// "" when none did.
	Over string
	// over is that route's place.
	over string
}

// GrantFor returns the route that a lasting answer to w makes. A yes is as narrow
// as the question and the route that asks: its paths, its secrets and how it is
// dialled stay, and its host becomes the one of the request. The error says why a
// yes would change nothing, as where another rule denies.
func (m *Manifest) GrantFor(w Want, action proxy.Action) (Grant, error) {
	t := m.missing(w)
	d := m.Egress.Policy.Decide(t)
	g := Grant{Route: proxy.Route{Host: w.Host, Methods: w.Methods, Paths: w.Paths, TLS: proxy.Intercept}}
	if d.Action == proxy.Deny && d.Route != nil && action == proxy.Allow {
		return Grant{}, fmt.Errorf("%s denies it, and a denial beats every route", d.Rule)
	}
	if d.Action == proxy.Allow && w.Secret == "" && action == proxy.Allow {
		return Grant{}, fmt.Errorf("%s %w", d.Rule, ErrAllowed)
	}
	if r := d.Route; r != nil && d.Action != proxy.Deny {
		g.Over, g.over = identity(*r), r.Source
		g.Route = *r
		g.Route.Host = w.Host
		if len(r.Methods) == 0 || w.Path != "" {
			g.Route.Methods = w.Methods
		}
		if len(r.Paths) == 0 {
			g.Route.Paths = w.Paths
		}
		if r.TLS != proxy.Intercept {
			g.Route.Methods, g.Route.Paths = nil, nil
		}
	}
	if len(g.Route.Ports) == 0 && w.Port != map[string]int{"http": 80, "https": 443}[w.Scheme] {
		g.Route.Ports = []int{w.Port}
	}
	g.Route.Action = action
	g.Route.Secrets = slices.Clone(g.Route.Secrets)
	if w.Secret != "" && !slices.Contains(g.Route.Secrets, w.Secret) {
		if m.Secret(w.Secret) == nil {
			return Grant{}, fmt.Errorf("there is no secret %s in the manifest", quote(w.Secret))
		}
		g.Route.Secrets = append(g.Route.Secrets, w.Secret)
	}
	if action == proxy.Deny {
		g.Route = proxy.Route{Host: g.Route.Host, Ports: g.Route.Ports, Methods: g.Route.Methods, Paths: g.Route.Paths, Action: proxy.Deny, TLS: proxy.Intercept}
	}
	return g, m.checkGrant(g, w, t)
}

// ErrAllowed ends the error about a yes to what a rule lets pass.
var ErrAllowed = errors.New("allows it already")

// checkGrant refuses a grant that would not do what was asked.
func (m *Manifest) checkGrant(g Grant, w Want, t proxy.Target) error {
	with, left := m.With([]Grant{g})
	if len(left) > 0 {
		return left[0]
	}
	if d := with.Egress.Policy.Decide(t); d.Action != g.Route.Action || w.Secret != "" && !slices.Contains(d.Route.Secrets, w.Secret) {
		return fmt.Errorf("%s would still decide", d.Rule)
	}
	return nil
}

// missing is the first request of w that a yes would let pass. Of some methods and paths
// that are wanted one can be allowed or denied by a route, and another not. Without such
// a request it is the first that is denied, or else the first.
func (m *Manifest) missing(w Want) proxy.Target {
	all := w.targets()
	denied := -1
	for i, t := range all {
		switch d := m.Egress.Policy.Decide(t); {
		case d.Action == proxy.Allow:
		case d.Action != proxy.Deny || d.Route == nil:
			return t
		case denied < 0:
			denied = i
		}
	}
	return all[max(0, denied)]
}

// targets are requests that w is about, one for each method and path.
func (w Want) targets() (all []proxy.Target) {
	methods, paths := w.Methods, []string{"/"}
	if len(methods) == 0 {
		methods = []string{"GET"}
	}
	switch {
	case w.Path != "":
		paths = []string{w.Path}
	case len(w.Paths) > 0:
		paths = nil
		for _, p := range w.Paths {
			paths = append(paths, strings.NewReplacer("**", "x", "*", "x").Replace(p))
		}
	}
	for _, method := range methods {
		for _, path := range paths {
			all = append(all, proxy.Target{Scheme: w.Scheme, Host: w.Host, Port: w.Port, Method: method, Path: path})
		}
	}
	return all
}

// With returns the manifest with what a person granted while it was in force, as far
// as it has that not. One that cannot stand beside the others is left
// out, and left says why.
func (m *Manifest) With(grants []Grant) (with *Manifest, left []error) {
	out := *m
	out.base = m.ungranted()
	for _, g := range grants {
		if g.Push != nil {
			if err := out.addPush(out.base, g); err != nil {
				left = append(left, err)
			}
			continue
		}
		routes := slices.Clone(out.Egress.Routes)
		if slices.ContainsFunc(routes, func(r proxy.Route) bool { return identity(r) == identity(g.Route) }) {
			continue
		}
		at := slices.IndexFunc(routes, func(r proxy.Route) bool { return g.Over != "" && identity(r) == g.Over })
		if at < 0 {
			at = len(routes)
		}
		routes = slices.Insert(routes, at, g.Route)
		policy, err := proxy.NewPolicy(out.Egress.Default, routes)
		if err != nil {
			left = append(left, err)
			continue
		}
		out.Egress.Policy, out.Egress.Routes = policy, policy.Routes()
	}
	return &out, left
}
