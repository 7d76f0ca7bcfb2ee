// Package escape shows text that somebody else chose: an agent, a server, a
// file. Whatever view it goes to, a log line, a terminal, a web page, it goes
// through here first.
//
// What comes out is one line of valid UTF-8 in which every rune is seen, takes
// its own place, and is read in the order in which it was written. Everything
// else stands there as an escape in the notation of Go string literals:
//
//	\n \r \t            line feed, carriage return, tab
//	\x1b                another ASCII control, or a byte that is not UTF-8
//	\u202e \U000e0041   any other rune that is not shown
//	\\                  a backslash
//
// A backslash of the text itself is always doubled, so an escape cannot be
// forged and the text can be had back from what is shown: two texts never look
// the same. The runes that look like a backslash are escaped for the same
// reason.
//
// These functions are not idempotent, and must not be: shown twice, an escape
// has its backslash doubled. That loses nothing and lets nothing through, and
// text without a backslash in which all is shown comes back as it is, without
// an allocation.
//
// Letters of scripts that run from right to left are escaped too. Displays that
// know the bidirectional algorithm (UAX #9) let them reorder the digits and
// punctuation beside them, beyond the end of the text, so no single field of a
// line can hold them without being able to rearrange its neighbours.
//
// All functions may be called concurrently.
package escape

import (
	"strconv"
	"unicode/utf8"
)

// Text shows s as free text: words with single or many spaces between them.
// It belongs at the end of a line, or in quotes.
func Text(s string) string { return show(s, textForm, 0) }

// TextMax is Text in at most the given number of terminal columns. What does
// not fit is replaced by a mark that says how many bytes of s it stands for,
//
//	GET /a/very/lo\…(+482 bytes)
//
// which no text can forge, because its backslash is followed by what follows no
// other. The cut is never inside an escape or between a letter and its
// combining marks. Where there is no room for the mark alone (up to 30
// columns), the mark alone is the result. The work is bounded by columns, not
// by the length of s. With columns of 0 or less there is no limit.
func TextMax(s string, columns int) string { return show(s, textForm, columns) }

// Word is Text with its spaces escaped as well (\x20): for a field in a line
// where spaces separate the fields.
func Word(s string) string { return show(s, wordForm, 0) }

// WordMax is Word in at most the given number of columns, as TextMax.
func WordMax(s string, columns int) string { return show(s, wordForm, columns) }

// Columns returns how many columns of a terminal a result of this package takes:
// two for wide East Asian characters and emoji, none for non-spacing marks.
// A character of ambiguous width counts as one, which is what terminals do
// outside of East Asian legacy locales.
func Columns(shown string) int {
	n := 0
	for _, r := range shown {
		n += runeColumns(r)
	}
	return n
}

// show renders s. The largest number of columns is max, where that is positive.
func show(s string, f form, max int) string {
	if (max <= 0 || len(s) <= max) && plain(s, f) {
		return s
	}
	w := writer{form: f, out: make([]byte, 0, min(len(s), capHint(max))+16)}
	// What is shown when it turns out that not all of s fits.
	var kept, rest = 0, len(s)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		joined := w.rune(r, s[i:i+size])
		if max > 0 {
			if w.columns > max {
				return string(appendMark(w.out[:kept], rest))
			}
			if !joined {
				// The end of the unit before this one.
				if w.before+markColumns(len(s)-i) <= max {
					kept, rest = w.start, len(s)-i
				}
			}
		}
		i += size
	}
	return string(w.out)
}

// capHint bounds the first allocation for a result of at most max columns.
func capHint(max int) int {
	if max <= 0 {
		return 1 << 10
	}
	return max
}

// plain reports whether s is shown as it is: the usual case.
func plain(s string, f form) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || !f.shows(rune(c)) {
			return false
		}
	}
	return true
}

// markText stands around the number of bytes that were cut.
const markHead, markTail = `\…(+`, ` bytes)`

func appendMark(b []byte, cut int) []byte {
	b = append(b, markHead...)
	b = strconv.AppendInt(b, int64(cut), 10)
	return append(b, markTail...)
}

func markColumns(cut int) int {
	n := utf8.RuneCountInString(markHead) + len(markTail) + 1
	for ; cut >= 10; cut /= 10 {
		n++
	}
	return n
}

// writer renders runes one by one.
type writer struct {
	form    form
	out     []byte
	columns int
	start   int  // of the last unit in out
	before  int  // columns up to there
	marks   int  // shown in a row after a letter
	letter  bool // what stands last is a letter, or marks on one
}

// maxMarks is how many combining marks are shown on one letter. Vietnamese
// stacks two, pointed Hebrew and Tibetan up to four; more is a flood that
// paints over the lines above and below.
const maxMarks = 4

// rune renders one rune, or one byte that is not UTF-8. It reports whether what
// it wrote belongs to the character before it.
func (w *writer) rune(r rune, raw string) (joined bool) {
	if combines(r) && w.letter && w.marks < maxMarks && w.form.shows(r) {
		w.marks++
		w.out = append(w.out, raw...)
		w.columns += runeColumns(r)
		return true
	}
	w.start, w.before = len(w.out), w.columns
	w.marks, w.letter = 0, false
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		w.escape('x', rune(raw[0]), 2)
	case w.form.shows(r) && !combines(r):
		w.letter = joinable(r)
		w.out = append(w.out, raw...)
		w.columns += runeColumns(r)
	default:
		w.escapeRune(r)
	}
	return false
}

func (w *writer) escapeRune(r rune) {
	switch {
	case r == '\\':
		w.short('\\')
	case r == '\n':
		w.short('n')
	case r == '\r':
		w.short('r')
	case r == '\t':
		w.short('t')
	case r < utf8.RuneSelf:
		w.escape('x', r, 2)
	case r <= 0xffff:
		w.escape('u', r, 4)
	default:
		w.escape('U', r, 8)
	}
}

func (w *writer) short(c byte) {
	w.out = append(w.out, '\\', c)
	w.columns += 2
}

func (w *writer) escape(kind byte, v rune, digits int) {
	w.out = append(w.out, '\\', kind)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		w.out = append(w.out, hexDigits[v>>shift&0xf])
	}
	w.columns += 2 + digits
}
