package dlp

import "math"

// entropy returns the Shannon entropy of b in bits per byte.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	var count [256]uint16
	for _, c := range b {
		count[c]++
	}
	// Each byte adds its share at its first occurrence.
	var sum float64
	for _, c := range b {
		if n := count[c]; n > 1 {
			sum += float64(n) * math.Log2(float64(n))
			count[c] = 0
		}
	}
	return math.Log2(float64(len(b))) - sum/float64(len(b))
}

const (
	// minEntropy is the floor of a random value in bits per byte, and
	// minShortEntropy that of one with less than shortValue bytes: 16 letters
	// and digits of one case have 3.5 on average, 16 of a name some 3.2.
	minEntropy      = 3.5
	minShortEntropy = 3.2
	shortValue      = 20
	// minHexEntropy is that of digits in hex, of which 16 have 3.3 on average.
	minHexEntropy = 2.8
	// minValue and maxValue bound the length of a value that is judged alone.
	minValue = 16
	maxValue = 256
	// maxExample is how much of a value is searched for signs of an example.
	maxExample = 64
)

// looksRandom reports whether a text is what a generator of keys makes: no name,
// path, number, date, identifier of a record or example. It is meant for texts
// of minValue to maxValue bytes.
func looksRandom(v []byte) bool {
	if len(v) < minValue || len(v) > maxValue || isExample(v, min(len(v), maxExample)) || isUUID(v) {
		return false
	}
	n := shapeOf(v)
	switch {
	case n.letters < 3:
		return false
	case n.hex == len(v):
		return n.digits >= 3 && entropy(v) >= minHexEntropy
	case n.digits == 0 && 3*n.turns < len(v):
		return false // words in camel case turn less often
	case 3*n.other > len(v):
		return false // separators
	}
	floor := minEntropy
	if len(v) < shortValue {
		floor = minShortEntropy
	}
	return !wordLike(v) && entropy(v) >= floor
}

// shape counts what a text is made of.
type shape struct {
	letters, digits, hex, other int
	// turns are the places where a character is of another kind than the one
	// before: lower case, upper case, digit, other.
	turns int
}

func shapeOf(v []byte) shape {
	var n shape
	last := -1
	for _, c := range v {
		kind := 3
		switch {
		case 'a' <= c && c <= 'z':
			kind = 0
			n.letters++
		case 'A' <= c && c <= 'Z':
			kind = 1
			n.letters++
		case '0' <= c && c <= '9':
			kind = 2
			n.digits++
		default:
			n.other++
		}
		if hexAny[c] {
			n.hex++
		}
		if kind != last && last >= 0 {
			n.turns++
		}
		last = kind
	}
	return n
}

// isUUID reports whether v is a UUID with its dashes.
func isUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !hexAny[c] {
			return false
		}
	}
	return true
}

// pairs are the letters that often follow each letter in English words and in
// names of programs: 84 in 100 pairs there, 26 in 100 of random letters.
var pairs = [26]uint32{
	letterSet("bcdgilmnprstu"), letterSet("aeilu"), letterSet("aehklost"), letterSet("adeiors"),
	letterSet("acdeflmnprstvx"), letterSet("aefiloru"), letterSet("ehios"), letterSet("aeiot"),
	letterSet("cdefglmnoprstz"), 0, letterSet("ae"), letterSet("adeilosty"), letterSet("aeiops"),
	letterSet("acdegikost"), letterSet("cdflmnoprstuvw"), letterSet("aeiloprt"), letterSet("u"),
	letterSet("aceikmnorstu"), letterSet("acehiopstuy"), letterSet("acehiloprstuy"),
	letterSet("eilnprst"), letterSet("ae"), letterSet("air"), 0, letterSet("s"), letterSet("e"),
}

func letterSet(letters string) (set uint32) {
	for _, c := range letters {
		set |= 1 << (c - 'a')
	}
	return set
}

// wordLike reports whether the letters of v stand in the pairs of words rather
// than at random.
func wordLike(v []byte) bool {
	common, all := 0, 0
	for i := 1; i < len(v); i++ {
		a, b := v[i-1]|0x20, v[i]|0x20
		if a < 'a' || a > 'z' || b < 'a' || b > 'z' || v[i-1] >= 'a' && v[i] <= 'Z' {
			continue // no pair of letters, or the next word of camel case
		}
		all++
		if pairs[a-'a']>>(b-'a')&1 != 0 {
			common++
		}
	}
	return all >= 5 && 5*common >= 3*all
}
