package proxy

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/bot-bottle/bottle/dlp"
)

// spot is where a text stands in a request.
type spot struct {
	part  string // url, method, header, trailer, ...
	field string // the name of a field that may be told
}

func (p spot) String() string {
	if p.field == "" {
		return p.part
	}
	return p.part + " " + headerText(p.field)
}

// scanField scans one field, a header or a trailer: its name, and each value
// behind it. A name that holds something is told to nobody.
func (x *exchange) scanField(sc *dlp.Scanner, kind, name string, values []string) *denial {
	at := spot{kind, name}
	if !x.snap.names.clean(name) {
		found, d := x.scanPart(sc, spot{part: "name of a " + kind}, x.snap.nameSpellings(name))
		if d != nil {
			return d
		}
		if found {
			at = spot{part: "name of a " + kind}
		} else {
			x.snap.names.add(name)
		}
	}
	fixed := !x.snap.redacts || kind != "header" || isFixedHeader(name) || signed(x.r.Header) != ""
	for i, v := range values {
		last := kind == "header" && len(values) == 1
		if last && x.snap.clean.is(x.session, name, v) {
			continue
		}
		var d *denial
		var found bool
		if fixed {
			found, d = x.scanPart(sc, at, name, ": ", v)
		} else {
			values[i], found, d = x.redactPart(sc, at, name+": ", v, "")
		}
		if d != nil {
			return d
		}
		if last && !found {
			x.snap.clean.add(x.session, name, v)
		}
	}
	return nil
}

// scanPart scans one part of the head or of the trailers. It reports whether
// there is a finding that did not stop the request.
func (x *exchange) scanPart(sc *dlp.Scanner, at spot, texts ...string) (found bool, _ *denial) {
	x.scratch = x.scratch[:0]
	for _, t := range texts {
		x.scratch = append(x.scratch, t...)
	}
	d := decideWhole(sc, x.scratch, func(findings []dlp.Finding) *denial {
		found = true
		v := x.snap.judge(findings, at.String(), x.target.Host)
		x.note(&v)
		return v.stop
	})
	return found, d
}

// redactPart is scanPart for a text, with what stands before it, in which findings
// may be replaced. It returns the text as it may leave.
func (x *exchange) redactPart(sc *dlp.Scanner, at spot, before, text, together string) (out string, found bool, _ *denial) {
	x.scratch = append(append(x.scratch[:0], before...), text...)
	findings := scanWhole(sc, x.scratch)
	if len(findings) == 0 {
		return text, false, nil
	}
	if !x.wantsRedaction(findings) {
		v := x.snap.judge(findings, at.String(), x.target.Host)
		x.note(&v)
		return text, true, v.stop
	}
	whole, d := x.redactWhole(sc, wholeText{text: x.scratch, before: len(before), together: together}, func(done []dlp.Redaction) *denial {
		v := judgeRedactions(done, at.String(), x.bodyAction)
		x.note(&v)
		return v.stop
	})
	if d != nil {
		return text, true, d
	}
	return string(whole[len(before):]), true, nil
}

// The limits of the list of values that hold nothing.
const (
	maxCleanValues    = 256
	maxCleanValueSize = 256
)

// cleanValues remembers, of each session and header, the last value in which nothing
// was found: most come again with every request. What a session has sent of a secret in
// pieces stays counted for as long as the engine knows the secret, so a value that
// comes again adds nothing to it.
type cleanValues struct {
	mu   sync.RWMutex
	last map[[2]string]string // by session and name
}

func (c *cleanValues) is(session, name, value string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	was, ok := c.last[[2]string{session, name}]
	return ok && was == value
}

func (c *cleanValues) add(session, name, value string) {
	if len(name) > maxCleanNameSize || len(value) > maxCleanValueSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{session, name}
	if _, ok := c.last[key]; !ok && len(c.last) >= maxCleanValues {
		return
	}
	if c.last == nil {
		c.last = map[[2]string]string{}
	}
	c.last[key] = strings.Clone(value)
}

// nameSpellings returns the spellings that the name of a field may have had or
// will have: net/http has changed its letters, HTTP/2 makes them small. A known
// value that stands in it in other letters is added in its own.
func (snap *snapshot) nameSpellings(name string) string {
	lower := strings.ToLower(name)
	text := lower + " " + strings.ToUpper(name)
	for _, v := range snap.namable {
		if v.in(lower) {
			text += " " + v.text
		}
	}
	return text
}

// namable is a known value in a spelling that can stand in the name of a field.
type namable struct{ text, lower string }

// namables lists those of some known values: a name is a token (RFC 9110,
// section 5.1).
func namables(known []dlp.Known) (out []namable) {
	for _, k := range known {
		if k.Kind != dlp.KnownSecret {
			continue
		}
		for _, text := range []string{k.Value, url.QueryEscape(k.Value)} {
			if v := (namable{text, strings.ToLower(text)}); isToken(text) && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// shortValue is the length below which a value inside a longer word is there by
// chance.
const shortValue = 16

// in reports whether the value stands in a name in small letters.
func (v namable) in(name string) bool {
	for from := 0; ; from++ {
		i := strings.Index(name[from:], v.lower)
		if i < 0 {
			return false
		}
		from += i
		end := from + len(v.lower)
		if len(v.lower) >= shortValue || (from == 0 || !isAlnum(name[from-1])) && (end == len(name) || !isAlnum(name[end])) {
			return true
		}
	}
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// The limits of the list of names that hold nothing.
const (
	maxCleanNames    = 1024
	maxCleanNameSize = 64
)

// cleanNames remembers the names of fields in which nothing was found: the same
// ones come with every request.
type cleanNames struct {
	mu  sync.RWMutex
	set map[string]struct{}
}

func (c *cleanNames) clean(name string) bool {
	if len(name) < dlp.MinKnown {
		return true // too short for anything
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.set[name]
	return ok
}

func (c *cleanNames) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.set) >= maxCleanNames || len(name) > maxCleanNameSize {
		return
	}
	if c.set == nil {
		c.set = map[string]struct{}{}
	}
	c.set[strings.Clone(name)] = struct{}{}
}
