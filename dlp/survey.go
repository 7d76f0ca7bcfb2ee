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
	s.grams = gramSearch{next: int(s.gramAt - s.base)}
	controls := s.surveyAll(i, s.surveyBlock)
	s.endGrams()
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
	b := &s.masks[k]
	run, next := b.runs(), s.masks[k+1].runs()
	m, n := eightAcross(run, next)
	long := m & behind(m, n, minRun-8)
	if least := s.engine.needles.run; least > 0 {
		if m &= behind(m, n, uint(least-8)&63); m != 0 {
			s.seeGrams(m, i, least)
		}
	}
	if dashes := b[maskDash]; dashes&(dashes>>1|lastByte) != 0 {
		s.seeHeaders(dashes&^(dashes<<1), i)
	}
	s.sampleSeeds(b, i)
	if i+blockLen > s.newAt {
		s.gateBlock(b, run, long, i)
	}
	if s.depth >= maxDepth {
		return
	}
	if marks := marksOf(b) | breaksOf(b, run); marks != 0 {
		s.surveyMarks(marks, i)
	}
	if starts := startsOf(b); starts != 0 {
		s.seeBlobs(starts, i)
	}
	if b[maskHigh] != 0 {
		s.surveyFold(b, i)
	}
	// The separator of single characters may be a byte of runs.
	if s.engine.outOfRuns {
		return // they are looked for where there are no runs, too
	}
	if n := steps(run &^ (run << 1)); n != 0 && s.varied(n, i) || long != 0 && steps(b[maskJoiner]) != 0 {
		s.surveySpaced(i)
	}
}

