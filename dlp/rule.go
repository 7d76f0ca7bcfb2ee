package dlp

import (
	"slices"
	"sync"
)

// Rule describes one format, for documentation and for the validation of what
// names rules.
type Rule struct {
	ID          string
	Description string
	// Action is the strictest one that the rule comes to unless a Policy names
	// it: Block for a format that is hardly ever anything else, Warn for one
	// that other text may have.
	Action Action
}

// Rules returns all formats, by ID, and RuleKnown.
func Rules() []Rule {
	rules := []Rule{
		{ID: RuleKnown, Description: "The value of a secret that the host knows, plain, encoded or in pieces.", Action: Block},
		{ID: RuleCanary, Description: "A value that was laid out to be found, and is used nowhere.", Action: Block},
	}
	for i := range formats {
		rules = append(rules, formats[i].Rule)
	}
	for i := range runRules {
		rules = append(rules, runRules[i].Rule)
	}
	rules = append(rules, lookRules[:]...)
	slices.SortFunc(rules, func(a, b Rule) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return rules
}

// RuleIDs returns the IDs that a Policy may name, sorted.
func RuleIDs() []string {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

// Describe returns the rule with the ID.
func Describe(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// actions are those of the rules by ID.
var actions = sync.OnceValue(func() map[string]Action {
	rules := Rules()
	m := make(map[string]Action, len(rules))
	for _, r := range rules {
		m[r.ID] = r.Action
	}
	return m
})

func defaultAction(id string) Action {
	if a, ok := actions()[id]; ok {
		return a
	}
	return Block
}

// format is a rule with its forms.
type format struct {
	Rule
	forms []form
}

// form is one way a token is written: a prefix and a body, or a shape of its
// own.
type form struct {
	prefix   string
	body     *class // of the bytes behind prefix
	min, max int    // length of the body
	// custom is of a rule of one's own: what looks like an example is a finding too.
	custom bool
	// check may refuse a body.
	check func(body []byte) bool
	// shape, if not nil, judges the text instead. Only the first bytes of body
	// still have to be in the class.
	shape judge
	// trigger is what finds it.
	trigger trigger
	// sum, if not nil, reports whether a body has the checksum that it should.
	sum func(body []byte) bool
	// rest judges what a known value leaves of a match of the shape.
	rest func(piece []byte) bool
}

// judge looks at b, which starts with the prefix of the form; b[body:] is what
// follows. With final, the stream ends with b. What it says of b, other than
// more, it says of b with anything behind it; with final it never says more. On
// match, b[start:end] is the finding. It is decided within maxWindow bytes.
type judge func(b []byte, body int, final bool) (start, end int, v verdict)

type verdict int

const (
	miss verdict = iota
	more         // b ends too early to tell
	match
)

// short is the verdict for a text that is right as far as it goes.
func short(final bool) (int, int, verdict) {
	if final {
		return 0, 0, miss
	}
	return 0, 0, more
}

// judge looks at b, which starts with a candidate.
func (f *form) judge(b []byte, final bool) (start, end int, v verdict) {
	n, ok := hasPrefix(b, f.prefix)
	switch {
	case !ok:
		return 0, 0, miss
	case n < len(f.prefix):
		return short(final)
	case f.shape != nil:
		start, end, v = f.shape(b, n, final)
	default:
		start, end, v = f.run(b, n, final)
	}
	if v == match && f.trigger == byRun && !anchored(b[:end]) {
		return 0, 0, miss
	}
	return start, end, v
}

// run judges a body by class and length. One that is longer than max is
// something else; the full stop of a sentence behind it is none of its bytes.
func (f *form) run(b []byte, body int, final bool) (int, int, verdict) {
	most := body + f.max
	end := f.body.span(b, body, most+2)
	switch {
	case end > most && b[most] != '.':
		return 0, 0, miss
	case end == len(b) && end < most+2 && !final:
		return 0, 0, more
	}
	n := end
	if n > body && b[n-1] == '.' {
		n--
	}
	text := b[body:n]
	if n > most || len(text) < f.min || n < len(b) && word.has(b[n]) || !f.custom && isExample(text, f.min) || f.check != nil && !f.check(text) || !f.custom && isPublished(b[:n]) {
		return 0, 0, miss
	}
	return 0, n, match
}

// cuttable returns how many bytes of b, which is no match, a known value may
// leave so that they are one; 0 if it cannot be. A shape that is none when it
// goes on is none when it ends earlier.
func (f *form) cuttable(b []byte) int {
	body, ok := hasPrefix(b, f.prefix)
	if !ok || f.shape != nil {
		return 0
	}
	n := f.body.span(b, body, body+f.max)
	if n < body+f.min {
		return 0
	}
	return n
}

// hasPrefix returns how many bytes of prefix b starts with, and whether that is
// all that either has.
func hasPrefix(b []byte, prefix string) (int, bool) {
	n := min(len(b), len(prefix))
	return n, string(b[:n]) == prefix[:n]
}

// class is a set of bytes.
type class [256]bool

func (c *class) has(b byte) bool { return c != nil && c[b] }

// span returns the end of the run in b that starts at i, at most limit.
func (c *class) span(b []byte, i, limit int) int {
	limit = min(limit, len(b))
	for i < limit && c[b[i]] {
		i++
	}
	return i
}

// newClass makes a class of single bytes and of ranges such as a-z. A "-" that
// is meant stands at the end.
func newClass(spec string) *class {
	c := new(class)
	for i := 0; i < len(spec); i++ {
		lo, hi := spec[i], spec[i]
		if i+2 < len(spec) && spec[i+1] == '-' {
			hi = spec[i+2]
			i += 2
		}
		for b := int(lo); b <= int(hi); b++ {
			c[b] = true
		}
	}
	return c
}

// The classes of token bodies. They are never changed.
var (
	word          = newClass("A-Za-z0-9_")
	alnum         = newClass("A-Za-z0-9")
	dashed        = newClass("A-Za-z0-9_-")
	dotted        = newClass("A-Za-z0-9_.-")
	hyphened      = newClass("A-Za-z0-9-")
	hexLower      = newClass("0-9a-f")
	hexAny        = newClass("0-9A-Fa-f")
	base32Up      = newClass("A-Z2-7")
	bech32Up      = newClass("AC-HJ-NP-Z02-9")
	base64Any     = newClass("A-Za-z0-9+/=_-")
	base64Line    = newClass("A-Za-z0-9+/=")
	slashed       = newClass("A-Za-z0-9/")
	upperNum      = newClass("A-Z0-9")
	lowerNum      = newClass("a-z0-9")
	upperDash     = newClass("A-Z0-9-")
	hexDash       = newClass("0-9a-f-")
	lowerDash     = newClass("a-z0-9-")
	base64Dots    = newClass("A-Za-z0-9_.=-")
	hexDot        = newClass("0-9a-f.")
	base58        = newClass("1-9A-HJ-NP-Za-km-z")
	base32Low     = newClass("a-z2-7")
	bech32Low     = newClass("ac-hj-np-z02-9")
	base64Path    = newClass("A-Za-z0-9+/=_.-")
	coloned       = newClass("A-Za-z0-9:")
	percented     = newClass("A-Za-z0-9%+/=_-")
	uuidPath      = newClass("A-Za-z0-9@/-")
	dashedPath    = newClass("A-Za-z0-9_/-")
	dollared      = newClass("A-Za-z0-9$")
	djangoBody    = newClass("A-Za-z0-9!@#$%^&*(=+)_-")
	digits        = newClass("0-9")
	hexUpper      = newClass("0-9A-F")
	rancherBody   = newClass("a-z0-9:-")
	bitwardenBody = newClass("A-Za-z0-9.:+/=-")
	secretURI     = newClass("A-Za-z0-9._~!$&'()*+,;=:@%-")
)
