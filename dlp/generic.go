package dlp

import "bytes"

// genericSecret wants a random value that is assigned to a name of a secret, in
// one of the places where data is kept: a query or form, a header, YAML, an
// environment file, JSON, XML, an option of a command.
func genericSecret(b []byte, start, end int) (int, int, bool) {
	from, a, ok := assignedSecret(b, start, end)
	if !ok {
		return 0, 0, false
	}
	to := valueBody.span(b, end, from+maxValue+1)
	to = trimValue(b, from, to)
	last := equalSigns.span(b, to, to+2)
	if !a.ends(b, last) || !looksRandom(b[from:to]) || isPath(b[from:to]) || isToken(b[from:to]) || isPublished(b[from:to]) {
		return 0, 0, false
	}
	return from, last, true
}

// assignedSecret returns where the value starts that the run b[start:end] is of, and the
// name of a secret that it is assigned to.
func assignedSecret(b []byte, start, end int) (from int, a assignment, ok bool) {
	if !mayFollowName(b, start) {
		return 0, a, false
	}
	if from = valueBody.spanBack(b, start, start-64); from == start {
		from = runBegin(b, start, end)
	}
	a, ok = assignmentBefore(b, from)
	if ok && bytes.EqualFold(b[a.from:a.to], []byte("value")) {
		return from, a, namesSecret(pairedName(b, a.from))
	}
	return from, a, ok && namesSecret(b[a.from:a.to])
}

// valueBody is what a value is made of. What else it may have does not stand in
// the values that generators make.
var valueBody = newClass(valueSpec)

const valueSpec = "A-Za-z0-9+/_.~!@#%^*-"

// mayFollowName refuses most runs by the byte before them.
func mayFollowName(b []byte, start int) bool {
	switch c := byteAt(b, start-1); c {
	case ' ', '\t':
		c = byteAt(b, start-2)
		return c == ':' || c == '=' || c == ' ' || c == '\t' || c == '>' || c == '\n' || word[c] && wordBefore(b, start-1)
	case '"', '\'', '`', '=', ':', '\\', '>':
		return true
	default:
		return valueBody[c]
	}
}

// wordBefore reports whether the word that ends before b[i] takes the next one as
// its value: an option of a command, or the password in a .netrc file.
func wordBefore(b []byte, i int) bool {
	from := nameBytes.spanBack(b, i, i-maxName)
	name := b[from:i]
	return len(name) > 4 && name[0] == '-' && name[1] == '-' || string(name) == "password" && namesAny(before(b, from, maxName), netrcWords)
}

var netrcWords = []string{"login ", "login\t", "machine "}

// trimValue drops what ends a sentence rather than a value.
func trimValue(b []byte, from, to int) int {
	for to > from && (b[to-1] == '.' || b[to-1] == '!' || b[to-1] == '#') {
		to--
	}
	return to
}

// isPath reports whether a value is a path or the name of a file or host.
func isPath(v []byte) bool {
	if v[0] == '.' || v[0] == '~' && v[1] == '/' || v[0] == '@' {
		return true
	}
	slashes, dots := 0, 0
	for _, c := range v {
		switch c {
		case '/':
			slashes++
		case '.':
			dots++
		}
	}
	return dots > 2 || 8*slashes > len(v) || v[0] == '/' && slashes > 2
}

// isToken reports whether a value has a rule of its own: JSON Web Tokens.
func isToken(v []byte) bool { return string(v[:3]) == "eyJ" }

// assignment says that b[from:to] is the name that a value is assigned to.
type assignment struct {
	from, to int
	// quote is the quotation mark before the value, or 0.
	quote byte
	// line says that the value must be the last of its line.
	line bool
}

const (
	maxName  = 64 // of a key
	maxBlank = 12 // around an operator
	maxType  = 8  // of a type between a name and its value
	// maxPairGap is how much stands between a name's member and that of its value.
	maxPairGap = 40
	maxSlash   = 4 // backslashes before an escaped quotation mark
	// maxOperator is how many signs stand before the = of :::= and ??=.
	maxOperator = 3
)

// operatorByte are the signs that stand before the = of an operator that assigns.
var operatorByte = newClass(":?.|")

