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

// surveyBlocks is how many blocks are classified at once. Their masks stand behind
// those of the two before.
const surveyBlocks = 16

// sampleBlocks looks for runs in what was not looked at yet, and for signs of
// encodings there and a little before. A block is looked at when the masks of the
// next are there.
func (s *Scanner) sampleBlocks() {
	g := int(s.gateAt - s.base)
	i := max(0, g-surveyBack)
	waiting := s.sampleDigits(int(s.digitsAt-s.base), g)
	s.maskFrom, s.newAt, s.clean = i, g, 0
	controls := s.surveyAll(i, s.surveyBlock)
	s.gateAt, s.digitsAt = s.end(), s.end()-int64(max(len(s.buf)-g, 0)%wordLen)
	if waiting < g { // the word is not whole yet
		s.digitsAt = s.base + int64(waiting)
	}
	s.pairsAt = max(s.end()-1, 0)
	if s.run.open {
		s.advance(len(s.buf), false)
	}
	if controls != 0 && s.depth < maxDepth {
		s.findSigns(wideView)
	}
}

// surveyAll calls block for each block from s.buf[i] on with the index of its masks,
// where those of the blocks before and behind it are beside, and its own index. It
// returns the controls that are there.
func (s *Scanner) surveyAll(i int, block func(k, i int)) (controls uint64) {
	from := i
	s.masks[1] = blockMasks{}
	for first := 2; i < len(s.buf); first = 1 {
		n := s.classifyBlocks(i)
		for k := first; k <= n; k++ {
			block(k, i+(k-2)*blockLen)
		}
		for k := range n {
			controls |= s.masks[k+2][maskControl]
		}
		s.masks[0], s.masks[1] = s.masks[n], s.masks[n+1]
		i += n * blockLen
	}
	s.masks[2] = blockMasks{}
	if i > from {
		block(1, i-blockLen)
	}
	return controls
}

// classifyBlocks makes the masks of the blocks from s.buf[i] on, and returns how
// many there are. The last may be shorter.
func (s *Scanner) classifyBlocks(i int) int {
	n := min((len(s.buf)-i)/blockLen, surveyBlocks)
	classify(s.masks[2:2+n], s.buf[i:i+n*blockLen+1])
	if i += n * blockLen; n == surveyBlocks || i == len(s.buf) {
		return n
	}
	var last [blockLen + 1]byte
	copy(last[:], s.buf[i:])
	classify(s.masks[2+n:3+n], last[:])
	s.masks[2+n][maskControl] &= 1<<(len(s.buf)-i) - 1
	return n + 1
}

// surveyBlock looks at the block at s.buf[i:], of which the masks are s.masks[k].
func (s *Scanner) surveyBlock(k, i int) {
	s.maskAt, s.maskIndex = i, k
	prev, b, next := &s.masks[k-1], &s.masks[k], &s.masks[k+1]
	letters := b[maskUpper] | b[maskLower]
	run := letters | b[maskDigit] | b[maskJoiner]
	s.gateBlock(prev, b, next, run, i)
	if s.depth >= maxDepth {
		return
	}
	if marks := marksOf(b, next) | breaksOf(b, next, run); marks != 0 {
		s.surveyMarks(marks, i)
	}
	if starts := startsOf(prev, b, next); starts != 0 {
		s.seeBlobs(starts, i)
	}
	if b[maskHigh] != 0 {
		s.surveyFold(b, next, i)
	}
	// The separator of single characters may be a byte of runs.
	if s.engine.outOfRuns {
		return // they are looked for where there are no runs, too
	}
	if n := steps(run &^ (run << 1)); n != 0 && s.varied(n, i) || longRuns(run) != 0 && steps(b[maskJoiner]) != 0 {
		s.surveySpaced(i)
	}
}

// window returns the mask of a class for the n bytes from s.buf[start] on, at most
// blockLen of them, that are of the block that is looked at and the one before.
func (s *Scanner) window(class, start, n int) uint64 {
	b := s.masks[s.maskIndex][class]
	m := b >> max(start-s.maskAt, 0)
	if d := s.maskAt - start; d > 0 {
		m = s.masks[s.maskIndex-1][class]>>(blockLen-d) | b<<d
	}
	return m & (1<<n - 1)
}

// inWindow reports whether window knows of s.buf[start:end].
func (s *Scanner) inWindow(start, end int) bool {
	return start >= max(s.maskFrom, s.maskAt-blockLen) && end <= s.maskAt+blockLen && end-start <= blockLen
}

