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
	if c >= 0 && !plainByte[c] {
		return false
	}
	before, after := runBefore(b, from, quotedLeast, quotedRun), runAfter(b, to, quotedLeast, quotedRun)
	if c < 0 {
		return before > 0 && after > 0 && before+after >= quotedLeast-1
	}
	return before+after >= quotedLeast-1
}

const quotedLeast = 15

// quotedNext are what may stand behind the "=" of a sign.
var quotedNext = newClass("0-9A-Fa-f\r\n")

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
	if i < len(b) && b[i] == '\r' {
		i++
	}
	if i < len(b) && b[i] == '\n' {
		return -1, i + 1
	}
	return 0, 0
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
