package dlp

import "bytes"

// maxReference bounds a character reference, with its "&" and ";".
const maxReference = 16

// findEntity finds a character reference of HTML to a character that no encoder
// has a reason to write so, also behind "&amp;".
func findEntity(b []byte, i int) int {
	for i < len(b) {
		from, to := nextAmpersand(b, i)
		if to > len(b) {
			break
		}
		if isEntity(b, from, to) {
			return from
		}
		i = to
	}
	return len(b)
}

// isEntity reports whether the ampersand at b[from:to] is a sign.
func isEntity(b []byte, from, to int) bool {
	if to < len(b) && b[to] != '#' && byteAt(b, alnum.span(b, to, to+maxReference-1)) != ';' {
		return false // an ampersand of a query, most likely
	}
	for bytes.HasPrefix(b[to:], []byte("amp;")) {
		to += len("amp;")
	}
	r, n := reference(b[to:])
	return n > 0 && suspectReference(b, r, from, to+n, b[to] != '#')
}

// escapedAmpersand is what encoders of JSON write for "&" lest it is read as
// HTML, without the backslashes.
var escapedAmpersand = []byte("u0026")

const ampersandBlock = 4 << 10

// nextAmpersand returns where the first "&" at or after i starts and ends, plain
// or escaped for JSON; to is more than len(b) if there is none.
func nextAmpersand(b []byte, i int) (from, to int) {
	for ; i < len(b); i += ampersandBlock {
		block := b[i:min(len(b), i+ampersandBlock)]
		n := bytes.IndexByte(block, '&')
		if n >= 0 {
			block = block[:n]
			from, to = i+n, i+n+1
		} else {
			block = b[i:min(len(b), i+ampersandBlock+len(escapedAmpersand)-1)]
		}
		for k := 0; k < len(block); {
			n := bytes.Index(block[k:], escapedAmpersand)
			if n < 0 {
				break
			}
			k += n
			slash := i + k
			for slash > i && b[slash-1] == '\\' {
				slash--
			}
			k += len(escapedAmpersand)
			if slash < i+k-len(escapedAmpersand) {
				return slash, i + k
			}
		}
		if to > 0 {
			return from, to
		}
	}
	return len(b), len(b) + 1
}

func suspectReference(b []byte, r rune, from, to int, named bool) bool {
	if named {
		return bytes.IndexByte([]byte("<>&\"'"), byte(r)) < 0
	}
	return suspectRune(b, r, from, to)
}

// reference reads what may stand behind the "&" of a character reference (HTML
// Living Standard, section 13.2.5.72) and returns its length, or 0.
func reference(b []byte) (rune, int) {
	b = b[:min(len(b), maxReference-1)]
	if len(b) < 2 {
		return 0, 0
	}
	if b[0] == '#' {
		return numericReference(b)
	}
	n := bytes.IndexByte(b, ';')
	if n < 0 {
		return 0, 0
	}
	if c := namedReferences[string(b[:n])]; c != 0 {
		return rune(c), n + 1
	}
	return 0, 0
}

// numericReference reads #103 or #x67. The semicolon may be missing.
func numericReference(b []byte) (rune, int) {
	i, base, digits := 1, rune(10), decimal
	if b[1]|0x20 == 'x' {
		i, base, digits = 2, 16, hexAny
	}
	start := i
	var r rune
	for i < len(b) && digits[b[i]] && r < 0x110000 {
		r = r*base + rune(hexDigit(b[i]))
		i++
	}
	if i == start || r == 0 || r >= 0x110000 {
		return 0, 0
	}
	if i < len(b) && b[i] == ';' {
		i++
	}
	return r, i
}

var decimal = newClass("0-9")

// namedReferences are those of the characters of a token and of what stands
// around one.
var namedReferences = map[string]byte{
	"amp": '&', "AMP": '&', "lt": '<', "LT": '<', "gt": '>', "GT": '>', "quot": '"', "QUOT": '"', "apos": '\'',
	"sol": '/', "period": '.', "colon": ':', "equals": '=', "plus": '+', "lowbar": '_', "UnderBar": '_',
	"hyphen": '-', "dash": '-', "minus": '-', "num": '#', "commat": '@', "percnt": '%', "dollar": '$',
	"lpar": '(', "rpar": ')', "comma": ',', "semi": ';', "excl": '!', "quest": '?', "ast": '*', "midast": '*',
	"lsqb": '[', "lbrack": '[', "rsqb": ']', "rbrack": ']', "lcub": '{', "lbrace": '{', "rcub": '}', "rbrace": '}',
	"bsol": '\\', "verbar": '|', "vert": '|', "VerticalLine": '|', "grave": '`', "Hat": '^',
	"Tab": '\t', "NewLine": '\n',
}

func decodeEntities(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		from, to := nextAmpersand(src, i)
		c.keep(src[i:from])
		if from == len(src) {
			break
		}
		i = to
		if r, n := reference(src[to:]); n > 0 {
			i = to + n
			c.replace(r, from, i)
			continue
		}
		c.keep(src[from:to])
	}
	return c.result()
}
