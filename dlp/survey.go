package dlp

import (
	"math/bits"
	"unicode/utf8"
)

// The signs of most encodings are a few shifts away from the masks of a block. So
// the views of text do not go through the stream each, but look where a mask says
// so.

// surveyBack is how much of the stream is surveyed again with what follows, for
// the signs that were not whole.
const surveyBack = 2 * blockLen

// The views whose signs the survey finds.
var (
	jsonView    = viewIndex("json")
	foldView    = viewIndex("fold")
	spacedView  = viewIndex("spaced")
	percentView = viewIndex("percent")
	htmlView    = viewIndex("html")
	ascii85View = viewIndex("ascii85")
	quotedView  = viewIndex("qp")
	wideView    = viewIndex("utf16")
	wrappedView = viewIndex("wrapped")
	concatView  = viewIndex("concat")
)

// sampleBlocks looks for runs in what was not looked at yet, and for signs of
// encodings there and a little before.
func (s *Scanner) sampleBlocks() {
	g := int(s.gateAt - s.base)
	i := g
	views := s.depth < maxDepth
	if views {
		i = max(g%blockLen, g-surveyBack)
	}
	s.sampleDigits(int(s.digitsAt-s.base), g)
	s.odd = false
	var zero uint64
	if views && 0 < i && i < blockLen { // of the first bytes there is no whole block
		var first [blockLen]byte
		n := copy(first[:], s.buf)
		b := survey(&first)
		zero = b.zero & transpose(1<<n-1)
		s.odd = !plainText(s.buf[:n])
		s.surveyBlock(&b, 0)
	}
	for ; i+blockLen <= len(s.buf); i += blockLen {
		b := survey((*[blockLen]byte)(s.buf[i:]))
		if i >= g {
			s.sampleSeeds(b.run, i, blockLen)
			if b.digits != 0 {
				s.sampleDigits(i, i+blockLen)
			}
			if s.run.open || longRuns(b.run) != 0 || b.run>>(blockLen-1) != 0 {
				s.runs(b.run, i, blockLen)
			}
		}
		if views {
			zero |= b.zero
			s.odd = s.odd || b.odd != 0
			s.surveyBlock(&b, i)
		}
	}
	if n := len(s.buf) - i; n > 0 {
		var last [blockLen]byte
		copy(last[:], s.buf[i:])
		b := survey(&last)
		s.sampleSeeds(b.run, i, n)
		s.sampleDigits(i, len(s.buf))
		s.runs(b.run, i, n)
		if views {
			zero |= b.zero & transpose(1<<n-1)
			s.odd = s.odd || !plainText(s.buf[i:])
			s.surveyBlock(&b, i)
		}
	}
	s.gateAt, s.digitsAt = s.end(), s.end()-int64(max(len(s.buf)-g, 0)%wordLen)
	if s.run.open {
		s.advance(len(s.buf), false)
	}
	if zero != 0 {
		s.findSigns(wideView)
	}
}

// surveyBlock looks for signs of encodings in the block at s.buf[i:].
func (s *Scanner) surveyBlock(b *blockSigns, i int) {
	var marks uint64
	if b.marks != 0 {
		marks = transpose(b.marks)
	}
	if b.lines != 0 {
		marks |= transpose(b.lines) & wrapping(transpose(b.solid))
	}
	if marks != 0 {
		s.surveyMarks(marks, i)
	}
	if b.high != 0 {
		s.surveyFold(b, i)
	}
	// The separator of single characters may be a byte of runs.
	if s.engine.outOfRuns {
		return // they are looked for where there are no runs, too
	}
	if n := steps(b.run &^ (b.run << 1)); n != 0 && s.varied(n, i) || longRuns(b.run) != 0 && steps(transpose(b.joiner)) != 0 {
		s.surveySpaced(i)
	}
}

// wrapping returns the bytes before which, but for two of an escape, minWrapped of a
// mask stand, or may stand in the block before.
func wrapping(m uint64) uint64 {
	m &= m<<1 | 1
	m &= m<<2 | 3
	m &= m<<4 | 15 // 8 in a row
	return m<<1 | m<<2 | m<<3 | 7
}

// surveyMarks looks at what may be a sign at s.buf[i:].
func (s *Scanner) surveyMarks(marks uint64, i int) {
	for ; marks != 0; marks &= marks - 1 {
		at := i + bits.TrailingZeros64(marks)
		if at+1 >= len(s.buf) {
			return // it is looked at again
		}
		switch s.buf[at] {
		case '\\':
			s.surveyEscape(at, s.buf[at+1])
		case '\n':
			if mayWrap(s.buf, at) && s.isUnseen(wrappedView, at) {
				if _, to := wrap(s.buf, at); to > 0 {
					s.sign(wrappedView, at)
				}
			}
		case '%':
			if s.isUnseen(percentView, at) && suspectPercent(s.buf, at) {
				s.sign(percentView, at)
			}
		case '&':
			if s.isUnseen(htmlView, at) && isEntity(s.buf, at, at+1) {
				s.sign(htmlView, at)
			}
		case '<':
			if s.buf[at+1] == '~' && s.isUnseen(ascii85View, at) {
				s.sign(ascii85View, at)
			}
		case '=':
			if s.isUnseen(quotedView, at) && isQuoted(s.buf, at) {
				s.sign(quotedView, at)
			}
		default:
			if joinNext[s.buf[at+1]] && s.isUnseen(concatView, at) {
				if _, to := joiner(s.buf, at); to > 0 {
					s.sign(concatView, at)
				}
			}
		}
	}
}

