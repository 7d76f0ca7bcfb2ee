package dlp

const (
	minCard = 13
	maxCard = 19
	// cardReach is how far a stretch of digits is looked at on either side.
	cardReach = 32
	maxGroups = 40
	// maxCardGroups are those of a number, a year, a month or a code.
	maxCardGroups = 7
)

// digitGroup is a run of digits in a stretch of them.
type digitGroup struct {
	from, to int
	sep      byte // that stands behind it, 0 for none
}

// cardNumber finds the number of a payment card in the stretch of digits around
// b[at], whose groups single spaces or dashes join: with its check digit, of an
// issuer, on its own, and none that documents show.
func cardNumber(b []byte, at int) (from, to int, ok bool) {
	if at < 0 || at >= len(b) || !stretchByte[b[at]] {
		return 0, 0, false
	}
	var buf [maxGroups]digitGroup
	groups := digitGroups(b, at, &buf)
	for i := range groups {
		if from, to, ok := plainCard(b, groups, i); ok {
			return from, to, true
		}
		if len(groups) > maxCardGroups {
			continue // a row of numbers
		}
		if from, to, ok := groupedCard(b, groups, i); ok {
			return from, to, true
		}
	}
	return 0, 0, false
}

var stretchByte = newClass("0-9 -")

// digitGroups returns the groups of digits around b[at].
func digitGroups(b []byte, at int, buf *[maxGroups]digitGroup) []digitGroup {
	i := at
	if !decimals[b[i]] {
		i++
	}
	for low := max(0, at-cardReach); i > low; i-- {
		if decimals[b[i-1]] {
			continue
		}
		if !stretchByte[b[i-1]] || !decimals[byteAt(b, i-2)] {
			break
		}
		i-- // a separator and the digit before it
	}
	high := min(len(b), at+cardReach)
	i += escapeDigits(b, i)
	groups := buf[:0]
	for i < high && decimals[b[i]] && len(groups) < maxGroups {
		g := digitGroup{from: i, to: decimals.span(b, i, i+cardReach)}
		if c := byteAt(b, g.to); (c == ' ' || c == '-') && decimals[byteAt(b, g.to+1)] {
			g.sep = c
		}
		groups = append(groups, g)
		if g.sep == 0 {
			break
		}
		i = g.to + 1
	}
	return groups
}

// escapeDigits returns how many digits at b[i:] are those of an escape.
func escapeDigits(b []byte, i int) int {
	switch {
	case byteAt(b, i-1) == '%' && decimals[byteAt(b, i)] && decimals[byteAt(b, i+1)]:
		return 2
	case byteAt(b, i-1) == 'u' && byteAt(b, i-2) == '\\' && decimals.span(b, i, i+4) == i+4:
		return 4
	}
	return 0
}

// plainCard judges a group that has all digits of a number.
func plainCard(b []byte, groups []digitGroup, i int) (from, to int, ok bool) {
	g := groups[i]
	if n := g.to - g.from; n < minCard || n > maxCard {
		return 0, 0, false
	}
	if i > 0 && groups[i-1].sep == '-' || g.sep == '-' || !cardStarts(b, g.from, i > 0) || !cardEnds(b, g.to) {
		return 0, 0, false
	}
	var num [maxCard]byte
	n := copy(num[:], b[g.from:g.to])
	if !isCard(num[:n]) || distinct(num[:n]) < 6 || inNumbers(b, g.from, g.to) || namesNumber(b, g.from) {
		return 0, 0, false
	}
	if i > 0 && isNumber(b, groups[i-1]) || i+1 < len(groups) && isNumber(b, groups[i+1]) {
		return 0, 0, false
	}
	// So many digits are mostly those of a number of 64 bits, and so few those
	// of a time in milliseconds.
	if (n > 16 || n == 13) && !namesAny(before(b, g.from, cardReach), cardWords) {
		return 0, 0, false
	}
	return g.from, g.to, true
}

// isNumber reports whether a group is one of a row of numbers.
func isNumber(b []byte, g digitGroup) bool {
	var num [maxCard]byte
	n := copy(num[:], b[g.from:g.to])
	return g.to-g.from > 6 && !isCard(num[:n])
}

var cardWords = []string{"card", "pan", "visa", "maestro", "unionpay", "discover", "ccn", "cc_", "cc:", "cc,"}

// inNumbers reports whether a number is one of a list, or the argument of a
// function, as programs have them.
func inNumbers(b []byte, from, to int) bool {
	if c := byteAt(b, from-1); c == '(' && word[byteAt(b, from-2)] {
		return true
	}
	if byteAt(b, to) == ',' {
		i := forthBlank(b, to+1)
		if n := decimals.span(b, i, i+longNumber) - i; n > 0 && i > to+1 || n == longNumber {
			return true
		}
	}
	i := skipBlanks(b, from)
	if byteAt(b, i-1) != ',' {
		return false
	}
	n := i - 1 - decimals.spanBack(b, i-1, i-1-longNumber)
	return n > 0 && i < from || n == longNumber
}

