package dlp

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// findFold finds a character that decodeFold changes where it may be part of a
// token: it touches a letter, a digit or an underscore in ASCII, or is of a
// kind that is rare in texts of any language.
func findFold(b []byte, i int) int { return findFoldIn(b, i, len(b)) }

// findFoldIn is findFold for a sign before end; it may return one behind.
func findFoldIn(b []byte, i, end int) int {
	first := i
	for i = nextNonASCII(b, i); i < end; i = nextNonASCII(b, i) {
		// The byte before i tells what stands left of the first character.
		i = max(first, i-1)
		var lastNext, lastLetter uint64
		for i <= end && i < len(b) {
			var v uint64
			if i+8 <= len(b) {
				v = binary.LittleEndian.Uint64(b[i:])
			} else {
				v = lastWord(b[i:])
			}
			high := v & highs
			// What alwaysFolded may be true for starts with 0xe2 or from 0xef on.
			signs := high&(v&(0x7f*lanes)+0x11*lanes) | zeroBytes(v^0xe2*lanes)
			if high != highs || lastLetter != 0 {
				// Of ASCII, what has one of the bits 0x50 is not a control, a
				// space or most punctuation.
				letter := (v&(0x50*lanes) + 0x70*lanes) & highs &^ v
				next := high &^ (v << 1) // 10xxxxxx, the next of a character
				signs |= (high^next)&(letter<<8|lastLetter) | letter&(next<<8|lastNext)
				lastLetter = letter >> 56
			}
			lastNext = (high &^ (v << 1)) >> 56
			for ; signs != 0; signs &= signs - 1 {
				if at := foldSign(b, i+firstByte(signs)); at >= first {
					return at
				}
			}
			i += 8
			if high == 0 {
				break
			}
		}
	}
	return len(b)
}