// surveyEscape looks at the backslash at s.buf[at], the last of a row. The sign
// starts with the first.
func (s *Scanner) surveyEscape(at int, next byte) {
	last := at
	if at > 0 && s.buf[at-1] == '\\' {
		at -= runBefore(s.buf, at, escapeSlashes-1, backslash)
	}
	switch {
	case next == 'n' || next == 'r':
		if mayWrap(s.buf, at) && s.isUnseen(wrappedView, at) {
			if _, to := wrap(s.buf, at); to > 0 {
				s.sign(wrappedView, at)
			}
		}
		return
	case next == 'u' && len(s.buf)-last > escapedLen+1:
		s.surveyEscaped(at, last+1)
	}
	if !s.lax && s.isUnseen(jsonView, at) && escapeAt(s.buf, at) {
		s.sign(jsonView, at)
	}
}

// escapedLen is the length of an escape of JSON without its backslash.
const escapedLen = len("u0026")

// surveyEscaped looks at an escape, of which the backslashes start at s.buf[at],
// as what begins a sign of another view.
func (s *Scanner) surveyEscaped(at, letter int) {
	end := letter + escapedLen
	switch string(s.buf[letter:end]) {
	case "u0026":
		if s.isUnseen(htmlView, at) && isEntity(s.buf, at, end) {
			s.sign(htmlView, at)
		}
	case "u003c":
		if s.buf[end] == '~' && s.isUnseen(ascii85View, at) {
			s.sign(ascii85View, at)
		}
	}
}

// surveyFold looks at what is not ASCII in the block at s.buf[i:], but for what is
// near a control, as isBinary says. What the next block has is not known here.
func (s *Scanner) surveyFold(b *blockSigns, i int) {
	if b.binary == 0 {
		s.foldIn(i, i+blockLen)
		return
	}
	near := transpose(b.binary)
	left := near | near>>1
	left |= left >> 2
	left |= left >> 4
	near |= near << 1
	near |= near << 2
	near |= near << 4
	near |= near<<8 | near<<9 | left | left>>8
	if high := transpose(b.high) &^ near; high != 0 {
		s.foldIn(i+bits.TrailingZeros64(high), i+blockLen-bits.LeadingZeros64(high))
	}
}

// foldIn looks for signs of characters that look like others in s.buf[from:to],
// and just before: whether a character is one may depend on the next.
func (s *Scanner) foldIn(from, to int) {
	to = min(to, len(s.buf))
	for i := max(from-utf8.UTFMax, s.signFrom(foldView)); i < to; i++ {
		if i = findFoldIn(s.buf, i, to); i < to {
			s.sign(foldView, i)
		}
	}
}

// steps returns at which bits of a mask five start, each as far behind the last, at
// a distance at which single characters or bytes in hex may stand.
func steps(m uint64) uint64 {
	p2, p3, p4, p5, p6 := m&(m>>2), m&(m>>3), m&(m>>4), m&(m>>5), m&(m>>6)
	p2, p3, p4, p5, p6 = p2&(p2>>2), p3&(p3>>3), p4&(p4>>4), p5&(p5>>5), p6&(p6>>6)
	return p2&(p2>>4) | p3&(p3>>6) | p4&(p4>>8) | p5&(p5>>10) | p6&(p6>>12)
}

// varied reports whether there are steps in the block at s.buf[i:] that are not of
// escapes of one letter, as tabs in JSON are.
func (s *Scanner) varied(steps uint64, i int) bool {
	for ; steps != 0; steps &= steps - 1 {
		at := i + bits.TrailingZeros64(steps)
		if at == 0 || at+maxPeriod >= len(s.buf) || s.buf[at-1] != '\\' || s.buf[at+1] != '\\' || s.buf[at+4] != s.buf[at+2] || s.buf[at+6] != s.buf[at+2] {
			return true
		}
	}
	return false
}

// surveySpaced looks for a stretch of single characters in the block at s.buf[i:].
func (s *Scanner) surveySpaced(i int) {
	end := min(len(s.buf), i+blockLen)
	b := s.buf[:min(len(s.buf), end+viewContext)]
	seen := s.signFrom(spacedView)
	for at := max(i-blockLen/2, 0, seen); at < end; at++ {
		at = spacedFrom(b, max(at-viewContext, 0, s.signFrom(spacedView)), at).start
		if at >= end {
			break
		}
		if at >= seen {
			s.sign(spacedView, at)
		}
	}
}