// longNumber is how many digits no field beside that of a card's number has.
const longNumber = 9

// layouts are how the digits of numbers are grouped, the longest first.
var layouts = [...][]int{{4, 4, 4, 4, 3}, {4, 4, 4, 4, 2}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}}

// groupedCard judges the number that starts with a group.
func groupedCard(b []byte, groups []digitGroup, i int) (from, to int, ok bool) {
	for _, layout := range layouts {
		if len(groups)-i < len(layout) {
			continue
		}
		var num [maxCard]byte
		n, sep := 0, groups[i].sep
		fits := true
		for k, size := range layout {
			g := groups[i+k]
			if g.to-g.from != size || k < len(layout)-1 && g.sep != sep {
				fits = false
				break
			}
			n += copy(num[n:], b[g.from:g.to])
		}
		if !fits || !isCard(num[:n]) {
			continue
		}
		// A row of numbers of four digits is a table.
		first, last := groups[i], groups[i+len(layout)-1]
		if i > 0 || last.sep == '-' || inTable(b, first.from, last.to) || repeats(b, groups[i:i+len(layout)]) {
			continue
		}
		if cardStarts(b, first.from, false) && cardEnds(b, last.to) {
			return first.from, last.to, true
		}
	}
	return 0, 0, false
}

// inTable reports whether the words beside b[from:to] have four characters and
// are numbers too, in hex perhaps.
func inTable(b []byte, from, to int) bool {
	i, k := from, to
	for i > 0 && from-i < 2 && (b[i-1] == ' ' || b[i-1] == '\n' || b[i-1] == ',') {
		i--
	}
	for k < len(b) && k-to < 2 && (b[k] == ' ' || b[k] == '\n' || b[k] == ',') {
		k++
	}
	left, right := hexAny.spanBack(b, i, i-5), hexAny.span(b, k, k+5)
	return i < from && i-left == 4 && hasDigit(b[left:i]) || k > to && right-k == 4 && hasDigit(b[k:right]) && !digitsOnly(b[k:right])
}

func hasDigit(b []byte) bool { return shapeOf(b).digits > 0 }

func digitsOnly(b []byte) bool { return decimals.span(b, 0, len(b)) == len(b) }

// repeats reports whether two groups are equal.
func repeats(b []byte, groups []digitGroup) bool {
	for i, g := range groups {
		for _, h := range groups[:i] {
			if string(b[g.from:g.to]) == string(b[h.from:h.to]) {
				return true
			}
		}
	}
	return false
}

// cardStarts reports whether a number of its own may start at b[i].
func cardStarts(b []byte, i int, inner bool) bool {
	if i == 0 || inner {
		return true
	}
	switch c := b[i-1]; {
	case word[c]:
		return escaped(b[:i])
	case c == '.': // of a fraction, with or without a number before it, and as an operand
		before := byteAt(b, i-2)
		return !decimals[before] && !operandAfter[before]
	case c == '-' || c == '+' || c == '/' || c == '$' || c == '#' || c == '@':
		return false
	}
	return true
}

// operandAfter are what fractions without a number before them stand behind in scripts
// that were made short.
var operandAfter = newClass("+*/(,=?:<>[&|-")

// cardEnds reports whether it may end before b[i].
func cardEnds(b []byte, i int) bool {
	switch c := byteAt(b, i); {
	case word[c] || c == '/' || c == '@' || c == '$':
		return false
	case c == '-' || c == '.' || c == '+' || c == ':':
		return !word[byteAt(b, i+1)]
	}
	return true
}

// namesNumber reports whether the member or key that the number is the value of
// says that it is something else.
func namesNumber(b []byte, i int) bool {
	i, _ = openQuote(b, i)
	i = skipBlanks(b, i)
	if c := byteAt(b, i-1); c != ':' && c != '=' {
		return false
	}
	i = skipBlanks(b, i-1)
	i, _ = openQuote(b, i)
	name := b[nameBytes.spanBack(b, i, i-maxName):i]
	from, to := 0, 0
	for k := 0; k < len(name); {
		f, t := nextWord(name, k)
		if f == t {
			break
		}
		from, to, k = f, t, t
	}
	var w [maxName]byte
	for k, c := range name[from:to] {
		w[k] = toLower(c)
	}
	switch string(w[:to-from]) {
	case "id", "ids", "uid", "uuid", "seq", "sequence", "time", "timestamp", "ts", "nonce", "size", "offset", "bytes", "ns", "seed", "hash", "version", "build", "rev", "revision", "sku", "isbn", "imei", "order":
		return true
	}
	return false
}
