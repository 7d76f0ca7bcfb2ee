package dlp

import "bytes"

// Where the name of a value stands that is not simply assigned to it.

// pairedName returns what a member or attribute called name or key says before the one
// called value that starts at b[i:], as environments of containers and files of settings
// have them.
func pairedName(b []byte, i int) []byte {
	i, _ = openQuote(b, i)
	for n := 0; n < maxPairGap && i > 0 && between[b[i-1]]; n++ {
		i--
	}
	to, quote := openQuote(b, i)
	from := nameBytes.spanBack(b, to, to-maxName)
	i, before := openQuote(b, from)
	if quote != before {
		return nil
	}
	i = skipBlanks(b, i)
	if c := byteAt(b, i-1); c != ':' && c != '=' {
		return nil
	}
	i, _ = openQuote(b, skipBlanks(b, i-1))
	switch string(bytes.ToLower(b[nameBytes.spanBack(b, i, i-maxType):i])) {
	case "name", "key":
		return b[from:to]
	}
	return nil
}

// between is what may stand between two members.
var between = newClass(", \t\r\n")

// elementBefore returns the element whose text starts on the line behind b[i], which is
// a line break.
func elementBefore(b []byte, i int, a assignment) (assignment, bool) {
	if byteAt(b, i-1) == '\r' {
		i--
	}
	if byteAt(b, i-1) != '>' {
		return a, false
	}
	a.to = i - 1
	a.from = nameBytes.spanBack(b, a.to, a.to-maxName)
	return a, a.quote == 0 && a.from < a.to && byteAt(b, a.from-1) == '<'
}

// argumentBefore returns the name in quotation marks before the comma b[i], as calls have
// it that set something to a value in such marks.
func argumentBefore(b []byte, i int, a assignment) (assignment, bool) {
	to, quote := openQuote(b, skipBlanks(b, i))
	a.to, a.from = to, nameBytes.spanBack(b, to, to-maxName)
	if a.quote == 0 || quote != a.quote || a.from == a.to || byteAt(b, a.from-1) != quote {
		return a, false
	}
	before, _ := openQuote(b, a.from)
	return a, byteAt(b, before-1) == '('
}

// skipType skips the type that stands between a name and its value: string in
// "var name string", : string in "name: string".
func skipType(b []byte, i int) int {
	from := nameBytes.spanBack(b, i, i-maxType)
	to := skipBlanks(b, from)
	switch string(b[from:i]) {
	case "string", "String", "str":
	default:
		return i
	}
	if byteAt(b, to-1) == ':' {
		return to - 1
	}
	if to < from && word[byteAt(b, to-1)] {
		return to
	}
	return i
}