// lastWord returns the bytes of b, which are less than eight, and zeros.
func lastWord(b []byte) uint64 {
	var w [8]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

// foldSign returns the index of the character that starts at b[i], or ends
// before it if that is ASCII, if it is a sign; else -1.
func foldSign(b []byte, i int) int {
	if b[i] < utf8.RuneSelf {
		if i == 0 || b[i-1]&0xc0 != 0x80 {
			return -1
		}
		r, n := utf8.DecodeLastRune(b[max(0, i-utf8.UTFMax):i])
		if n > 1 && suspectRune(b, r, i-n, i) {
			return i - n
		}
		return -1
	}
	if b[i] < 0xc2 || i+1 == len(b) || b[i+1]&0xc0 != 0x80 {
		return -1
	}
	if i == 0 || !word[b[i-1]] {
		switch c := b[i+1]; b[i] {
		case 0xe2:
			if c|1 != 0x93 {
				return -1 // punctuation
			}
		case 0xef:
			if c|1 != 0xbd {
				return -1
			}
		case 0xf0:
			if c != 0x9d && c != 0x9f {
				return -1
			}
		}
	}
	if r, n := utf8.DecodeRune(b[i:]); n > 1 && suspectRune(b, r, i, i+n) {
		return i
	}
	return -1
}

// nextNonASCII returns the index of the first byte from 0x80 on at or after i.
func nextNonASCII(b []byte, i int) int {
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32 : i+32]
		v0, v1 := binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[8:])
		v2, v3 := binary.LittleEndian.Uint64(w[16:]), binary.LittleEndian.Uint64(w[24:])
		if (v0|v1|v2|v3)&highs == 0 {
			continue
		}
		for k, v := range [...]uint64{v0, v1, v2, v3} {
			if v&highs != 0 {
				return i + 8*k + firstByte(v&highs)
			}
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

func decodeFold(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	c := begin(dst, m)
	for i := 0; i < len(src); {
		n := nextNonASCII(src, i)
		c.keep(src[i:n])
		if i = n; i == len(src) {
			break
		}
		r, n := utf8.DecodeRune(src[i:])
		to, ok := lookalike(r)
		switch {
		case !ok || n == 1:
			c.keep(src[i : i+n])
		case to == 0:
			c.drop(i + n)
		default:
			c.put(to, i, i+n)
		}
		i += n
	}
	return c.result()
}

// alwaysFolded reports whether r is a letter or digit of ASCII in a form that
// texts hardly have: fullwidth, mathematical, in a circle or box, or invisible.
func alwaysFolded(r rune) bool {
	switch {
	case r < 0x249c:
		return false
	case r <= 0x24e9: // parenthesised and circled letters
		return true
	case r < 0xff10:
		return false
	case r <= 0xff5a:
		return alnum[byte(r-0xff01+'!')]
	case 0x1d400 <= r && r <= 0x1d7ff, 0xe0020 <= r && r <= 0xe007e:
		return true
	case 0x1f110 <= r && r <= 0x1f189:
		return (r-0x1f110)&31 < 26
	}
	return false
}

// softFold reports whether r, which looks like c, is common in honest texts
// between letters: dashes, the sign of multiplication, the Turkish i.
func softFold(r rune, c byte) bool {
	return c != 0 && !alnum[c] || r == '×' || r == 'ı'
}

// digitBeside reports whether one of the words that b[from:to] touches has a
// digit and they are long enough for a token.
func digitBeside(b []byte, from, to int) bool {
	before, after := 0, runAfter(b, to, 32, word)
	if properLetter(b, from) {
		before = runBefore(b, from, 32, word)
	}
	if before+after < minRun-1 {
		return false
	}
	isDigit := func(c byte) bool { return c-'0' <= 9 }
	return slices.ContainsFunc(b[from-before:from], isDigit) || slices.ContainsFunc(b[to:to+after], isDigit)
}

// lookalike returns the ASCII character that r looks like or contains, or 0 if
// r is not to be seen at all.
func lookalike(r rune) (byte, bool) {
	if row := uint32(r) / foldRow; row < uint32(len(foldRows)) && !foldRows[row] {
		return 0, false
	}
	for i := range foldRanges {
		f := &foldRanges[i]
		if r < f.lo {
			break
		}
		if r <= f.hi {
			if f.period == 0 {
				return 0, true
			}
			return f.letter((r - f.lo) % f.period)
		}
	}
	return confusableWith(r)
}

// foldRow is how many characters share an entry of foldRows, which says whether any
// of them looks like another. Those behind are few.
const foldRow = 32

var foldRows = func() (rows [0x20000 / foldRow]bool) {
	for _, c := range confusables {
		if row := int(c.r) / foldRow; row < len(rows) {
			rows[row] = true
		}
	}
	for _, f := range foldRanges {
		for row := int(f.lo) / foldRow; row <= int(f.hi)/foldRow && row < len(rows); row++ {
			rows[row] = true
		}
	}
	return rows
}()

func confusableWith(r rune) (byte, bool) {
	k, ok := slices.BinarySearchFunc(confusables[:], r, func(c confusable, r rune) int { return int(c.r - r) })
	if !ok {
		return 0, false
	}
	return confusables[k].c, true
}

// foldRange is a range of characters that repeats every period; those of a
// range with period 0 are not to be seen.
type foldRange struct {
	lo, hi, period rune
	letter         func(rune) (byte, bool)
}

// foldRanges are in order. Those that are computed are from the charts of the
// blocks.
var foldRanges = [...]foldRange{
	{lo: 0xad, hi: 0xad},     // soft hyphen
	{lo: 0x300, hi: 0x36f},   // combining marks
	{lo: 0x61c, hi: 0x61c},   // Arabic letter mark
	{lo: 0x115f, hi: 0x1160}, // Hangul fillers
	{lo: 0x17b4, hi: 0x17b5},
	{lo: 0x180b, hi: 0x180f}, // Mongolian selectors
	{lo: 0x200b, hi: 0x200f}, // zero-width space, joiners, direction marks
	{lo: 0x202a, hi: 0x202e}, // directions
	{lo: 0x2060, hi: 0x206f}, // word joiner, invisible operators
	{lo: 0x2460, hi: 0x2468, period: 9, letter: from('1')},
	{lo: 0x249c, hi: 0x24b5, period: 26, letter: from('a')}, // parenthesised
	{lo: 0x24b6, hi: 0x24cf, period: 26, letter: from('A')}, // circled
	{lo: 0x24d0, hi: 0x24e9, period: 26, letter: from('a')},
	{lo: 0x24ea, hi: 0x24ea, period: 1, letter: from('0')},
	{lo: 0x3164, hi: 0x3164},                                // Hangul filler
	{lo: 0xfe00, hi: 0xfe0f},                                // variation selectors
	{lo: 0xfeff, hi: 0xfeff},                                // byte order mark
	{lo: 0xff01, hi: 0xff5e, period: 94, letter: from('!')}, // fullwidth
	{lo: 0xffa0, hi: 0xffa0},
	{lo: 0x1d400, hi: 0x1d6a3, period: 52, letter: mathLatin},
	{lo: 0x1d6a4, hi: 0x1d6a5, period: 2, letter: from('i')}, // without dots
	{lo: 0x1d6a8, hi: 0x1d7c9, period: 58, letter: mathGreek},
	{lo: 0x1d7ce, hi: 0x1d7ff, period: 10, letter: from('0')},
	{lo: 0x1f110, hi: 0x1f129, period: 26, letter: from('A')}, // parenthesised
	{lo: 0x1f130, hi: 0x1f149, period: 26, letter: from('A')}, // squared
	{lo: 0x1f150, hi: 0x1f169, period: 26, letter: from('A')}, // negative circled
	{lo: 0x1f170, hi: 0x1f189, period: 26, letter: from('A')}, // negative squared
	{lo: 0x1f1e6, hi: 0x1f1ff, period: 26, letter: from('A')}, // regional indicators
	{lo: 0xe0001, hi: 0xe0001},
	{lo: 0xe0020, hi: 0xe007e, period: 95, letter: from(' ')}, // tags
	{lo: 0xe007f, hi: 0xe007f},
	{lo: 0xe0100, hi: 0xe01ef}, // more variation selectors
}

// from returns the letters from c on.
func from(c byte) func(rune) (byte, bool) {
	return func(i rune) (byte, bool) { return c + byte(i), true }
}

func mathLatin(i rune) (byte, bool) {
	if i < 26 {
		return 'A' + byte(i), true
	}
	return 'a' + byte(i-26), true
}

// mathGreek asks what the Greek letter looks like.
func mathGreek(i rune) (byte, bool) {
	switch {
	case i < 25:
		return confusableWith(0x391 + i)
	case 26 <= i && i <= 50:
		return confusableWith(0x3b1 + i - 26)
	}
	return 0, false
}
