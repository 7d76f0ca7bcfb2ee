package escape

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxHost is the longest name of the DNS (RFC 1035 2.3.4, in text form).
// What is longer is no name and is not decoded.
const maxHost = 253

// Host shows the host of a request or of a route. Only letters, digits, marks
// and the punctuation of host names stand as they are, so a space, a slash or
// anything that looks like one is escaped.
//
// An internationalized name is shown as what is looked up, with what it stands
// for behind it, whichever of the two s is:
//
//	xn--bcher-kva.example (bücher.example)
//
// In a label that mixes scripts as no honest name does (UTS #39, 5.2, "highly
// restrictive"), all that is not ASCII is escaped, so that a Cyrillic а among
// Latin letters is not taken for a Latin one. A name wholly in a script that
// looks like another is told by its first form. A label that claims to be
// punycode and is not is shown as it stands. Where s has no form that could be
// looked up (it is longer than a name, or not UTF-8, or a label of it has no
// punycode), all that is not ASCII is escaped: no letter stands without the form
// that tells it from its lookalikes.
func Host(s string) string { return HostMax(s, 0) }

// HostMax is Host in at most the given number of columns, as TextMax. Where
// both forms of a name do not fit, the second is left out.
func HostMax(s string, columns int) string {
	ascii, meant, ok := forms(s)
	if !ok {
		return show(s, asciiForm, columns)
	}
	both := show(ascii, asciiForm, 0) + " (" + meant + ")"
	if columns > 0 && Columns(both) > columns {
		return show(ascii, asciiForm, columns)
	}
	return both
}

// forms returns the name as it is looked up and, escaped, as it is meant. It is
// not ok when s has only one form.
func forms(s string) (ascii, meant string, ok bool) {
	if len(s) > maxHost || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < 0x80 && !hostASCII(r) }) {
		return "", "", false
	}
	labels := strings.Split(s, ".")
	unicodes := make([]string, len(labels))
	for i, label := range labels {
		u := label
		if !isASCII(label) {
			a, err := idna.Punycode.ToASCII(label)
			if err != nil || !isASCII(a) {
				return "", "", false
			}
			labels[i], ok = a, true
		} else if decoded, is := decodeLabel(label); is {
			u, ok = decoded, true
		}
		unicodes[i] = showLabel(u)
	}
	return strings.Join(labels, "."), strings.Join(unicodes, "."), ok
}

// decodeLabel decodes a punycode label that says something: one that encodes to
// itself again and is not plain ASCII in disguise.
func decodeLabel(label string) (string, bool) {
	lower := strings.ToLower(label)
	if !strings.HasPrefix(lower, "xn--") {
		return "", false
	}
	u, err := idna.Punycode.ToUnicode(lower)
	if err != nil || isASCII(u) {
		return "", false
	}
	if back, err := idna.Punycode.ToASCII(u); err != nil || back != lower {
		return "", false
	}
	return u, true
}

func showLabel(label string) string {
	if mixesScripts(label) {
		return show(label, asciiForm, 0)
	}
	return show(label, hostForm, 0)
}

// together lists the scripts that one language writes side by side; each of
// them also goes with Latin.
var together = [][]string{
	{"Han", "Hiragana", "Katakana"},
	{"Han", "Bopomofo"},
	{"Han", "Hangul"},
}

// mixesScripts reports whether the label has letters of scripts that no
// language writes together.
func mixesScripts(label string) bool {
	seen := map[string]bool{}
	for _, r := range label {
		if s := scriptOf(r); s != "" {
			seen[s] = true
		}
	}
	if len(seen) < 2 {
		return false
	}
	for _, set := range together {
		n := len(seen)
		for _, s := range append([]string{"Latin"}, set...) {
			if seen[s] {
				n--
			}
		}
		if n == 0 {
			return false
		}
	}
	return true
}

// scriptOf names the script of r; it is empty for what all scripts share.
func scriptOf(r rune) string {
	if r < 0x80 && unicode.IsLetter(r) {
		return "Latin"
	}
	if r < 0x80 || unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
