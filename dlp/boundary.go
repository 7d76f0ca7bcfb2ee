package dlp

// leftBoundary reports whether a token may start at b[i]: behind the start of
// the stream, behind a byte that is neither a word's nor joins the bytes of the
// token's own body, or behind an escape, whose last byte looks like a word's:
// \n, %22, \u0022. b has at least six bytes before i, or all there are.
func leftBoundary(b []byte, i int, body *class) bool {
	if i == 0 {
		return true
	}
	c := b[i-1]
	if !word[c] {
		return !joins(c) || !body.has(c) || c == '-' && lineStarts(b, i-1)
	}
	return escaped(b[:i])
}

// lineStarts reports whether a line starts at b[i], behind a line feed or its escape. A
// dash there is that of a list or of a line that a change takes out.
func lineStarts(b []byte, i int) bool {
	return i == 0 || b[i-1] == '\n' || i > 1 && b[i-1] == 'n' && b[i-2] == '\\'
}

// joins reports whether a byte may stand inside a token between its words.
func joins(c byte) bool { return c == '-' || c == '.' }

// escaped reports whether b ends with an escape of JSON or a URL. Whether its
// backslash is itself escaped does not matter: text in text has it doubled.
func escaped(b []byte) bool {
	n := len(b)
	switch {
	case n >= 2 && b[n-2] == '\\':
		return escapeLetter(b[n-1])
	case n >= 3 && b[n-3] == '%':
		return hexAny[b[n-2]] && hexAny[b[n-1]]
	case n >= 6 && b[n-6] == '\\' && b[n-5] == 'u':
		return hexAny[b[n-4]] && hexAny[b[n-3]] && hexAny[b[n-2]] && hexAny[b[n-1]]
	}
	return false
}

// afterEscape returns where the escape ends of which b[i-1] is the first byte, or i if
// there is none.
func afterEscape(b []byte, i int) int {
	n := 0
	switch c := byteAt(b, i-1); {
	case c == '%':
		n = 2
	case c != '\\':
	case byteAt(b, i) == 'u':
		n = 5
	default:
		n = 1
	}
	if n > 0 && i+n <= len(b) && escaped(b[i-1:i+n]) {
		return i + n
	}
	return i
}

func escapeLetter(c byte) bool { return escapeLetters[c] }
