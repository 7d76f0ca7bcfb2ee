package journal

import (
	"bytes"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Filter says which events a reader wants. The zero value wants all.
type Filter struct {
	Denied  bool      // only denials: decisions, and ends of what was stopped later
	Decided bool      // only decisions, and ends of what was stopped later
	Since   time.Time // only events of this time and later
	Host    string    // only events of this host, or with "*.example.com" of hosts below it
	// Verdict, Rule, Proto and ID, when set, are those of an event. A rule that ends in *
	// stands for all that begin so. The end of what went on has neither verdict nor
	// rule.
	Verdict         proxy.Action
	Rule, Proto, ID string
	// Where, when set, is asked about what all else lets pass.
	Where func(*proxy.Event) bool

	// Last, when positive, lets a reader begin with the last so many of these events
	// that are there; LastBytes with the first line of the last so many bytes. They are
	// about where to begin, and nothing to Match.
	Last      int
	LastBytes int64
}

// Match reports whether the filter wants an event.
func (f *Filter) Match(e *proxy.Event) bool {
	return f.fits(e) && (f.Where == nil || f.Where(e))
}

// fits is Match without Where: it looks at what glance and an extent know.
func (f *Filter) fits(e *proxy.Event) bool {
	switch {
	case f.Denied && e.Verdict != proxy.Deny, f.Decided && e.Type != proxy.EventDecision && e.Verdict != proxy.Deny:
		return false
	case e.Time.Before(f.Since):
		return false
	case f.Verdict != "" && e.Verdict != f.Verdict, f.ID != "" && e.ID != f.ID,
		f.Proto != "" && e.Proto != f.Proto, f.Rule != "" && !matchRule(f.Rule, e.Rule):
		return false
	case f.Host == "":
		return true
	}
	host := strings.ToLower(e.Host)
	want := strings.ToLower(f.Host)
	if below, wild := strings.CutPrefix(want, "*"); wild {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	return host == want
}

func matchRule(want, rule string) bool {
	if begin, more := strings.CutSuffix(want, "*"); more {
		return strings.HasPrefix(rule, begin)
	}
	return rule == want
}

// narrow reports whether there is something that the filter does not want.
func (f *Filter) narrow() bool {
	return f.Denied || f.Decided || !f.Since.IsZero() || f.Host != "" || f.Verdict != "" || f.Rule != "" || f.Proto != "" || f.ID != "" || f.Where != nil
}

// passes reports that the filter does not want a line, as far as can be told without
// parsing it: that takes twenty times as long as to look for a field in a line which has
// the form that a Writer gives it. Of any other line it reports false.
func (f *Filter) passes(line []byte) bool {
	const prev, at = `,"prev":"`, `","time":"`
	start := bytes.Index(line[:min(len(line), 40)], []byte(prev))
	if start < 0 || !bytes.HasPrefix(line, []byte(`{"seq":`)) || !bytes.HasSuffix(line, []byte("}")) {
		return false
	}
	start += len(prev) + 2*len(Sum{})
	if len(line) < start || !bytes.HasPrefix(line[start:], []byte(at)) {
		return false
	}
	g := glance{rest: line[start+1:], plain: true}
	var e proxy.Event
	if !f.Since.IsZero() && e.Time.UnmarshalText([]byte(g.field("time"))) != nil {
		return false
	}
	if f.Decided {
		e.Type = proxy.EventType(g.field("type"))
	}
	if f.ID != "" {
		e.ID = g.field("id")
	}
	if f.Proto != "" {
		e.Proto = g.field("proto")
	}
	if f.Host != "" {
		e.Host = g.field("host")
	}
	if f.Denied || f.Decided || f.Verdict != "" {
		e.Verdict = proxy.Action(g.field("verdict"))
	}
	if f.Rule != "" {
		e.Rule = g.field("rule")
	}
	return g.plain && !f.fits(&e)
}

// glance looks for fields in a line, in their order.
type glance struct {
	rest  []byte
	plain bool // no field had an escape
}

// field returns the text of a field, "" where there is none. Its name with the comma and
// the quotes stands in no text, where quotes are escaped, and the objects within an event
// have other names, or have it first.
func (g *glance) field(name string) string {
	_, value, ok := bytes.Cut(g.rest, []byte(`,"`+name+`":"`))
	if !ok {
		return ""
	}
	end := bytes.IndexByte(value, '"')
	if end < 0 || bytes.IndexByte(value[:end], '\\') >= 0 {
		g.plain = false
		return ""
	}
	g.rest = value[end+1:]
	return string(value[:end])
}
