// Package learn proposes routes from what a bottle asked for. It reads a journal,
// takes what no route decided, and makes of it the fewest routes that let the same
// requests pass; then it replays the journal against them.
package learn

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

// The limits of what is learned.
const (
	maxHosts = 500 // others are counted
	maxPaths = 256 // of a host; with more, all of its paths are proposed
	// maxPatterns is how many patterns of paths a route gets; where more were
	// needed, it has none.
	maxPatterns = 4
)

// Learned is a route with what speaks for it.
type Learned struct {
	Grant manifest.Grant `json:"-"`
	// YAML is the route as an entry of egress.routes.
	YAML     string    `json:"yaml"`
	Host     string    `json:"host"`
	Requests int       `json:"requests"`
	Denied   int       `json:"denied"` // of them
	Last     time.Time `json:"last"`
	// Examples are the first requests, as the agent wrote them, redacted.
	Examples []string `json:"examples"`
}

// Replay is what becomes of the recorded requests by the routes.
type Replay struct {
	Requests int `json:"requests"`
	Allowed  int `json:"allowed"`
	// Opened were denied and would be allowed.
	Opened int `json:"opened"`
	// Missed are learned from, and would be denied all the same.
	Missed []string `json:"missed,omitempty"`
}

// Proposal is what was learned.
type Proposal struct {
	Routes []Learned `json:"routes"`
	Replay Replay    `json:"replay"`
	// Skipped are hosts that no route can be made for, and why.
	Skipped []string `json:"skipped,omitempty"`
}

// place is what one route is about.
type place struct {
	scheme, host string
	port         int
}

// seen is what was asked for at a place.
type seen struct {
	place
	methods  map[string]bool
	paths    map[string]bool
	anyPath  bool // not all of them are known
	requests int
	denied   int
	last     time.Time
	examples []string
}

// From reads decisions, which must be iterable twice, and proposes routes that the
// manifest lacks.
func From(m *manifest.Manifest, decisions iter.Seq[*proxy.Event]) *Proposal {
	places, more := collect(m, decisions)
	p := &Proposal{}
	if more > 0 {
		p.Skipped = append(p.Skipped, fmt.Sprintf("%d requests to hosts beyond the first %d", more, maxHosts))
	}
	var grants []manifest.Grant
	order := slices.SortedFunc(maps.Values(places), func(a, b *seen) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port), cmp.Compare(a.scheme, b.scheme))
	})
	for _, s := range order {
		g, err := s.grant(m)
		if err != nil {
			p.Skipped = append(p.Skipped, fmt.Sprintf("%s: %v", s.host, err))
			continue
		}
		grants = append(grants, g)
		p.Routes = append(p.Routes, Learned{Grant: g, YAML: g.YAML(""), Host: s.host, Requests: s.requests, Denied: s.denied, Last: s.last, Examples: s.examples})
	}
	with, left := m.With(grants)
	for _, err := range left {
		p.Skipped = append(p.Skipped, err.Error())
	}
	p.Replay = replay(with, decisions)
	return p
}

// learns reports whether a decision says something about what routes are missing:
// nobody decided it but the default, or an answer for the session. What the operator
// said no to says nothing.
func learns(e *proxy.Event) bool {
	if e.Verdict == proxy.Deny && strings.Contains(e.Reason, proxy.AnswerNo) {
		return false
	}
	return e.Type == proxy.EventDecision && e.Host != "" && (e.Rule == "default" || strings.HasPrefix(e.Rule, "route answer ") && e.Verdict == proxy.Allow)
}

// decide is what a manifest says to a recorded request.
func decide(m *manifest.Manifest, e *proxy.Event) proxy.Decision {
	at := placeOf(e)
	if e.Method == http.MethodConnect {
		return m.Egress.Policy.DecideHost(at.host, at.port)
	}
	path, _, _ := strings.Cut(e.Path, "?")
	return m.Egress.Policy.Decide(proxy.Target{Scheme: at.scheme, Host: at.host, Port: at.port, Method: e.Method, Path: path})
}

// collect takes what a manifest does not decide by a route yet.
func collect(m *manifest.Manifest, decisions iter.Seq[*proxy.Event]) (places map[place]*seen, more int) {
	places = map[place]*seen{}
	for e := range decisions {
		if !learns(e) {
			continue
		}
		if d := decide(m, e); d.Route != nil && d.Action != proxy.Ask {
			continue
		}
		at := placeOf(e)
		s := places[at]
		if s == nil {
			if len(places) == maxHosts {
				more++
				continue
			}
			s = &seen{place: at, methods: map[string]bool{}, paths: map[string]bool{}}
			places[at] = s
		}
		s.add(e)
	}
	return places, more
}

