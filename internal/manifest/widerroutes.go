package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// routes compares the routes by what they could do, not by their text: where
// they stand in the file, and their order as long as it decides nothing, are no
// change.
//
// Which route decides a request depends on all of them, so a change is judged
// by pairs that overlap: a route that is new, gone or moved counts as widening
// as soon as one that is more open could now decide in its stead.
func (w *widening) routes() {
	def := w.new.Egress.Default
	if looser(actionRank, def, w.old.Egress.Default) {
		w.say("what no route matches is %s", map[proxy.Action]string{proxy.Ask: "asked instead of denied", proxy.Allow: "allowed"}[def])
	}
	was, is := w.old.Egress.Routes, w.new.Egress.Routes
	inOld, inNew := indices(was), indices(is)
	for i := range is {
		if _, ok := inOld[identity(is[i])]; !ok && is[i].Action != proxy.Deny {
			w.added(&is[i])
		}
	}
	for i := range was {
		if _, ok := inNew[identity(was[i])]; !ok {
			w.removed(&was[i])
		}
	}
	w.moved(inOld)
}

// added judges a route that admits requests and was not there.
func (w *widening) added(r *proxy.Route) {
	covered := false
	for i := range w.old.Egress.Routes {
		o := &w.old.Egress.Routes[i]
		covered = covered || covers(o, r) && !moreOpen(r, o)
		if overlap(o, r) && moreOpen(r, o) {
			w.say("a route is wider than %s: %s", o.Source, routeLine(r))
			return
		}
	}
	// The default that was there has allowed it already; passthrough, private
	// addresses, an upstream and secrets it has not.
	plain := &proxy.Route{Host: r.Host, Action: w.old.Egress.Default, TLS: proxy.Intercept}
	if !covered && moreOpen(r, plain) {
		w.say("a new route: %s", routeLine(r))
	}
}

// removed judges a route that is gone, by what decides in its stead.
func (w *widening) removed(r *proxy.Route) {
	covered := false
	for i := range w.new.Egress.Routes {
		n := &w.new.Egress.Routes[i]
		covers := covers(n, r)
		if covers && n.Action == proxy.Deny {
			return // denied as a whole, which beats everything
		}
		covered = covered || covers
	}
	// The default is a route to the host itself: for requests that went to an
	// upstream instead, it is more open even if they were allowed.
	plain := &proxy.Route{Host: r.Host, Action: w.new.Egress.Default, TLS: proxy.Intercept}
	if !covered && moreOpen(plain, r) {
		w.say("a route is gone, and the default is more open: %s", routeLine(r))
		return
	}
	for i := range w.new.Egress.Routes {
		if n := &w.new.Egress.Routes[i]; overlap(n, r) && moreOpen(n, r) {
			w.say("a route is gone that was stricter than %s: %s", n.Source, routeLine(r))
			return
		}
	}
}

// moved judges routes that are in both but in another order, which decides
// between equals.
func (w *widening) moved(inOld map[string]int) {
	is := w.new.Egress.Routes
	before := make([]int, len(is))
	for i := range is {
		before[i] = -1
		if was, ok := inOld[identity(is[i])]; ok {
			before[i] = was
		}
	}
	for i := range is {
		for j := i + 1; j < len(is); j++ {
			if before[i] > before[j] && before[j] >= 0 && overlap(&is[i], &is[j]) && moreOpen(&is[i], &is[j]) {
				w.say("a route now comes before a stricter one (%s): %s", is[j].Source, routeLine(&is[i]))
				return
			}
		}
	}
}

// indices finds routes by their identity; of equal ones, the first.
func indices(routes []proxy.Route) map[string]int {
	out := make(map[string]int, len(routes))
	for i := range routes {
		if id := identity(routes[i]); !hasKey(out, id) {
			out[id] = i
		}
	}
	return out
}

func hasKey(m map[string]int, k string) bool { _, ok := m[k]; return ok }

// identity is the same for routes that differ in nothing but their place and
// the order in their lists.
func identity(r proxy.Route) string {
	r.Source = ""
	r.Ports = slices.Compact(slices.Sorted(slices.Values(r.Ports)))
	for _, l := range []*[]string{&r.Methods, &r.Paths, &r.Secrets} {
		*l = slices.Compact(slices.Sorted(slices.Values(*l)))
	}
	return fmt.Sprintf("%#v", r)
}

// moreOpen reports whether a gives a request that both match anything that b
// does not.
func moreOpen(a, b *proxy.Route) bool {
	switch {
	case a.Action == proxy.Deny:
		return false
	case b.Action == proxy.Deny, looser(actionRank, a.Action, b.Action):
		return true
	case a.TLS != b.TLS && a.TLS != proxy.Intercept, a.Private && !b.Private, a.Upstream != b.Upstream, a.Kind != b.Kind && a.Kind != "", a.GraphQL != b.GraphQL && a.GraphQL == "":
		return true
	}
	return !subset(a.Secrets, b.Secrets)
}

// covers reports whether every request that r matches is matched by c. It may
// say no where it is so.
func covers(c, r *proxy.Route) bool {
	suffix, wild := strings.CutPrefix(c.Host, "*")
	hosts := c.Host == r.Host || wild && strings.HasSuffix(r.Host, suffix) && len(r.Host) > len(suffix)
	return hosts &&
		subset(portsOf(r), portsOf(c)) && (len(c.Ports) > 0) == (len(r.Ports) > 0) &&
		(len(c.Methods) == 0 || len(r.Methods) > 0 && subset(r.Methods, c.Methods)) &&
		(len(c.Paths) == 0 || len(r.Paths) > 0 && subset(r.Paths, c.Paths))
}

// overlap reports whether both may match one request. Paths are not looked at:
// in doubt, they do.
func overlap(a, b *proxy.Route) bool {
	sa, wa := strings.CutPrefix(a.Host, "*")
	sb, wb := strings.CutPrefix(b.Host, "*")
	hosts := sa == sb && wa == wb || wa && strings.HasSuffix(sb, sa) || wb && strings.HasSuffix(sa, sb)
	ports := slices.ContainsFunc(portsOf(a), func(p int) bool { return slices.Contains(portsOf(b), p) })
	methods := len(a.Methods) == 0 || len(b.Methods) == 0 || slices.ContainsFunc(a.Methods, func(m string) bool { return slices.Contains(b.Methods, m) })
	return hosts && ports && methods
}

func portsOf(r *proxy.Route) []int {
	if len(r.Ports) == 0 {
		return []int{443, 80}
	}
	return r.Ports
}

func subset[T comparable](a, of []T) bool {
	return !slices.ContainsFunc(a, func(v T) bool { return !slices.Contains(of, v) })
}
