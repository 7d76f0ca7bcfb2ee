package dlp

import (
	"bytes"
	"strings"
)

// fieldReach is how far before a match its field is looked for: what the buffer keeps
// before what is still looked at.
const fieldReach = 64

// fieldBefore returns the name of the member, header or variable that b[at:] is the value
// of. It is one of which all words are known to be of such names: what the agent wrote
// there may be a secret, too.
func fieldBefore(b []byte, at int) string {
	from := max(0, at-fieldReach)
	left := b[from:at]
	for _, scheme := range [...]string{"Bearer ", "bearer ", "Basic ", "basic ", "token "} {
		left = bytes.TrimSuffix(left, []byte(scheme))
	}
	a, ok := assignmentBefore(left, len(left))
	if !ok || a.from == 0 && from > 0 || a.to-a.from > maxField {
		return "" // none, or one that may start before
	}
	name := left[a.from:a.to]
	for i := 0; i < len(name); {
		start, end := nextWord(name, i)
		if start < end && !isFieldWord(bytes.ToLower(name[start:end])) {
			return ""
		}
		i = max(end, i+1)
	}
	return string(name)
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
