package escape

import (
	"unicode/utf16"
	"unicode/utf8"
)

// JSON appends to dst a JSON document in which every rune that Text would not
// show, and every combining mark, stands as \uXXXX. The document means the same:
// runes beyond ASCII stand in strings only, where JSON has that notation for
// them. So a terminal, an editor or a web page may show it as it is, and jq and
// every other program reads what was meant.
//
// encoding/json escapes the ASCII controls but DEL, and two of the separators;
// C1 controls, bidi and zero-width characters it passes on. A doc that is not
// JSON comes back with the same runes escaped and line feeds as they were; a
// byte that is not UTF-8 becomes \ufffd, as encoding/json has it.
func JSON(dst, doc []byte) []byte {
	for i := 0; i < len(doc); {
		c := doc[i]
		if c < utf8.RuneSelf {
			i++
			if c == 0x7f || c < ' ' && c != '\n' {
				dst = appendUnit(dst, uint16(c))
			} else {
				dst = append(dst, c)
			}
			continue
		}
		r, size := utf8.DecodeRune(doc[i:])
		switch {
		case r == utf8.RuneError && size == 1, r <= 0xffff && (combines(r) || !textForm.shows(r)):
			dst = appendUnit(dst, uint16(r))
		case combines(r) || !textForm.shows(r):
			high, low := utf16.EncodeRune(r)
			dst = appendUnit(appendUnit(dst, uint16(high)), uint16(low))
		default:
			dst = append(dst, doc[i:i+size]...)
		}
		i += size
	}
	return dst
}

const hexDigits = "0123456789abcdef"

func appendUnit(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&0xf], hexDigits[u>>4&0xf], hexDigits[u&0xf])
}
