package dlp

import "bytes"

// maxReference bounds a character reference, with its "&" and ";".
const maxReference = 16

// findEntity finds a character reference of HTML to a character that no encoder
// has a reason to write so, also behind "&amp;".
func findEntity(b []byte, i int) int {
	for ; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '&')
		if n < 0 {
			return len(b)
		}
		i += n
		if isEntity(b, i) {
			return i
		}
	}
	return len(b)
}

// isEntity reports whether the "&" at b[i] is a sign.
func isEntity(b []byte, i int) bool {
	rest := i + 1
	for bytes.HasPrefix(b[rest:], []byte("amp;")) {
		rest += len("amp;")
	}
	r, n := reference(b[rest:])
	return n > 0 && suspectReference(b, r, i, rest+n, b[rest] != '#')
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
		n := bytes.IndexByte(src[i:], '&')
		if n < 0 {
			n = len(src) - i
		}
		c.keep(src[i : i+n])
		if i += n; i == len(src) {
			break
		}
		if r, n := reference(src[i+1:]); n > 0 {
			c.replace(r, i, i+1+n)
			i += 1 + n
			continue
		}
		c.keep(src[i : i+1])
		i++
	}
	return c.result()
}
