package dlp

import "bytes"

// findQuoted finds quoted-printable (RFC 2045, section 6.7): a soft line break
// inside a word, or the escape of a character that needs none, inside what is
// a run of the gate without it. A lone "=41" is also part of many URLs.
func findQuoted(b []byte, i int) int {
	for ; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '=')
		if n < 0 {
			return len(b)
		}
		i += n
		if isQuoted(b, i) {
			return i
		}
	}
	return len(b)
}

// isQuoted reports whether the "=" at b[i] is a sign.
func isQuoted(b []byte, i int) bool {
	if i+1 == len(b) || !quotedNext[b[i+1]] {
		return false
	}
	c, n := quoted(b[i:])
	return n > 0 && suspectQuoted(b, c, i, i+n)
}

func suspectQuoted(b []byte, c, from, to int) bool {
	switch {
	case c == '=' && b[to-1] == 'D' && (from > 0 && b[from-1] > ' ' || runAfter(b, to, quotedLeast, quotedRun) == quotedLeast):
		return true // nothing else writes it so
	case c >= 0 && !plainByte[c]:
		return false
	case c < 0 && isLongLine(b, from):
		return true
	}
	before, after := runBefore(b, from, quotedLeast, quotedRun), runAfter(b, to, quotedLeast, quotedRun)
	if c < 0 {
		return before > 0 && after > 0 && before+after >= quotedLeast-1
	}
	return before+after >= quotedLeast-1
}

// isLongLine reports whether the line that ends before b[i] is one that was
// broken since it was too long: of 73 to 75 characters.
func isLongLine(b []byte, i int) bool {
	start := bytes.LastIndexByte(b[max(0, i-79):i], '\n')
	if start < 0 {
		start = bytes.LastIndex(b[max(0, i-79):i], []byte(`\n`))
	}
	n := i - max(0, i-79) - start
	return start >= 0 && 72 < n && n < 79 || start < 0 && i < 79 && i > 72
}

const quotedLeast = 15

// quotedNext are what may stand behind the "=" of a sign.
var quotedNext = newClass("0-9A-Fa-f\r\n\\")

// quotedRun are the bytes of a run and of escapes in it.
var quotedRun = newClass("A-Za-z0-9+/_=.-")

// quoted returns the byte of the escape at the start of b, or -1 for a soft line
// break, and the length, or 0.
func quoted(b []byte) (c, n int) {
	if len(b) < 2 || b[0] != '=' {
		return 0, 0
	}
	if v, ok := hexPair(b[1:]); ok {
		return int(v), 3
	}
	i := 1
	for i < len(b) && i < 8 && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if n := softBreak(b[i:]); n > 0 {
		return -1, i + n
	}
	return 0, 0
}

// softBreak returns the length of the line break at the start of b, plain or
// escaped.
func softBreak(b []byte) int {
	n := 0
	for _, c := range [...]byte{'r', 'n'} {
		slashes := runAfter(b, n, 4, backslash)
		end := n + slashes
		switch {
		case slashes > 0 && end < len(b) && b[end] == c:
			n = end + 1
		case slashes == 0 && end < len(b) && (b[end] == '\r' && c == 'r' || b[end] == '\n' && c == 'n'):
			n = end + 1
		case c == 'n':
			return 0
		}
	}
	return n
}

func decodeQuoted(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := bytes.IndexByte(src[i:], '=')
		if n < 0 {
			n = len(src) - i
		}
		c.keep(src[i : i+n])
		if i += n; i == len(src) {
			break
		}
		v, n := quoted(src[i:])
		switch {
		case n == 0:
			c.keep(src[i : i+1])
			n = 1
		case v < 0:
			c.drop(i + n)
		default:
			c.put(byte(v), i, i+n)
		}
		i += n
	}
	return c.result()
}