// assignmentBefore returns what is assigned to at b[i:].
func assignmentBefore(b []byte, i int) (a assignment, ok bool) {
	if i, a.quote = openQuote(b, i); a.quote == 0 && i > 0 && b[i-1] == '\\' {
		return a, false
	}
	op := skipBlanks(b, i)
	gap := op < i
	if gap && word[byteAt(b, op-1)] && wordBefore(b, op) {
		a.from, a.to = nameBytes.spanBack(b, op, op-maxName), op
		return a, true
	}
	colon := false
	switch byteAt(b, op-1) {
	case '\n':
		return elementBefore(b, op-1, a)
	case ',':
		return argumentBefore(b, op-1, a)
	case ':':
		colon = true
		op--
	case '=':
		op--
		switch byteAt(b, op-1) {
		case '=', '!', '<', '>', '+', '~':
			return a, false
		}
		if n := runBefore(b, op, maxOperator, operatorByte); n > 0 {
			op -= n
			gap = true
		}
	case '>': // of =>, or an element's
		if byteAt(b, op-2) != '=' {
			a.from, a.to = nameBytes.spanBack(b, op-1, op-maxName), op-1
			return a, !gap && a.from < a.to && byteAt(b, a.from-1) == '<'
		}
		op -= 2
		gap = true
	default:
		return a, false
	}
	to := skipBlanks(b, op)
	wide := gap || to < op
	to = skipIndex(b, to)
	to, nameQuote := openQuote(b, to)
	if a.quote != 0 && nameQuote == 0 && !colon {
		to = skipType(b, to)
	}
	a.to, a.from = to, nameBytes.spanBack(b, to, to-maxName)
	if a.from < a.to && byteAt(b, a.from-1) == '\\' && escapeLetter(b[a.from]) {
		a.from++
	}
	switch {
	case a.from == a.to:
		return a, false
	case nameQuote != 0:
		return a, a.quote != 0 || !colon && !wide // JSON, or an index of a map
	case a.quote != 0:
		return a, true
	case colon || wide: // a header, YAML or a file of settings
		a.line = true
		return a, colon && gap && startsLine(b, a.from) || colon && isHeader(b, a.from) || startsLine(b, a.from)
	}
	return a, true
}

// nameBytes is what a name of a value is made of.
var nameBytes = newClass("A-Za-z0-9_.-")

// openQuote returns where a quotation mark that ends before b[i] starts, with
// its backslashes, and which it is.
func openQuote(b []byte, i int) (int, byte) {
	switch q := byteAt(b, i-1); q {
	case '"', '\'', '`':
		i--
		for n := 0; n < maxSlash && i > 0 && b[i-1] == '\\'; n++ {
			i--
		}
		return i, q
	}
	return i, 0
}

func skipBlanks(b []byte, i int) int {
	for n := 0; n < maxBlank && i > 0 && (b[i-1] == ' ' || b[i-1] == '\t'); n++ {
		i--
	}
	return i
}

// skipIndex skips the bracket behind the name in settings["name"].
func skipIndex(b []byte, i int) int {
	if byteAt(b, i-1) == ']' {
		return i - 1
	}
	return i
}

// startsLine reports whether a name is the first of its line, behind blanks, a
// dash of YAML, "export" or a quotation mark, or of a part of JSON.
func startsLine(b []byte, i int) bool {
	i, _ = openQuote(b, i)
	i = skipBlanks(b, i)
	switch byteAt(b, i-1) {
	case '-':
		i = skipBlanks(b, i-1)
	case ':': // of a symbol in Ruby
		i = skipBlanks(b, i-1)
	}
	if i >= 6 && string(b[i-6:i]) == "export" {
		i = skipBlanks(b, i-6)
	}
	return lineStarts(b, i) || b[i-1] == '\r'
}

// isHeader reports whether a name stands in quotation marks with its value, as
// a header in a command does.
func isHeader(b []byte, i int) bool {
	c := byteAt(b, i-1)
	return c == '"' || c == '\''
}

// ends reports whether the value may end before b[i].
func (a assignment) ends(b []byte, i int) bool {
	if i == len(b) {
		return true
	}
	if a.quote != 0 {
		for n := 0; n < maxSlash && i < len(b) && b[i] == '\\'; n++ {
			i++
		}
		return i == len(b) || b[i] == a.quote || b[i] == '\n' // cut off
	}
	switch b[i] {
	case '\n', '\r', '"', '\'', '\\', '`':
		return true
	case ' ', '\t':
		if !a.line {
			return true
		}
		for n := 0; n < maxBlank && i < len(b) && (b[i] == ' ' || b[i] == '\t'); n++ {
			i++
		}
		c := byteAt(b, i)
		return c == 0 || c == '\n' || c == '\r' || c == '#' || c == '\\'
	case '&', ';', ',', '}', '<', '|', '.', '!', '#':
		return !a.line
	}
	return false
}
