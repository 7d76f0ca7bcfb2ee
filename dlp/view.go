package dlp

import (
	"math/bits"
	"unicode/utf8"
)

// mark says that the byte at index to of a decoded text came from index from of
// its source. In a list of marks both ascend; a later mark for the same to
// replaces the earlier one. Behind a mark, source and decoded text advance by
// the same steps up to the next.
type mark struct{ from, to int32 }

// addMark appends a mark.
func addMark(m []mark, from, to int) []mark {
	k := mark{int32(from), int32(to)}
	if n := len(m); n > 0 && m[n-1].to == k.to {
		m[n-1] = k
		return m
	}
	return append(m, k)
}

// textView reads a stretch of text as if it had been encoded in some way.
type textView struct {
	path string
	// find returns the index of the first sign at or after i that b is encoded
	// in this way, or len(b). It tells signs from what honest encoders write by
	// the bytes around, at most viewContext on either side.
	find func(b []byte, i int) int
	// lax, if not nil, is find where honest encoders write signs too.
	lax func(b []byte, i int) int
	// joins says that nothing is decoded, but something between taken out, folds
	// that signs are frequent in what is no text.
	joins, folds bool
	// more is how much more than regionRest is read behind a sign.
	more int64
	// decode appends the decoded form of src to dst and the marks of it to m;
	// the indices of the marks count from the start of src and from the end of
	// dst as it was given. What is not encoded passes as it is, and nothing
	// becomes longer, but for the "z" of Ascii85. With changed false, nothing of src was encoded.
	decode func(dst []byte, m []mark, src []byte) (out []byte, marks []mark, changed bool)
}

// viewContext is how far around a sign the views look.
const viewContext = 256

// rest is how much is read behind the last sign.
func (v *textView) rest() int64 { return regionRest + v.more }

// textViews are the views of text, in the order in which they are tried.
var textViews = []textView{
	{path: "percent", find: findPercent, decode: decodePercent},
	{path: "json", find: findEscape, lax: findAnyEscape, decode: decodeEscapes},
	{path: "html", find: findEntity, decode: decodeEntities},
	{path: "qp", find: findQuoted, decode: decodeQuoted},
	{path: "fold", find: findFold, decode: decodeFold, folds: true},
	{path: "utf16", find: findWide, decode: decodeWide},
	{path: pathSpaced, find: findSpaced, decode: decodeSpaced},
	{path: "concat", find: findConcat, decode: decodeConcat, joins: true},
	{path: "wrapped", find: findWrapped, decode: decodeWrapped, joins: true},
	{path: "ascii85", find: findASCII85, decode: decodeASCII85, more: 384},
}

// copier writes a decoded text and its marks.
type copier struct {
	dst     []byte
	m       []mark
	base    int // of the text in dst
	changed bool
}

// replace writes r for the source bytes from:to.
func (c *copier) replace(r rune, from, to int) {
	c.m = addMark(c.m, from, len(c.dst)-c.base)
	c.dst = utf8.AppendRune(c.dst, r)
	c.m = addMark(c.m, to, len(c.dst)-c.base)
	c.changed = true
}

// put writes a byte for the source bytes from:to.
func (c *copier) put(b byte, from, to int) {
	c.m = addMark(c.m, from, len(c.dst)-c.base)
	c.dst = append(c.dst, b)
	c.m = addMark(c.m, to, len(c.dst)-c.base)
	c.changed = true
}

// item writes bytes as they are for the source bytes from:to.
func (c *copier) item(b []byte, from, to int) {
	c.m = addMark(c.m, from, len(c.dst)-c.base)
	c.dst = append(c.dst, b...)
	c.m = addMark(c.m, to, len(c.dst)-c.base)
	c.changed = true
}

// drop writes nothing for the source bytes up to to.
func (c *copier) drop(to int) {
	c.m = addMark(c.m, to, len(c.dst)-c.base)
	c.changed = true
}

// keep copies bytes as they are.
func (c *copier) keep(b []byte) { c.dst = append(c.dst, b...) }

func (c *copier) result() ([]byte, []mark, bool) { return c.dst, c.m, c.changed }

// begin starts a text.
func begin(dst []byte, m []mark) copier {
	return copier{dst: dst, m: addMark(m, 0, 0), base: len(dst)}
}

// takeOut is the decode of a view that takes out what stands between two parts of
// one text: next returns the index of the next place at or after one where that
// may be, between what to take out there, if to is not 0.
func takeOut(dst []byte, m []mark, src []byte, next func([]byte, int) int, between func([]byte, int) (from, to int)) ([]byte, []mark, bool) {
	c := begin(dst, m)
	done := 0
	for q := next(src, 0); q < len(src); q = next(src, q+1) {
		from, to := between(src, q)
		if to == 0 || from < done {
			continue
		}
		c.keep(src[done:from])
		c.drop(to)
		done, q = to, to-1
	}
	c.keep(src[done:])
	return c.result()
}

// plainByte are the characters that no honest encoder has a reason to escape.
var plainByte = newClass("A-Za-z0-9._-")

// findBlock is how far several bytes are looked for one after the other, so that
// a frequent one does not have a rare one looked for far ahead again and again.
const findBlock = 4 << 10

const minNeighbours = 16

// besideRun reports whether a run of at least least letters and digits ends at
// b[from] or starts at b[to]: what stands between is then part of something
// long, and not of a path or a sentence.
func besideRun(b []byte, from, to, least int) bool {
	return runBefore(b, from, least, alnum) >= least || runAfter(b, to, least, alnum) >= least
}

// runBefore counts the bytes of a class that end at b[i], up to most.
func runBefore(b []byte, i, most int, c *class) int {
	n := 0
	for n < most && n < i && c[b[i-1-n]] {
		n++
	}
	return n
}

// runAfter counts the bytes of a class that start at b[i], up to most.
func runAfter(b []byte, i, most int, c *class) int {
	n := 0
	for n < most && i+n < len(b) && c[b[i+n]] {
		n++
	}
	return n
}

// hexPair returns the value of two hex digits at the start of b.
func hexPair(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	h, l := hexDigit(b[0]), hexDigit(b[1])
	return h<<4 | l&15, (h|l)&0x80 == 0
}

// hexDigit returns the value of a hex digit, or 0xff.
func hexDigit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case (c|0x20)-'a' <= 5:
		return (c | 0x20) - 'a' + 10
	}
	return 0xff
}

// hexNumber returns the value of n hex digits at the start of b.
func hexNumber(b []byte, n int) (rune, bool) {
	if len(b) < n {
		return 0, false
	}
	var r rune
	for _, c := range b[:n] {
		d := hexDigit(c)
		if d > 15 || r > utf8.MaxRune {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, r <= utf8.MaxRune
}

// firstByte returns the index of the first byte of a word of which zero has the
// high bit, in the byte order in which it was loaded.
func firstByte(zero uint64) int { return bits.TrailingZeros64(zero) >> 3 }

// zeroBytes sets the high bit of the bytes of v that are zero, and of some
// behind them.
func zeroBytes(v uint64) uint64 { return (v - lanes) &^ v & highs }

// wordsIndex returns the index of a byte in four words of eight, of the lowest
// bit of a mask that has bits 0 to 3 of each of its bytes for the words.
func wordsIndex(mask uint64) int {
	bit := bits.TrailingZeros64(mask)
	return bit>>3 + bit&7<<3
}
