package dlp

import (
	"bytes"
	"slices"
	"strings"
)

// fieldReach is how far before a match its field is looked for: what the buffer keeps
// before what is still looked at.
const fieldReach = 64

const _ = uint(context - fieldReach)

// fieldBefore returns the name of the member, header or variable that s.buf[at:] is the
// value of. It is one of which all words are known to be of such names, and no part of a
// known value: what the agent wrote there may be a secret, too.
func (s *Scanner) fieldBefore(at int) string {
	from := max(0, at-fieldReach)
	left := s.buf[from:at]
	for _, scheme := range [...]string{"Bearer ", "bearer ", "Basic ", "basic ", "token "} {
		left = bytes.TrimSuffix(left, []byte(scheme))
	}
	a, ok := assignmentBefore(left, len(left))
	cut := from > 0 || s.depth > 0 // what is decoded may start anywhere
	if !ok || a.from == 0 && cut || a.to-a.from > maxField {
		return "" // none, or one that may start before
	}
	name, start := left[a.from:a.to], s.base+int64(from)
	if !isFieldName(name) || s.covered(span{start + int64(a.from), start + int64(a.to)}) || s.engine.inWeak(name) {
		return ""
	}
	return string(name)
}

// covered reports whether a known value has a byte of a span.
func (s *Scanner) covered(sp span) bool {
	return slices.ContainsFunc(s.covers, func(c span) bool { return c.start < sp.end && sp.start < c.end })
}

// inWeak reports whether a name has a weak value in it or is a part of one: those cover
// nothing where they stand in no place of a credential.
func (e *Engine) inWeak(name []byte) bool {
	return slices.ContainsFunc(e.weak, func(i int32) bool {
		text := e.literals[i].text
		return strings.Contains(text, string(name)) || bytes.Contains(name, []byte(text))
	})
}

// isFieldName reports whether a name has words, and all of them are of the names of
// fields.
func isFieldName(name []byte) bool {
	words := 0
	for start, end := nextWord(name, 0); start < end; start, end = nextWord(name, end) {
		if !isFieldWord(bytes.ToLower(name[start:end])) {
			return false
		}
		words++
	}
	return words > 0
}

// maxField is the longest name of a field that is told.
const maxField = 48

// isFieldWord reports whether a word is of the names of fields.
func isFieldWord(w []byte) bool {
	return secretWord(w) || qualifiesKey(w) || len(w) > 2 && neutral(w) || harmless(w) || fieldWords[string(w)]
}

// fieldWords are those of the names of rules, which have those of all issuers, and of
// what is beside a secret.
var fieldWords = func() map[string]bool {
	words := map[string]bool{}
	for _, r := range Rules() {
		for w := range strings.SplitSeq(r.ID, "-") {
			words[w] = true
		}
	}
	for w := range strings.FieldsSeq("id url uri user username name email host x proxy bearer login account config settings connection database db content input message body query") {
		words[w] = true
	}
	return words
}()
