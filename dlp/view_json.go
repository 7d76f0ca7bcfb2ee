package dlp

import (
	"bytes"
	"unicode/utf16"
)

// findEscape finds an escape of a character that no encoder of JSON has a
// reason to escape, in any of the forms that decodeEscapes reads. What stands
// behind several backslashes is text in a text.
func findEscape(b []byte, i int) int {
	for i = nextBackslash(b, i); i+1 < len(b); i = nextBackslash(b, i) {
		if escapeNext[b[i+1]] && escapeAt(b, i) {
			return i
		}
		if i++; b[i] == '\\' { // one that is escaped stands for itself
			i++
		}
	}
	return len(b)
}

func nextBackslash(b []byte, i int) int {
	if i < len(b) {
		if n := bytes.IndexByte(b[i:], '\\'); n >= 0 {
			return i + n
		}
	}
	return len(b)
}

// findAnyEscape finds an escape of a backslash, of a quotation mark, or by
// number, between other bytes of a word.
func findAnyEscape(b []byte, i int) int {
	for i = nextBackslash(b, i); i+1 < len(b); i = nextBackslash(b, i+1) {
		if c := b[i+1]; i > 0 && b[i-1] > ' ' && (c == '\\' || c == '"' || c == 'u') {
			return i
		}
	}
	return len(b)
}

// escapeNext are what stands behind the backslash of a sign.
var escapeNext = newClass("uUx/0-3\\")

// escapeAt reports whether a sign starts with a backslash at b[start].
func escapeAt(b []byte, start int) bool {
	if b[start] != '\\' {
		return false
	}
	i := start + 1
	for i < len(b) && i-start < escapeSlashes && b[i] == '\\' {
		i++
	}
	return i < len(b) && suspectEscape(b, i, start)
}

// escapeSlashes is how many backslashes are looked at in a row.
const escapeSlashes = 16

// suspectEscape looks at the letter behind the backslashes from start to i.
func suspectEscape(b []byte, i, start int) bool {
	switch c := b[i]; c {
	case 'u', 'U', 'x':
		r, n := escapeNumber(b[i-1:])
		return n > 0 && suspectRune(b, r, start, i-1+n)
	case '/':
		return besideRun(b, start, i+1, minNeighbours) || slashesOfURL(b, start, i)
	case '0', '1', '2', '3':
		r, n := octal(b[i-1:])
		return n == 4 && r < 0x80 && plainByte[r]
	}
	return false
}

// slashesOfURL reports whether an escaped slash is the first of a URL with a
// password, perhaps.
func slashesOfURL(b []byte, start, i int) bool {
	if start == 0 || b[start-1] != ':' {
		return false
	}
	rest := b[i:min(len(b), i+viewContext)]
	if n := bytes.IndexAny(rest, "\" \n<>"); n >= 0 {
		rest = rest[:n]
	}
	return bytes.IndexByte(rest, '@') >= 0
}

// suspectRune reports whether an escape of r that stands in b[from:to] is odd:
// it needed none, or it may be there to break a token.
func suspectRune(b []byte, r rune, from, to int) bool {
	switch {
	case r < 0x80:
		return r > ' ' && (plainByte[r] || (r == '+' || r == '/') && besideRun(b, from, to, minNeighbours))
	case alwaysFolded(r):
		return true
	}
	c, ok := lookalike(r)
	switch {
	case !ok:
		return false
	case softFold(r, c):
		return digitBeside(b, from, to)
	}
	return properLetter(b, from) || to < len(b) && word[b[to]]
}

// properLetter reports whether the byte before b[i] is a word's, and not the
// end of an escape.
func properLetter(b []byte, i int) bool { return i > 0 && word[b[i-1]] && !escaped(b[:i]) }

// decodeEscapes resolves one level of the escapes of string literals: those of
// JSON, JavaScript, C, Python, Go and shells, which agree where they overlap.
func decodeEscapes(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := bytes.IndexByte(src[i:], '\\')
		if n < 0 {
			n = len(src) - i
		}
		c.keep(src[i : i+n])
		if i += n; i == len(src) {
			break
		}
		n = c.escape(src, i)
		if n == 0 {
			c.keep(src[i : i+1])
			n = 1
		}
		i += n
	}
	return c.result()
}

// escape writes the escape at src[i:] and returns its length, or 0.
func (c *copier) escape(src []byte, i int) int {
	b := src[i:]
	if len(b) < 2 {
		return 0
	}
	if v := simpleEscapes[b[1]]; v != 0 {
		c.put(v, i, i+2)
		return 2
	}
	if r, n := escapeNumber(b); n > 0 {
		if b[1] == 'x' && b[2] != '{' {
			c.put(byte(r), i, i+n)
		} else {
			c.replace(r, i, i+n)
		}
		return n
	}
	if r, n := octal(b); n > 0 {
		c.put(byte(r), i, i+n)
		return n
	}
	return 0
}

// simpleEscapes has what one character behind a backslash stands for.
var simpleEscapes = [256]byte{
	'"': '"', '\'': '\'', '`': '`', '\\': '\\', '/': '/',
	'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b,
}

// escapeNumber returns the character of a \xXX, \x{…}, \uXXXX, which may be one
// of a pair, \u{…} or \UXXXXXXXX at the start of b, and its length, or 0.
func escapeNumber(b []byte) (rune, int) {
	if len(b) < 4 || b[0] != '\\' {
		return 0, 0
	}
	switch b[1] {
	case 'x', 'u':
		if b[2] == '{' {
			return braced(b)
		}
		if b[1] == 'u' {
			return unitPair(b, 6, escapeUnit)
		}
		v, ok := hexPair(b[2:])
		if ok {
			return rune(v), 4
		}
	case 'U':
		if r, ok := hexNumber(b[2:], 8); ok {
			return r, 10
		}
	}
	return 0, 0
}

// braced reads the digits of a \u{…}.
func braced(b []byte) (rune, int) {
	n := runAfter(b, 3, 8, hexAny)
	if n == 0 || 3+n >= len(b) || b[3+n] != '}' {
		return 0, 0
	}
	r, ok := hexNumber(b[3:], n)
	if !ok {
		return 0, 0
	}
	return r, 3 + n + 1
}

func escapeUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	return hexNumber(b[2:], 4)
}

// unitPair returns the character of the one or two UTF-16 code units at the
// start of b, each written in size bytes, and its length, or 0.
func unitPair(b []byte, size int, unit func([]byte) (rune, bool)) (rune, int) {
	r, ok := unit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(b) >= 2*size {
		if low, ok := unit(b[size:]); ok {
			if r := utf16.DecodeRune(r, low); r != '\uFFFD' {
				return r, 2 * size
			}
		}
	}
	return r, size
}

// octal returns the value of a \NNN at the start of b, and its length, or 0.
func octal(b []byte) (rune, int) {
	if len(b) < 2 || b[0] != '\\' {
		return 0, 0
	}
	var r rune
	n := 1
	for n < len(b) && n < 4 && b[n]-'0' < 8 {
		next := r<<3 | rune(b[n]-'0')
		if next > 0xff {
			break
		}
		r = next
		n++
	}
	if n == 1 {
		return 0, 0
	}
	return r, n
}