func placeOf(e *proxy.Event) place {
	at := place{scheme: e.Scheme, host: e.Host, port: e.Port}
	if at.scheme == "" {
		at.scheme = "https"
	}
	return at
}

func (s *seen) add(e *proxy.Event) {
	s.requests++
	if e.Verdict == proxy.Deny {
		s.denied++
	}
	if e.Time.After(s.last) {
		s.last = e.Time
	}
	path, _, _ := strings.Cut(e.Path, "?")
	if len(s.examples) < 3 {
		if text := strings.TrimSpace(e.Method + " " + path); !slices.Contains(s.examples, text) {
			s.examples = append(s.examples, text)
		}
	}
	// A CONNECT that was refused says nothing of what was to come; one that went on
	// has its requests behind it.
	if e.Method == http.MethodConnect {
		return
	}
	s.methods[e.Method] = true
	if len(s.paths) == maxPaths && !s.paths[path] {
		s.anyPath = true
		return
	}
	s.paths[path] = true
}

// grant makes the route of a place.
func (s *seen) grant(m *manifest.Manifest) (manifest.Grant, error) {
	w := manifest.Want{Scheme: s.scheme, Host: s.host, Port: s.port, Methods: slices.Sorted(maps.Keys(s.methods))}
	if !s.anyPath {
		w.Paths = patterns(slices.Sorted(maps.Keys(s.paths)))
	}
	g, err := m.GrantFor(w, proxy.Allow)
	if err != nil && w.Paths != nil { // a path that no pattern can stand for
		w.Paths = nil
		g, err = m.GrantFor(w, proxy.Allow)
	}
	return g, err
}

// patterns returns the fewest patterns for sorted paths, or none where that would
// be more than maxPatterns: the folder that all are in, or else those below the root.
func patterns(paths []string) []string {
	switch {
	case len(paths) == 0:
		return nil
	case len(paths) == 1:
		return fit(paths)
	}
	dir := folder(paths[0])
	for _, p := range paths[1:] {
		for dir != "/" && p != strings.TrimSuffix(dir, "/") && !strings.HasPrefix(p, dir) {
			dir = folder(strings.TrimSuffix(dir, "/"))
		}
	}
	if dir != "/" {
		return fit([]string{dir + "**"})
	}
	var list []string
	for _, p := range paths {
		first, rest, deeper := strings.Cut(strings.TrimPrefix(p, "/"), "/")
		pattern := "/" + first
		if deeper && rest != "" {
			pattern += "/**"
		}
		list = append(list, pattern)
	}
	slices.Sort(list)
	list = slices.Compact(list)
	// "/a/**" has "/a" in it.
	list = slices.DeleteFunc(list, func(p string) bool { return slices.Contains(list, p+"/**") })
	return fit(list)
}

// folder is a path up to its last slash.
func folder(p string) string { return p[:strings.LastIndexByte(p, '/')+1] }

// fit returns no patterns where they are too many, or would mean something else.
func fit(list []string) []string {
	if len(list) > maxPatterns {
		return nil
	}
	for _, p := range list {
		if !strings.HasPrefix(p, "/") || strings.ContainsAny(strings.TrimSuffix(p, "/**"), "*%…") {
			return nil
		}
	}
	return list
}

// replay decides the recorded requests anew.
func replay(m *manifest.Manifest, decisions iter.Seq[*proxy.Event]) (r Replay) {
	missed := map[string]bool{}
	for e := range decisions {
		if e.Type != proxy.EventDecision || e.Host == "" || e.Proto == "git" { // which no route decides
			continue
		}
		d := decide(m, e)
		path, _, _ := strings.Cut(e.Path, "?")
		r.Requests++
		switch {
		case d.Action == proxy.Allow && e.Verdict == proxy.Deny && learns(e):
			r.Opened++
			r.Allowed++
		case d.Action == proxy.Allow && e.Verdict == proxy.Allow:
			r.Allowed++
		case d.Action != proxy.Allow && learns(e) && len(missed) < 20:
			if text := e.Method + " " + e.Host + path; !missed[text] {
				missed[text] = true
				r.Missed = append(r.Missed, text)
			}
		}
	}
	return r
}