// runs returns the mask of the bytes of runs.
func (b *blockMasks) runs() uint64 {
	return b[maskUpper] | b[maskLower] | b[maskDigit] | b[maskJoiner]
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

// gateBlock looks at the runs, URLs and numbers in what is new of the block at
// s.buf[i:]. Of its runs and those that long says start in it the masks are given.
func (s *Scanner) gateBlock(b *blockMasks, run, long uint64, i int) {
	off, n := max(0, s.newAt-i), min(blockLen, len(s.buf)-i)
	if ats := b[maskAt] >> off << off; ats != 0 {
		s.seeURLs(ats, i)
	}
	if n < blockLen || bits.OnesCount64(b[maskDigit]) >= minDigits && numbersIn(b) {
		s.sampleDigits(i+off, i+n)
	}
	// A long run shows where it starts, but for one that may get long behind what is
	// there of the stream.
	last := i+blockLen >= len(s.buf)
	if last && off == 0 && !s.run.open && run&1 != 0 {
		s.openBefore(i)
	}
	if s.run.open || last || long != 0 {
		s.runs(run>>off, i+off, n-off)
	}
}

// openBefore opens the run that goes on at the start of the block at s.buf[i:].
func (s *Scanner) openBefore(i int) {
	if i == s.maskFrom {
		return
	}
	if k := bits.LeadingZeros64(^s.masks[s.maskIndex-1].runs()); k > 0 {
		s.run.open, s.run.start = true, s.base+int64(i-k)
	}
}

// numbersIn reports whether a word of digits and what parts them may be in a block.
func numbersIn(b *blockMasks) bool {
	return eightInRow(b[maskDigit]|b[maskBlank]|b[maskDash]) != 0
}

// behind returns a mask of the bytes behind which, by n, one of a mask stands, with
// that of the next block.
func behind(m, next uint64, n uint) uint64 { return m>>n | next<<(blockLen-n) }

// What the blocks beside have is mostly not asked for: where it matters, it is taken
// to be what makes a sign.
const (
	lastByte  = 1 << 63
	lastBytes = 3 << 62
)

// marksOf returns the bytes of a block that may be signs by the two behind them.
func marksOf(b *blockMasks) uint64 {
	slash, blank, hex := b[maskSlash], b[maskBlank], b[maskHex]
	// A backslash before what no encoder has a reason to write so.
	marks := slash & (b[maskEscape]>>1 | lastByte)
	// An equals or percent sign before digits in hex, or at the end of a line.
	ends := b[maskLine] | slash&((b[maskPrefix]|slash)>>1|lastByte)
	marks |= (b[maskEquals] | b[maskPercent]) & (hex>>1&(hex>>2) | ends>>1 | blank>>1&((blank|ends)>>2) | lastBytes)
	marks |= b[maskAmpersand]&(b[maskEntity]>>1|lastByte) | b[maskLess]&(b[maskTilde]>>1|lastByte)
	// A quotation mark before another, or an operator or white space and one.
	quote := b[maskQuote]
	join := quote | b[maskOperator] | blank | slash
	marks |= quote & (join>>1&(quote>>1|(join|b[maskPrefix])>>2) | lastBytes)
	return marks
}

// breaksOf returns the line breaks of a block, plain or escaped, behind what may be
// of a token: eight bytes that are not all small letters, or those of them that are
// in the block. A dot may stand between, and the backslashes of a break and its
// carriage return.
func breaksOf(b *blockMasks, run uint64) uint64 {
	slash, line, dot := b[maskSlash], b[maskLine], b[maskDot]
	ends := run | dot | b[maskEquals]
	varied := ends &^ b[maskLower]
	ends &= ends<<1 | 1
	ends &= ends<<2 | 3
	ends &= ends<<4 | 15 // 8 in a row
	varied |= varied<<1 | 1
	varied |= varied<<2 | 3
	varied |= varied<<4 | 15 // one of 8
	reach := ends & (varied&^dot | dot&(varied<<1|1))
	through := slash | b[maskBlank]&(line>>1|lastByte)
	reach |= through & (reach<<1 | 1)
	reach |= through & (reach<<1 | 1)
	reach |= through & (reach<<1 | 1)
	return (line | slash&(b[maskPrefix]>>1|lastByte)) & (reach<<1 | 1)
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
			s.surveyBreak(at, s.buf[at+1])
		case '%':
			if s.isUnseen(percentView, at) && suspectPercent(s.buf, at) {
				s.sign(percentView, at)
			}
		case '&':
			if s.isUnseen(htmlView, at) && isEntity(s.buf, at, at+1) {
				s.sign(htmlView, at)
			}
		case '<':
			if s.buf[at+1] == '~' && s.isUnseen(ascii85View, at) && mayBeASCII85(s.buf[at+len("<~"):]) {
				s.sign(ascii85View, at)
			}
		case '=':
			if s.isUnseen(quotedView, at) && isQuoted(s.buf, at) {
				s.sign(quotedView, at)
			}
		default:
			if joinNext[s.buf[at+1]] && s.isUnseen(concatView, at) && isJoin(s.buf, at) {
				s.sign(concatView, at)
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
		s.surveyBreak(at, byteAt(s.buf, last+2))
		return
	case next == 'u' && len(s.buf)-last > escapedLen+1 && s.buf[last+2] == '0' && s.buf[last+3] == '0':
		if s.surveyEscaped(at, last+1) {
			return
		}
	}
	if !s.lax && s.isUnseen(jsonView, at) && escapeAt(s.buf, at) {
		s.sign(jsonView, at)
	}
}

// surveyBreak looks at the line break at s.buf[at:], behind which c stands.
func (s *Scanner) surveyBreak(at int, c byte) {
	if lineStart[c] && mayWrap(s.buf, at) && s.isUnseen(wrappedView, at) {
		if _, to := wrap(s.buf, at); to > 0 {
			s.sign(wrappedView, at)
		}
	}
}

// lineStart is what may stand behind a break in a token: its rest, an indent, or
// what is left of the break.
var lineStart = newClass("A-Za-z0-9+/_=. \t\r\n\\-")

// escapedLen is the length of an escape of JSON without its backslash.
const escapedLen = len("u0026")

// surveyEscaped looks at an escape, of which the backslashes start at s.buf[at],
// as what begins a sign of another view. It reports whether it is one that encoders
// of JSON write for what HTML knows.
func (s *Scanner) surveyEscaped(at, letter int) bool {
	end := letter + escapedLen
	switch string(s.buf[letter+3 : end]) {
	case "26":
		if s.isUnseen(htmlView, at) && isEntity(s.buf, at, end) {
			s.sign(htmlView, at)
		}
		return true
	case "3c":
		if s.buf[end] == '~' && s.isUnseen(ascii85View, at) {
			s.sign(ascii85View, at)
		}
		return true
	case "3e", "22", "27":
		return true
	}
	return false
}

// surveyFold looks at the characters that are not ASCII in the block at s.buf[i:],
// but for those near a control, as isBinary says. What the next block has is not
// known here.
func (s *Scanner) surveyFold(b *blockMasks, i int) {
	lead := b[maskLead] & ((b[maskHigh]&^b[maskLead])>>1 | lastByte)
	if bits.OnesCount64(b[maskLead]&^lead) > maxBroken {
		return // no text has so many beginnings of characters that are none
	}
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

// maxBroken is how many bytes of a block may start a character and have none of it
// behind them.
const maxBroken = 4

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
