package dlp

import (
	"bytes"
	"unicode/utf8"
)

// findPercent finds a percent-encoding (RFC 3986, section 2.1) of a character
// that needs none; of "+" or "/" inside a long run; of ":" before one; of "@" in a URL; or of the
// line break behind the header of a key.
func findPercent(b []byte, i int) int {
	for ; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '%')
		if n < 0 {
			return len(b)
		}
		i += n
		if suspectPercent(b, i) {
			return i
		}
	}
	return len(b)
}

func suspectPercent(b []byte, i int) bool {
	c, ok := hexPair(b[i+1:])
	if !ok {
		r, ok := percentUnit(b[i:])
		return ok && suspectRune(b, r, i, i+6)
	}
	switch {
	case plainByte[c]:
		return true
	case c == '%':
		// %2567: what is inside is for the next level.
		rest := b[i+3:]
		for bytes.HasPrefix(rest, []byte("25")) {
			rest = rest[2:]
		}
		in, ok := hexPair(rest)
		return ok && plainByte[in]
	case c == '+' || c == '/':
		return besideRun(b, i, i+3, minNeighbours)
	case c == ':':
		return runAfter(b, i+3, minRun, alnum) == minRun
	case c == '@':
		before := b[max(0, i-viewContext):i]
		return bytes.Contains(before, []byte("%2F%2F")) || bytes.Contains(before, []byte("%2f%2f"))
	case c == ' ':
		return bytes.HasSuffix(b[:i], []byte("-BEGIN"))
	case c == '\n' || c == '\r':
		return bytes.HasSuffix(b[:i], []byte("KEY-----"))
	case c >= 0x80:
		// A character of several bytes: what it looks like decides.
		r, n := percentRune(b[i:])
		return n > 3 && suspectRune(b, r, i, i+n)
	}
	return false
}

// percentUnit returns the code unit of a %uXXXX, as JavaScript's escape writes
// it.
func percentUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '%' || b[1]|0x20 != 'u' {
		return 0, false
	}
	return hexNumber(b[2:], 4)
}

func decodePercent(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := bytes.IndexByte(src[i:], '%')
		if n < 0 {
			n = len(src) - i
		}
		c.keep(src[i : i+n])
		if i += n; i == len(src) {
			break
		}
		if v, ok := hexPair(src[i+1:]); ok {
			c.put(v, i, i+3)
			i += 3
			continue
		}
		if r, n := unitPair(src[i:], 6, percentUnit); n > 0 {
			c.replace(r, i, i+n)
			i += n
			continue
		}
		c.keep(src[i : i+1])
		i++
	}
	plusInHeader(c.dst[c.base:])
	return c.result()
}

// plusInHeader writes the spaces that a form has as "+" in the header of a key.
// Elsewhere a plus may be one.
func plusInHeader(b []byte) {
	for {
		n := bytes.Index(b, []byte("-----BEGIN+"))
		if n < 0 {
			return
		}
		b = b[n+10:]
		for i := 0; i < len(b) && i < maxLabel && b[i] != '-'; i++ {
			if b[i] == '+' {
				b[i] = ' '
			}
		}
	}
}

// percentRune returns the character whose UTF-8 is percent-encoded at the start
// of b, and the length, or 0.
func percentRune(b []byte) (rune, int) {
	var text [utf8.UTFMax]byte
	n := 0
	for n < len(text) && len(b) >= 3*n+3 && b[3*n] == '%' {
		c, ok := hexPair(b[3*n+1:])
		if !ok {
			break
		}
		text[n] = c
		n++
	}
	r, size := utf8.DecodeRune(text[:n])
	if r == utf8.RuneError {
		return 0, 0
	}
	return r, 3 * size
}
