package escape

import (
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/width"
)

// form says which of the visible runes stand as they are.
type form int

const (
	textForm  form = iota
	wordForm       // no space
	hostForm       // letters, digits, and the punctuation of host names
	asciiForm      // of these, only the ASCII ones
)

// shows reports whether the form has r stand as it is. Combining marks do so
// only on a letter, which the caller sees to.
func (f form) shows(r rune) bool {
	switch {
	case r == '\\' || r < ' ':
		return false
	case r < 0x7f:
		switch f {
		case textForm:
			return true
		case wordForm:
			return r != ' '
		default:
			return hostASCII(r)
		}
	case f == asciiForm:
		return false
	case f == hostForm && !unicode.In(r, unicode.L, unicode.M, unicode.Nd):
		return false // among them the runes that look like "/", ":" or "."
	default:
		return visible(r)
	}
}

// hostASCII reports whether r may stand in a host name, an IP address in
// brackets, or the pattern of a route.
func hostASCII(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	switch r {
	case '-', '.', '_', ':', '[', ']', '*':
		return true
	}
	return false
}

// visible reports whether a rune beyond ASCII leaves ink in its own place, in
// reading order. unicode.IsPrint knows controls, format characters (bidi and
// tags among them), private use, surrogates, what is not assigned, and all
// spaces but the ASCII one.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unseen...) && !rightToLeft(r)
}

// unseen are the runes that unicode.IsPrint lets through although nothing is
// seen of them, or something that misleads.
var unseen = []*unicode.RangeTable{
	unicode.Other_Default_Ignorable_Code_Point, // fillers, U+034F
	unicode.Variation_Selector,
	{
		R16: []unicode.Range16{
			{Lo: 0x20e5, Hi: 0x20e5, Stride: 1}, // combining reverse solidus overlay
			{Lo: 0x2216, Hi: 0x2216, Stride: 1}, // set minus: looks like a backslash
			{Lo: 0x2800, Hi: 0x2800, Stride: 1}, // braille pattern blank
			{Lo: 0x29f5, Hi: 0x29f5, Stride: 1}, // reverse solidus operator
			{Lo: 0x29f9, Hi: 0x29f9, Stride: 1}, // big reverse solidus
			{Lo: 0xfe68, Hi: 0xfe68, Stride: 1}, // small reverse solidus
			{Lo: 0xff3c, Hi: 0xff3c, Stride: 1}, // fullwidth reverse solidus
		},
		R32: []unicode.Range32{
			{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, // Khitan small script filler
			{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, // musical symbol null notehead
			{Lo: 0x1d20f, Hi: 0x1d20f, Stride: 1}, // a vocal notation that is a backslash
			{Lo: 0x1d23b, Hi: 0x1d23b, Stride: 1}, // an instrumental one
		},
	},
}

func rightToLeft(r rune) bool {
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.R, bidi.AL, bidi.AN:
		return true
	}
	return false
}

// combines reports whether r is drawn onto or into the character before it: a
// mark, or a vowel or final of a Hangul syllable in parts.
func combines(r rune) bool {
	return r >= 0x300 && (unicode.Is(unicode.M, r) || hangulPart(r))
}

func hangulPart(r rune) bool { return 0x1160 <= r && r <= 0x11ff || 0xd7b0 <= r && r <= 0xd7ff }

// joinable reports whether marks may follow r. On a digit, a bar or a quote
// they would change what the punctuation around a text looks like.
func joinable(r rune) bool { return unicode.IsLetter(r) }

// runeColumns errs on the side of more columns than a terminal may use.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me) || hangulPart(r):
		return 0
	case r >= 0x1f000: // emoji and wide ideographs, all but a few
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