// gateBlock looks at the runs, words and numbers in what is new of the block at
// s.buf[i:].
func (s *Scanner) gateBlock(prev, b, next *blockMasks, run uint64, i int) {
	s.sampleSeeds(prev, b, next, i)
	off, n := max(0, s.newAt-i), min(blockLen, len(s.buf)-i)
	if off >= n {
		return
	}
	if ats := b[maskAt] >> off << off; ats != 0 {
		s.seeURLs(ats, i)
	}
	if n < blockLen || bits.OnesCount64(b[maskDigit]) >= minDigits {
		s.sampleDigits(i+off, i+n)
	}
	if m := run >> off; s.run.open || longRuns(m) != 0 || m>>(n-off-1) != 0 {
		s.runs(m, i+off, n-off)
	}
}

// behind returns a mask of the bytes behind which, by n, one of a mask stands, with
// that of the next block.
func behind(m, next uint64, n uint) uint64 { return m>>n | next<<(blockLen-n) }

// before returns a mask of the bytes before which, by n, one of a mask stands, with
// that of the block before.
func ahead(m, prev uint64, n uint) uint64 { return m<<n | prev>>(blockLen-n) }

// marksOf returns the bytes of a block that may be signs by the two behind them.
func marksOf(b, next *blockMasks) uint64 {
	slash, nextSlash := b[maskSlash], next[maskSlash]
	blank, nextBlank := b[maskBlank], next[maskBlank]
	// A backslash before what no encoder has a reason to write so.
	marks := slash & behind(b[maskEscape], next[maskEscape], 1)
	// An equals or percent sign before digits in hex, or at the end of a line.
	hex, nextHex := b[maskHex], next[maskHex]
	ends := b[maskLine] | slash&behind(b[maskPrefix]|slash, next[maskPrefix]|nextSlash, 1)
	nextEnds := next[maskLine] | nextSlash
	marks |= (b[maskEquals] | b[maskPercent]) & (behind(hex, nextHex, 1)&behind(hex, nextHex, 2) |
		behind(ends, nextEnds, 1) | behind(blank, nextBlank, 1)&behind(blank|ends, nextBlank|nextEnds, 2))
	marks |= b[maskAmpersand]&behind(b[maskEntity], next[maskEntity], 1) | b[maskLess]&behind(b[maskTilde], next[maskTilde], 1)
	// A quotation mark before another, or an operator or white space and one.
	join, nextJoin := b[maskQuote]|b[maskOperator]|blank|slash, next[maskQuote]|next[maskOperator]|nextBlank|nextSlash
	join2 := behind(join|b[maskPrefix], nextJoin|next[maskPrefix], 2)
	marks |= b[maskQuote] & behind(join, nextJoin, 1) & (behind(b[maskQuote], next[maskQuote], 1) | join2)
	return marks
}

// breaksOf returns the line breaks of a block, plain or escaped, behind what may be
// of a token: eight bytes that are not all small letters, or those of them that are
// in the block. A dot may stand between, and the backslashes of a break and its
// carriage return.
func breaksOf(b, next *blockMasks, run uint64) uint64 {
	ends := run | b[maskDot] | b[maskEquals]
	varied := ends &^ b[maskLower]
	ends &= ends<<1 | 1
	ends &= ends<<2 | 3
	ends &= ends<<4 | 15 // 8 in a row
	varied |= varied<<1 | 1
	varied |= varied<<2 | 3
	varied |= varied<<4 | 15 // one of 8
	reach := ends & (varied&^b[maskDot] | b[maskDot]&(varied<<1|1))
	through := b[maskSlash] | b[maskBlank]&behind(b[maskLine], next[maskLine], 1)
	for range 3 {
		reach |= through & (reach<<1 | 1)
	}
	return (b[maskLine] | b[maskSlash]&behind(b[maskPrefix], next[maskPrefix], 1)) & (reach<<1 | 1)
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
			if s.isUnseen(ascii85View, at) && mayBeASCII85(s.buf[at+len("<~"):]) {
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

// surveyFold looks at the characters that are not ASCII in the block at s.buf[i:],
// but for those near a control, as isBinary says. What the next block has is not
// known here.
func (s *Scanner) surveyFold(b, next *blockMasks, i int) {
	lead := b[maskLead] & behind(b[maskHigh]&^b[maskLead], next[maskHigh]&^next[maskLead], 1)
	if near := b[maskControl]; near != 0 {
		left := near | near>>1
		left |= left >> 2
		left |= left >> 4
		near |= near << 1
		near |= near << 2
		near |= near << 4
		lead &^= near | near<<8 | near<<9 | left | left>>8
	}
	if lead != 0 {
		s.foldIn(i+bits.TrailingZeros64(lead), i+blockLen-bits.LeadingZeros64(lead)+utf8.UTFMax)
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
