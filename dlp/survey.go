package dlp

import (
	"math"
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

// surveyBlocks is how many blocks are surveyed at once. Their masks stand behind
// those of the two before.
const surveyBlocks = 24

// front is the index of the first of them: their masks are stored by whole lines of the
// cache.
const front = 8

// survey has what is known of the blocks that are surveyed at once. Nothing branches
// on the text while it is made.
type survey struct {
	masks  masks // of two blocks before front, and of those
	signs  signs
	from   int // the index of the first byte whose masks are known
	origin int // that of the block whose masks would be the first
	to     int // up to where masks are known

	run, phrase int // the starts of those of which no end was seen, or none
	next        int // index of the next gram to look up
	newAt       int // of what is surveyed for the first time

	joined joinedText
}

// sampleBlocks looks for runs in what was not looked at yet, and for signs of
// encodings there and a little before. A block is looked at when the masks of the
// next are there.
func (s *Scanner) sampleBlocks() {
	g := int(s.gateAt - s.base)
	i := max(0, g-surveyBack)
	waiting := g
	if s.digitsAt < s.gateAt {
		waiting = s.sampleDigits(int(s.digitsAt-s.base), g)
	}
	v := s.survey
	v.from, v.newAt = i, g
	v.next = int(s.gramAt - s.base)
	v.run, v.phrase = none, none
	v.masks.clear(front - 1)
	if s.run.open && s.run.start < s.base+int64(i) {
		v.run = int(s.run.start - s.base)
		v.masks.set(maskRun, front-1, lastByte)
	}
	s.run.open = false
	s.surveyAll(i, s.surveyBlocks)
	s.endRuns()
	s.gateAt, s.digitsAt = s.end(), s.end()-int64(max(len(s.buf)-g, 0)%wordLen)
	if waiting < g { // the word is not whole yet
		s.digitsAt = s.base + int64(waiting)
	}
	s.pairsAt = max(s.end()-1, 0)
	s.dashAt = s.end()
}

// surveyAll calls look with the blocks from s.buf[i] on, as many at once as there is
// room for: with the indexes of the masks of the first and last of them, where those
// of the blocks before and behind are beside.
func (s *Scanner) surveyAll(i int, look func(first, last int)) {
	v, from := s.survey, i
	for first := front; i < len(s.buf); first = front - 1 {
		n := s.classifyBlocks(i)
		last, end := front+n-2, i+n*blockLen
		whole := end >= len(s.buf) && n < surveyBlocks
		if whole { // nothing follows
			last = front + n - 1
			v.masks.clear(last + 1)
		}
		v.origin, v.to = i-front*blockLen, end
		look(first, last)
		if i = end; whole {
			return
		}
		v.masks.keep()
	}
	if i > from { // the last block was one of as many as there is room for
		v.masks.clear(front)
		v.origin = i - front*blockLen
		look(front-1, front-1)
	}
}

// clear has a block be none in which anything goes on, though a line break behind it may
// be in a token: of the blocks beside others, no more is asked.
func (m *masks) clear(k int) {
	for _, class := range [...]int{maskRun, maskPhrase, maskControl, maskLower} {
		m.set(class, k, 0)
	}
	m.set(maskDot, k, ^uint64(0))
}

// keep moves the last two of as many blocks as there is room for to the front.
func (m *masks) keep() {
	for class := range maskClasses {
		m.set(class, front-2, m.of(class, front+surveyBlocks-2))
		m.set(class, front-1, m.of(class, front+surveyBlocks-1))
	}
}

// classifyBlocks makes the masks of the blocks from s.buf[i] on, and returns how
// many there are. The last may be shorter.
func (s *Scanner) classifyBlocks(i int) int {
	masks, n := &s.survey.masks, min((len(s.buf)-i+blockLen-1)/blockLen, surveyBlocks)
	end := i + n*blockLen
	short := max(0, end-len(s.buf))
	if short > 0 {
		*(*[slackBytes]byte)(s.buf[len(s.buf) : len(s.buf)+slackBytes]) = [slackBytes]byte{}
	}
	masks.classify(front, n, s.buf[i:end+1])
	// What is behind the end is no control.
	masks.set(maskControl, front+n-1, masks.of(maskControl, front+n-1)<<short>>short)
	return n
}

// surveyBlocks looks at the blocks of which the masks are those of first to last.
func (s *Scanner) surveyBlocks(first, last int) {
	v := s.survey
	v.signs.find(&v.masks, first, last, s.engine.leastRun)
	v.signs.each(signRare, s.surveyRare)
	v.stretches(signStart, int(s.engine.leastRun), &v.run, s.surveyRun)
	if v.run != none {
		s.followRun(v.run, v.origin+(last+1)*blockLen)
	}
	if v.phrase != none || v.signs.has(signPhrase) != 0 {
		v.stretches(signPhrase, seedStep, &v.phrase, s.sampleStretch)
		if v.phrase != none { // the masks of its beginning will be gone
			s.sampleStretch(v.phrase, v.origin+(last+1)*blockLen)
		}
	}
	if s.depth >= maxDepth {
		return
	}
	v.signs.each(signFold, s.surveyFold)
	v.signs.each(signWide, s.surveyWide)
	// The separator of single characters may be a byte of runs. They are looked for
	// where there are no runs, too, if a known value may stand there.
	if !s.engine.outOfRuns {
		v.signs.each(signSingle, s.surveySingle)
		v.signs.each(signJoined, s.surveySpaced)
	}
	v.signs.each(signBreak, s.surveyBreaks)
	v.signs.each(signMark, s.surveyMarks)
}

// surveyRare looks at what rareOf returns of a block.
func (s *Scanner) surveyRare(k int, _ uint64) {
	b, i := block{&s.survey.masks, k}, s.survey.origin+k*blockLen
	if i+blockLen > s.survey.newAt {
		s.gateBlock(b, i)
	}
	if dashes := b.of(maskDash); dashes&(dashes>>1|lastByte) != 0 {
		s.seeHeaders(dashes&^(dashes<<1), i)
	}
	if starts := startsOf(b); starts != 0 && s.depth < maxDepth {
		s.seeBlobs(starts, i)
	}
}

// none says that there is nothing of which the end was not seen.
const none = math.MinInt

// stretches calls look with each stretch of which a sign tells the start and the next
// one a byte that is least before the end. open is the start of one whose end was not
// seen, or none.
func (v *survey) stretches(sign, least int, open *int, look func(start, end int)) {
	for has := v.signs.has(sign) | v.signs.has(sign+1); has != 0; has &= has - 1 {
		k := v.signs.first + bits.TrailingZeros32(has)
		i := v.origin + k*blockLen
		starts := v.signs.of[sign][k&63]
		for ends := v.signs.of[sign+1][k&63]; ends != 0; ends &= ends - 1 {
			start := *open
			if *open = none; start == none {
				start, starts = i+bits.TrailingZeros64(starts), starts&(starts-1)
			}
			look(start, i+bits.TrailingZeros64(ends)+least)
		}
		if starts != 0 {
			*open = i + bits.TrailingZeros64(starts)
		}
	}
}

// surveyRun looks at a run whose end was seen, and at the grams in it. What ends where
// the stream does may go on.
func (s *Scanner) surveyRun(start, end int) {
	s.lookUpRun(start, end)
	switch {
	case end == len(s.buf):
		s.run.open, s.run.start = true, s.base+int64(start)
	case end < s.survey.newAt || end-start < minRun:
	case !s.run.long && start > 2 && start+wordLen <= len(s.buf) && s.inWindow(start, end):
		s.closeShort(start, end)
	default:
		s.run.start = s.base + int64(start)
		s.closeRun(end)
	}
}

// endRuns opens the run at the end of the stream, which may go on.
func (s *Scanner) endRuns() {
	end := len(s.buf)
	if !s.run.open {
		start := runByte.spanBack(s.buf, end, end-minRun)
		s.run.open, s.run.start = start < end, s.base+int64(start)
	}
	s.endGrams()
	if s.run.open {
		s.advance(end, false)
	}
}

// view is what the masks say of the viewLen bytes from some byte on.
type view struct {
	masks *masks
	at    uint // the byte of each row that has the bit of the first
	shift uint // which that is
}

// viewLen is how many bits the eight bytes of a row have from any on.
const viewLen = blockLen - 7

// view returns the view from s.buf[i] on, of which inWindow is true.
func (v *survey) view(i int) view {
	n := uint(i - v.origin)
	return view{&v.masks, n / 8, n % 8}
}

// of returns the mask of a class.
func (v view) of(class uint) uint64 {
	return v.masks.from(class, v.at) >> (v.shift & 7)
}

// window returns the mask of a class for the n bytes from s.buf[start] on, at most
// viewLen of them, of which inWindow is true.
func (s *Scanner) window(class uint, start, n int) uint64 {
	return s.survey.view(start).of(class) & (1<<n - 1)
}

// inWindow reports whether window knows of s.buf[start:end].
func (s *Scanner) inWindow(start, end int) bool {
	v := s.survey
	return start >= max(v.from, v.origin+(front-2)*blockLen) && end <= v.to && end-start <= viewLen
}

// gateBlock looks at the URLs and numbers in what is new of the block at s.buf[i:].
func (s *Scanner) gateBlock(b block, i int) {
	off, n := max(0, s.survey.newAt-i), min(blockLen, len(s.buf)-i)
	if ats := b.of(maskAt) >> off << off; ats != 0 {
		s.seeURLs(ats, i)
	}
	if numbersIn(b) != 0 {
		s.sampleDigits(i+off, i+n)
	}
}

// numbersIn returns where in a block a word of digits and what parts them may start.
// Seven of them in a row will do: of a number of thirteen digits, one block has as many.
func numbersIn(b block) uint64 {
	digits := b.of(maskDigit)
	if bits.OnesCount64(digits) < minDigits {
		return 0
	}
	m := digits | b.of(maskBlank) | b.of(maskDash)
	m &= m >> 1
	m &= m >> 2
	return m & (m >> 3)
}

// surveyFold looks at the characters that are not ASCII in a block.
func (s *Scanner) surveyFold(k int, lead uint64) {
	i := s.survey.origin + k*blockLen
	s.foldIn(i+bits.TrailingZeros64(lead), i+blockLen-bits.LeadingZeros64(lead)+utf8.UTFMax)
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

// surveyWide looks for characters of two or four bytes that start in a block.
func (s *Scanner) surveyWide(k int, zeros uint64) {
	i := s.survey.origin + k*blockLen
	b, end := s.buf[:min(len(s.buf), i+2*blockLen)], min(len(s.buf), i+blockLen)
	for at := max(i+bits.TrailingZeros64(zeros)-1, s.signFrom(wideView)); at < end; at++ {
		if at = findWide(b, at); at < end {
			s.sign(wideView, at)
		}
	}
}

// surveySingle looks for single characters in a block where there are steps of them.
func (s *Scanner) surveySingle(k int, steps uint64) {
	b := block{&s.survey.masks, k}
	slash := b.of(maskSlash)
	tabs := b.of(maskPrefix) & b.of(maskThird) & b.of(maskLower) &^ b.of(maskHex) & (slash << 1)
	steps &^= slash << 1 & (slash >> 1) & (tabs >> 2) & (tabs >> 4) & (tabs >> 6) // most of the rest of varied
	if s.varied(steps, s.survey.origin+k*blockLen) {
		s.surveySpaced(k, steps)
	}
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

// surveySpaced looks for a stretch of single characters in a block.
func (s *Scanner) surveySpaced(k int, _ uint64) {
	i := s.survey.origin + k*blockLen
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
