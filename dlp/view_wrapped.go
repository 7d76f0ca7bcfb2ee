package dlp

import (
	"bytes"
	"encoding/binary"
)

const (
	minWrapped   = 8  // bytes of a line that is cut
	maxIndent    = 32 // white space before the rest
	maxLineStart = 48 // bytes of a name at the start of a line
	wordBytes    = 16 // what is looked at to tell words
	minWordStart = 4  // bytes that tell a word from the rest of a token
)

// findWrapped finds a line break, plain or escaped, inside what may be a token:
// eight bytes of one before it, and behind it eight more or its last ones. Two
// words of letters are none, nor is one such word behind little.
func findWrapped(b []byte, i int) int {
	for i = nextBreak(b, i); i < len(b); i = nextBreak(b, i+1) {
		if mayBreak(b, i) && mayWrap(b, i) {
			if _, to := wrap(b, i); to > 0 {
				return i
			}
		}
	}
	return len(b)
}

// mayBreak tells the backslash of a line break from most others.
func mayBreak(b []byte, i int) bool {
	return b[i] != '\\' || i+1 < len(b) && breakNext[b[i+1]]
}

var breakNext = newClass("nr\n\\")

// mayWrap is a quick test of the eight bytes before a line break: they are not
// what lines of text end with, words in lower case and spaces.
func mayWrap(b []byte, i int) bool {
	if i > 0 && i < len(b) && b[i] == '\n' && b[i-1] == '\r' {
		i--
	}
	if i > 0 && (b[i-1] == '\\' || b[i-1] == '.') {
		i--
	}
	if i < minWrapped || !wrapByte[b[i-1]] {
		return false
	}
	v := binary.LittleEndian.Uint64(b[i-minWrapped:])
	return zeroBytes(v^' '*lanes) == 0 && v&(0x60*lanes) != 0x60*lanes
}

// nextBreak returns the index of the first line feed or backslash at or after i.
func nextBreak(b []byte, i int) int {
	for i < len(b) {
		block := b[i:min(len(b), i+findBlock)]
		if n := bytes.IndexByte(block, '\n'); n >= 0 {
			block = block[:n+1]
		}
		if n := bytes.IndexByte(block, '\\'); n >= 0 {
			return i + n
		}
		if block[len(block)-1] == '\n' {
			return i + len(block) - 1
		}
		i += len(block)
	}
	return len(b)
}

// wrap returns what to take out if a token goes on behind the line break at
// b[q]; to is 0 if none does.
func wrap(b []byte, q int) (from, to int) {
	from = q
	if q < len(b) && b[q] == '\n' {
		if from > 0 && b[from-1] == '\r' {
			from--
		}
		for from > 0 && q-from < 3 && b[from-1] == '\\' {
			from--
		}
	}
	if from < minWrapped || from >= len(b) || !wrapByte[b[from-1]] || !wrapByte[b[from-minWrapped]] {
		return 0, 0
	}
	to = afterBreak(b, from)
	if to == 0 || to == len(b) || !wrapByte[b[to]] {
		return 0, 0
	}
	// A name of a field, a call or an index is the beginning of something else.
	if end := wrapByte.span(b, to, to+maxLineStart); end < len(b) && wrapStart[b[end]] && (b[end] != ',' || lettersOnly(b[to:end])) {
		return 0, 0
	}
	right, rightWord := wrapRight(b, to)
	if rightWord && right >= minWordStart && right < wordBytes && to+right < len(b) && !wrapEnd[b[to+right]] {
		return 0, 0 // a word, which the rest of a token hardly ever looks like
	}
	left, leftWord := wrapLeft(b, from)
	switch {
	case left < minWrapped || leftWord && rightWord || escaped(b[:from]):
		return 0, 0
	case b[from-1] == '.' && lettersOnly(b[to:to+right]):
		return 0, 0 // the end of a sentence, and a word or a name
	case (left < wordBytes || right < wordBytes && to+right < len(b) && !wrapEnd[b[to+right]]) && lettersOnly(b[from-left:from]) && lettersOnly(b[to:to+right]):
		return 0, 0 // names in the style of programs
	case (leftWord || left < wordBytes) && to+groupLen <= len(b) && mayStartBlob(base64Group(b[to:])):
		return 0, 0 // a word, and compressed data below it
	case left >= 2*minWrapped && !leftWord:
		return from, to
	case right < minWrapped && to+right < len(b) && !wrapEnd[b[to+right]] && rightWord:
		return 0, 0
	}
	return from, to
}

