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
func (x *exchange) scanField(sc *lentScanner, kind, name string, values []string) *denial {
	place := cleanPlace{x.session, kind, name}
	single := kind == "header" && len(values) == 1
	if single {
		if placeholders, ok := x.snap.clean.has(place, "", values[0]); ok {
			x.seen(placeholders)
			return nil
		}
	}
	at := spot{kind, name}
	if !x.snap.names.clean(name) {
		had, d := x.scanPart(sc, spot{part: "name of a " + kind}, x.snap.nameSpellings(name))
		if d != nil {
			return d
		}
		if had.findings > 0 {
			at = spot{part: "name of a " + kind}
		} else {
			x.snap.names.add(name)
		}
	}
	fixed := !x.snap.redacts || kind != "header" || isFixedHeader(name) || signed(x.r.Header) != ""
	for i, v := range values {
		var d *denial
		var had inPart
		if fixed {
			had, d = x.scanPart(sc, at, name, ": ", v)
		} else {
			values[i], had, d = x.redactPart(sc, at, name+": ", v, "")
		}
		if d != nil {
			return d
		}
		if single && had.clean() && at.field != "" { // the name is clean, too
			x.snap.clean.add(place, v, had.placeholders)
		}
	}
	return nil
}

// inPart is what was found in a part of a request.
type inPart struct {
	findings     int
	placeholders []string // of secrets, which are findings too
}

// clean reports whether there is nothing but placeholders, which are the same to all
// hosts.
func (in *inPart) clean() bool { return in.findings == len(in.placeholders) }

func (in *inPart) add(findings []dlp.Finding, v *verdict) {
	in.findings += len(findings)
	in.placeholders = append(in.placeholders, v.placeholders...)
}

// scanPart scans one part of the head or of the trailers. It says what did not stop
// the request.
func (x *exchange) scanPart(sc *lentScanner, at spot, texts ...string) (had inPart, _ *denial) {
	x.scratch = x.scratch[:0]
	for _, t := range texts {
		x.scratch = append(x.scratch, t...)
	}
	d := decideWhole(sc.get(), x.scratch, func(findings []dlp.Finding) *denial {
		v := x.snap.judge(findings, at.String(), x.target.Host)
		x.note(&v)
		had.add(findings, &v)
		return v.stop
	})
	return had, d
}

// redactPart is scanPart for a text, with what stands before it, in which findings
// may be replaced. It returns the text as it may leave.
func (x *exchange) redactPart(sc *lentScanner, at spot, before, text, together string) (out string, had inPart, _ *denial) {
	x.scratch = append(append(x.scratch[:0], before...), text...)
	findings := scanWhole(sc.get(), x.scratch)
	if len(findings) == 0 {
		return text, had, nil
	}
	if !x.wantsRedaction(findings) {
		v := x.snap.judge(findings, at.String(), x.target.Host)
		x.note(&v)
		had.add(findings, &v)
		return text, had, v.stop
	}
	whole, d := x.redactWhole(sc.get(), wholeText{text: x.scratch, before: len(before), together: together}, func(done []dlp.Redaction) *denial {
		v := judgeRedactions(done, at.String(), x.bodyAction)
		x.note(&v)
		return v.stop
	})
	had.findings = len(findings) // as it came, it is not clean
	if d != nil {
		return text, had, d
	}
	return string(whole[len(before):]), had, nil
}

// The limits of the list of parts that hold nothing.
const (
	maxCleanParts    = 256
	maxCleanPartSize = 256
)

// cleanParts remembers, of each session and place, the last text in which nothing was
// found but placeholders: most come again with every request. What a session has sent
// of a secret in pieces stays counted for as long as the engine knows the secret, so a
// text that comes again adds nothing to it.
type cleanParts struct {
	mu   sync.RWMutex
	last map[cleanPlace]cleanPart
}

// cleanPlace is a place in the requests of a session.
type cleanPlace struct{ session, part, field string }

type cleanPart struct {
	text         string
	placeholders []string // in text
}

// has reports whether the last text, in two pieces, was the same, and which
// placeholders it has.
func (c *cleanParts) has(place cleanPlace, before, rest string) (placeholders []string, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	was, ok := c.last[place]
	if !ok || len(was.text) != len(before)+len(rest) || was.text[:len(before)] != before || was.text[len(before):] != rest {
		return nil, false
	}
	return was.placeholders, true
}

func (c *cleanParts) add(place cleanPlace, text string, placeholders []string) {
	if len(place.field) > maxCleanNameSize || len(text) > maxCleanPartSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.last[place]; !ok && len(c.last) >= maxCleanParts {
		return
	}
	if c.last == nil {
		c.last = map[cleanPlace]cleanPart{}
	}
	place.field = strings.Clone(place.field)
	c.last[place] = cleanPart{strings.Clone(text), placeholders}
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
