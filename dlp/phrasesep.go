package dlp

// phraseSep is what joins the words of a phrase.
type phraseSep int

const (
	sepSpace phraseSep = iota // or a line break, plain or escaped, maybe with a number behind it
	sepPlus                   // of a form
	sepComma                  // a comma and a space, or only a comma
	sepArray                  // the quotation marks and the comma of a JSON array
	sepCount                  // a space or comma, and the number of the word

	// maxSeparator bounds one: a line break, an indent and a number.
	maxSeparator = 24
)

// beside reports whether the separator stands between the word b[from:to] and
// another one of the list.
func (k phraseSep) beside(b []byte, table *bip39Table, from, to int) bool {
	if k.has(byteAt(b, to)) {
		if _, ok := k.wordBehind(b, table, to); ok {
			return true
		}
	}
	if k.has(byteAt(b, from-1)) {
		_, ok := k.wordBefore(b, table, from)
		return ok
	}
	return false
}

// has reports whether the separator may start or end with c. An escape ends
// with a letter, before which is its backslash.
func (k phraseSep) has(c byte) bool {
	switch c {
	case ' ':
		return k == sepSpace || k == sepCount || k == sepComma || k == sepArray
	case '\n', '\r', '.', ')', ':', '\t':
		return k == sepSpace || k == sepCount
	case ',':
		return k == sepComma || k == sepCount
	case '+':
		return k == sepPlus
	case '"', '\'':
		return k == sepArray
	case '\\', 'n':
		return k == sepSpace || k == sepArray
	}
	return false
}

// wordBehind returns the word of the list behind the separator at b[i].
func (k phraseSep) wordBehind(b []byte, table *bip39Table, i int) (phraseWord, bool) {
	from := k.forth(b, i)
	if from < 0 || from >= len(b) || !isLower(b[from]) {
		return phraseWord{}, false
	}
	to := from + 1
	for to < len(b) && isLower(b[to]) && to-from <= maxBIP39Word {
		to++
	}
	index := table.index(b[from:to])
	return phraseWord{int32(from), int32(to), uint16(index)}, index >= 0 && !word[byteAt(b, to)]
}

// wordBefore returns the word of the list before the separator that ends at
// b[i].
func (k phraseSep) wordBefore(b []byte, table *bip39Table, i int) (phraseWord, bool) {
	to := k.back(b, i)
	if to <= 0 || !isLower(b[to-1]) {
		return phraseWord{}, false
	}
	from := to - 1
	for from > 0 && isLower(b[from-1]) && to-from <= maxBIP39Word {
		from--
	}
	if from > 0 && b[from-1] == '\\' && escapeLetter(b[from]) && to-from > minBIP39Word {
		from++
	}
	index := table.index(b[from:to])
	return phraseWord{int32(from), int32(to), uint16(index)}, index >= 0 && !isUpper(byteAt(b, from-1)) && byteAt(b, from-1) != '_'
}

// forth returns where the separator that starts at b[i] ends, or -1.
func (k phraseSep) forth(b []byte, i int) int {
	switch k {
	case sepSpace:
		if byteAt(b, i) == ' ' {
			return i + 1
		}
		if n := forthLine(b, i); n > i {
			return forthNumber(b, forthBlank(b, n))
		}
	case sepPlus:
		if byteAt(b, i) == '+' {
			return i + 1
		}
	case sepComma:
		if byteAt(b, i) == ',' {
			if byteAt(b, i+1) == ' ' {
				return i + 2
			}
			return i + 1
		}
	case sepCount:
		n := i
		if byteAt(b, n) == ',' {
			n++
		}
		n = forthBlank(b, n)
		if m := forthNumber(b, n); n > i && m > n {
			return m
		}
	case sepArray:
		n := forthQuote(b, i)
		if n < 0 || byteAt(b, n) != ',' {
			return -1
		}
		n = forthBlank(b, n+1)
		return forthQuote(b, forthBlank(b, forthLine(b, n)))
	}
	return -1
}

// forthLine skips a line break, plain or escaped.
func forthLine(b []byte, i int) int {
	start := i
	for n := 0; n < maxSlash && byteAt(b, i) == '\\'; n++ {
		i++
	}
	switch c := byteAt(b, i); {
	case i > start && c == 'r' && byteAt(b, i+1) == '\\':
		return forthLine(b, i+1)
	case i > start && c == 'n':
		return i + 1
	case i > start:
		return start
	case c == '\r' && byteAt(b, i+1) == '\n':
		return i + 2
	case c == '\n':
		return i + 1
	}
	return start
}

func forthBlank(b []byte, i int) int {
	for n := 0; n < maxBlank && (byteAt(b, i) == ' ' || byteAt(b, i) == '\t'); n++ {
		i++
	}
	return i
}

// forthNumber skips the number of a word, as in "12. " or "3) ".
func forthNumber(b []byte, i int) int {
	n := decimals.span(b, i, i+2)
	if n == i {
		return i
	}
	switch byteAt(b, n) {
	case '.', ')', ':':
		return forthBlank(b, n+1)
	case ' ':
		return n + 1
	}
	return i
}

func forthQuote(b []byte, i int) int {
	if i < 0 {
		return -1
	}
	for n := 0; n < maxSlash && byteAt(b, i) == '\\'; n++ {
		i++
	}
	if c := byteAt(b, i); c == '"' || c == '\'' {
		return i + 1
	}
	return -1
}

// back returns where the separator that ends before b[i] starts, or -1. It
// takes what forth takes, which has no lower-case letter but that of an escape.
func (k phraseSep) back(b []byte, i int) int {
	for n := 1; n <= maxSeparator && n < i; n++ {
		if isLower(b[i-n]) && b[i-n-1] != '\\' {
			return -1
		}
		if isLower(b[i-n-1]) && k.forth(b, i-n) == i {
			return i - n
		}
	}
	return -1
}
