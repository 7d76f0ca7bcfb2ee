package dlp

import "slices"

const (
	minCard = 13
	maxCard = 19
	// cardReach is how far a stretch of digits is looked at on either side.
	cardReach = 32
	maxGroups = 40
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
	if !digits[b[i]] {
		i++
	}
	for low := max(0, at-cardReach); i > low; i-- {
		if digits[b[i-1]] {
			continue
		}
		if !stretchByte[b[i-1]] || !digits[byteAt(b, i-2)] {
			break
		}
		i-- // a separator and the digit before it
	}
	high := min(len(b), at+cardReach)
	i += escapeDigits(b, i)
	groups := buf[:0]
	for i < high && digits[b[i]] && len(groups) < maxGroups {
		g := digitGroup{from: i, to: digits.span(b, i, i+cardReach)}
		if c := byteAt(b, g.to); (c == ' ' || c == '-') && digits[byteAt(b, g.to+1)] {
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
	case byteAt(b, i-1) == '%' && digits[byteAt(b, i)] && digits[byteAt(b, i+1)]:
		return 2
	case byteAt(b, i-1) == 'u' && byteAt(b, i-2) == '\\' && digits.span(b, i, i+4) == i+4:
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
		if n := digits.span(b, i, i+longNumber) - i; n > 0 && i > to+1 || n == longNumber {
			return true
		}
	}
	i := skipBlanks(b, from)
	if byteAt(b, i-1) != ',' {
		return false
	}
	n := i - 1 - digits.spanBack(b, i-1, i-1-longNumber)
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
		if i > 0 || last.sep == '-' || len(groups) > len(layout)+2 || inTable(b, first.from, last.to) || repeats(b, groups[i:i+len(layout)]) {
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

func digitsOnly(b []byte) bool { return digits.span(b, 0, len(b)) == len(b) }

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
	case c == '.':
		return !digits[byteAt(b, i-2)]
	case c == '-' || c == '+' || c == '/' || c == '$' || c == '#' || c == '@':
		return false
	}
	return true
}

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

// isCard judges digits by their issuer, their check digit (ISO/IEC 7812-1) and
// the numbers that are for tests.
func isCard(num []byte) bool {
	return issued(num) && luhn(num) && distinct(num) >= 4 && !isTestCard(num)
}

// luhn reports whether the check digit is right.
func luhn(num []byte) bool {
	sum := 0
	for i, c := range num {
		d := int(c - '0')
		if (len(num)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// issuer is a range of the first six digits with the lengths of its numbers.
type issuer struct {
	low, high int
	lengths   uint32 // a bit for each
}

func lengths(all ...int) (set uint32) {
	for _, n := range all {
		set |= 1 << n
	}
	return set
}

// issuers are the ranges of the networks: Visa, Mastercard, American Express,
// Discover, Diners Club, JCB, UnionPay, Maestro.
var issuers = [...]issuer{
	{400000, 499999, lengths(13, 16, 19)},
	{510000, 559999, lengths(16)},
	{222100, 272099, lengths(16)},
	{340000, 349999, lengths(15)},
	{370000, 379999, lengths(15)},
	{601100, 601199, lengths(16, 19)},
	{644000, 659999, lengths(16, 19)},
	{300000, 305999, lengths(14, 16)},
	{309500, 309599, lengths(14, 16)},
	{360000, 369999, lengths(14)},
	{380000, 399999, lengths(14, 16)},
	{352800, 358999, lengths(16)},
	{620000, 629999, lengths(16, 17, 18, 19)},
	{810000, 817199, lengths(16)},
	{501800, 501899, lengths(16)},
	{502000, 502099, lengths(16)},
	{503800, 503899, lengths(16)},
	{589300, 589399, lengths(16)},
	{630400, 630499, lengths(16)},
	{675900, 676399, lengths(16)},
}

func issued(num []byte) bool {
	if len(num) < minCard || len(num) > maxCard {
		return false
	}
	first := 0
	for _, c := range num[:6] {
		first = 10*first + int(c-'0')
	}
	for i := range issuers {
		r := &issuers[i]
		if r.low <= first && first <= r.high {
			return r.lengths>>len(num)&1 != 0
		}
	}
	return false
}

// isTestCard reports whether documents of payment services show the number.
func isTestCard(num []byte) bool {
	var n uint64
	for _, c := range num {
		n = 10*n + uint64(c-'0')
	}
	return n/1e10 == 400000 || slices.Contains(testCards[:], n) || hasRun(num)
}

// hasRun reports whether six digits in a row are equal, or eight count up.
func hasRun(num []byte) bool {
	same, up := 1, 1
	for i := 1; i < len(num); i++ {
		if num[i] == num[i-1] {
			same++
		} else {
			same = 1
		}
		if (num[i] - '0') == (num[i-1]-'0'+1)%10 {
			up++
		} else {
			up = 1
		}
		if same >= 6 || up >= 8 {
			return true
		}
	}
	return false
}

var testCards = [...]uint64{
	4111111111111111, 4242424242424242, 4012888888881881, 4222222222222, 4000056655665556, 4007702835532454, 4001919257537193,
	4012000033330026, 4012000077777777, 4005519200000004, 4009348888881881, 4217651111111119, 4263982640269299, 4444333322221111,
	4462030000000000, 4484070000000000, 4500600000000061, 4646464646464644, 4911830000000000, 4917484589897107, 4917610000000000,
	4988438843884305, 4035501000000008, 4360000001000005, 4166676667666746, 4300000000000777, 4539791001730106, 4508750015741019,
	5555555555554444, 5105105105105100, 5200828282828210, 5454545454545454, 5425233430109903, 5500000000000004, 5555341244441115,
	5404000000000001, 5431111111111111, 5577000055770004, 5136333333333335, 5555444433331111, 5424000000000015, 2223003122003222,
	2222420000001113, 2223000048400011, 2221000000000009, 2222400070000005, 2222410740360010,
	378282246310005, 371449635398431, 378734493671000, 374245455400126, 340000000000009, 370000000000002, 371144371144376, 341111111111111,
	6011111111111117, 6011000990139424, 6011981111111113, 6011000000000004, 6011000000000012, 6011601160116611, 6011000400000000, 6011500080009080, 6445644564456445,
	30569309025904, 38520000023237, 3056930009020004, 36227206271667, 36148900647913, 36006666333344, 36700102000000, 30000000000004, 36111111111111,
	3530111333300000, 3566002020360505, 3566111111111113, 3088000000000017, 3569990010095841, 3566000020000410,
	6200000000000005, 6200000000000047, 6205500000000000004, 6250941006528599, 6243030000000001, 6212345678901232, 8171999927660000,
	6759649826438453, 6799990100000000019, 6362970000457013, 6771798021000008,
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