// wrapLeft returns how many bytes of a token end at b[i], up to wordBytes, and
// whether they are no more than words: letters of one case but for the first,
// with punctuation.
func wrapLeft(b []byte, i int) (n int, wordLike bool) {
	var seen, right uint8
	for ; n < wordBytes && n < i; n++ {
		f := wrapFlags[b[i-1-n]]
		if f&flagWrap == 0 {
			break
		}
		seen |= f | f<<1&right&flagUpper<<1
		right = f
	}
	if n == wordBytes && n < i {
		seen |= wrapFlags[b[i-1-n]] << 1 & right & flagUpper << 1
	}
	return n, seen&flagNoWord == 0
}

// wrapRight is wrapLeft for those that start at b[i].
func wrapRight(b []byte, i int) (n int, wordLike bool) {
	var seen, left uint8
	for ; n < wordBytes && i+n < len(b); n++ {
		f := wrapFlags[b[i+n]]
		if f&flagWrap == 0 {
			break
		}
		seen |= f | left<<1&f&flagUpper<<1
		left = f
	}
	return n, seen&flagNoWord == 0
}

// The flags of bytes that may be of a token. A lower case letter before an upper case
// one makes no word either: shifted, its flag is that of the other, and theirs that of
// what words do not have.
const (
	flagLower = 1 << iota
	flagUpper
	flagNoWord
	flagWrap
)

var wrapFlags = func() (t [256]uint8) {
	for c := range t {
		for flag, class := range map[uint8]*class{flagLower: lower, flagUpper: upper, flagNoWord: notWord, flagWrap: wrapByte} {
			if class[c] {
				t[c] |= flag
			}
		}
	}
	return t
}()

// lettersOnly reports whether text has no digit and nothing else that names in the
// middle of a text do not have.
func lettersOnly(text []byte) bool { return letterByte.span(text, 0, len(text)) == len(text) }

// afterBreak returns where the line behind the break at b[i:] starts, behind
// its indentation, or 0. The break may be escaped once or twice, and have the
// backslash of a continued line before it.
func afterBreak(b []byte, i int) int {
	slashes := runAfter(b, i, 4, backslash)
	i += slashes
	switch {
	case i == len(b):
		return 0
	case slashes > 0 && b[i] == 'r':
		i++
		slashes = runAfter(b, i, 2, backslash)
		i += slashes
		if slashes == 0 || i == len(b) || b[i] != 'n' {
			return 0
		}
		i++
	case slashes > 0 && b[i] == 'n':
		i++
	default:
		if b[i] == '\r' {
			i++
		}
		if i == len(b) || b[i] != '\n' {
			return 0
		}
		i++
	}
	for limit := min(len(b), i+maxIndent); i < limit; {
		switch {
		case b[i] == ' ' || b[i] == '\t':
			i++
		case b[i] == '\\' && i+1 < limit && b[i+1] == 't':
			i += 2
		default:
			return i
		}
	}
	return i
}

var (
	wrapByte   = newClass("A-Za-z0-9+/_=.-")
	notWord    = newClass("0-9_+=")
	upper      = newClass("A-Z")
	lower      = newClass("a-z")
	letterByte = newClass("A-Za-z./-")
	wrapStart  = newClass(":([{,")
	wrapEnd    = newClass("\"'`\n\r\\<)]};?")
	backslash  = newClass("\\")
)

func decodeWrapped(dst []byte, m []mark, src []byte) ([]byte, []mark, bool) {
	return takeOut(dst, m, src, nextBreak, wrap)
}
