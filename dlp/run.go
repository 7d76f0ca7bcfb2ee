package dlp

import (
	"math"
	"math/bits"
	"slices"
)

// run is the run that the stream is in, as far as it was read.
type run struct {
	open bool
	// long says that it has minRun bytes, so that tokens in it are tried.
	long bool
	// checked says that it is known whether it is a blob in base64.
	checked bool
	start   int64
	// tried is the offset in it up to which tokens were tried.
	tried int64
}

// runs looks at the runs in the block of n bytes at s.buf[at:], whose mask is m.
func (s *Scanner) runs(m uint64, at, n int) {
	if s.run.open {
		k := bits.TrailingZeros64(^m)
		if k >= n {
			return
		}
		if s.base+int64(at+k)-s.run.start < minRun {
			s.run.open = false // as that of most words
		} else {
			s.closeRun(at + k)
		}
		m &^= 1<<k - 1
	}
	for long := longRuns(m); long != 0; {
		i := bits.TrailingZeros64(long)
		k := i + bits.TrailingZeros64(^(m >> i))
		if k >= n {
			break
		}
		s.run.open, s.run.start = true, s.base+int64(at+i)
		s.closeRun(at + k)
		long &^= 1<<k - 1
	}
	if k := bits.LeadingZeros64(^(m << (blockLen - n))); k > 0 {
		s.run.open, s.run.start = true, s.base+int64(at+n-k)
	}
}

// closeRun ends the open run at s.buf[end].
func (s *Scanner) closeRun(end int) {
	start := int(s.run.start - s.base)
	if !s.run.long && end-start >= minRun && s.inWindow(start, end) {
		s.closeShort(start, end)
	} else {
		s.advance(end, true)
	}
	if s.run.long {
		s.tryReversed(end)
		s.lookAtRun(end)
		s.lastTried = s.base + int64(end)
		s.run.long, s.run.checked = false, false
	}
	s.run.open = false
}

// closeShort is advance for a run of at most blockLen bytes that ended before
// anything in it was tried. Few of them have anything to decode: base64 has capital
// letters, hex and base32 no joiner for long.
func (s *Scanner) closeShort(start, end int) {
	n := end - start
	s.run.long, s.run.tried = true, s.base+int64(end)
	b, starts := s.buf, s.engine.prefixes
	if start == 0 || leadLast[b[start-1]] || starts.mayStart(b[start], b[start+1], b[start+2]) {
		s.tryLead(start)
	}
	joiners := s.window(maskJoiner, start, n)
	for m := joiners << 1 & (1<<n - 1); m != 0; m &= m - 1 {
		at := start + bits.TrailingZeros64(m)
		if at+2 < len(b) && !starts.mayStart(b[at], b[at+1], b[at+2]) {
			continue
		}
		if at+1 < len(b) {
			s.try(at, false)
		}
	}
	if !hasSpan(joiners|math.MaxUint64<<n) && (n < textReach || s.window(maskUpper, start, n) == 0 || !startsText(b[start:end]) && !s.mayBeBlob(start, end)) {
		return
	}
	s.startPhases(s.run.start)
	s.startSpans(s.run.start)
	s.decodePhases(end, true)
	s.decodeSpans(end, true)
}

// leadLast is what stands before a run in which more than its start is tried: the
// bytes of a lead that are of no run, and those of an escape.
var leadLast = newClass(":.$\\%")

// advance tries the tokens that start in and before the run, up to s.buf[end].
func (s *Scanner) advance(end int, closed bool) {
	r := &s.run
	start := int(r.start - s.base)
	if end-start < minRun {
		return
	}
	if !r.long {
		r.long, r.tried = true, r.start
		s.startPhases(r.start)
		s.startSpans(r.start)
		s.tryLead(start)
	}
	i := nextSeparator(s.buf, int(r.tried-s.base), end)
	for i < end && (closed || i+2 < end) {
		if i++; i < end && i+1 < len(s.buf) && (i+2 == len(s.buf) || s.engine.prefixes.mayStart(s.buf[i], s.buf[i+1], s.buf[i+2])) {
			s.try(i, false)
		}
		i = nextSeparator(s.buf, i, end)
	}
	r.tried = s.base + int64(i)
	s.decodePhases(end, closed)
	s.decodeSpans(end, closed)
}

// tryLead tries the tokens that start before a run, at its start, or behind an
// escape whose end is its start.
func (s *Scanner) tryLead(start int) {
	// What is before was tried with the run before.
	b, starts := s.buf, s.engine.prefixes
	for i := s.leadStart(start, maxLead); i <= start; i++ {
		if i+2 >= len(b) || starts.mayStart(b[i], b[i+1], b[i+2]) {
			s.try(i, false)
		}
	}
	if start == 0 || s.buf[start-1] != '\\' && s.buf[start-1] != '%' {
		return
	}
	for i := start + 1; i < start+maxEscape; i++ {
		if word[s.buf[i-1]] && escaped(s.buf[:i]) {
			s.try(i, false)
		}
	}
}

// leadStart returns where the lead of at most n bytes before s.buf[i] starts
// that was not looked at yet.
func (s *Scanner) leadStart(i, n int) int {
	least := max(0, i-n, int(s.lastTried-s.base))
	for i > least && leadByte[s.buf[i-1]] {
		i--
	}
	return i
}

// mayStart reports whether a token may start at s.buf[i] by what is before.
func (s *Scanner) mayStart(i int) bool {
	return i == 0 || !word[s.buf[i-1]] || escaped(s.buf[:i])
}

// try considers the tokens that start at s.buf[at], which has a byte behind it:
// where a boundary is before it, or, when it is due, where none is.
func (s *Scanner) try(at int, due bool) {
	b := s.buf[at:]
	for _, p := range s.engine.prefixes.at(b[0], b[1]) {
		if len(b) > 2 && p.third != b[2] && p.third != 0 {
			continue
		}
		l := &s.engine.literals[p.literal]
		if _, ok := hasPrefix(b, l.text); ok && leftBoundary(s.buf, at, l.body) != due {
			s.judgeNew(at, p.literal)
		}
	}
}

// dueAt has a token looked for that starts at an offset behind any byte.
func (s *Scanner) dueAt(offset int64) {
	if !slices.Contains(s.due, offset) {
		s.due = append(s.due, offset)
	}
}

// sampleDue tries the tokens that start at the due offsets.
func (s *Scanner) sampleDue() {
	kept := s.due[:0]
	for _, offset := range s.due {
		at := int(offset - s.base)
		switch {
		case at+2 > len(s.buf):
			kept = append(kept, offset)
		case at > 0:
			s.try(at, true)
		}
	}
	s.due = kept
}

// runTail returns the index from which the end of the buffer may be the
// beginning of a token whose run is not there yet.
func (s *Scanner) runTail() int {
	from := len(s.buf)
	if s.run.long {
		from = int(s.run.tried - s.base)
	} else {
		if s.run.open {
			from = int(s.run.start - s.base)
		}
		// The run of a token that starts before would have been seen.
		from = s.leadStart(from, maxLead+minRun-1-(len(s.buf)-from))
	}
	for ; from < len(s.buf); from++ {
		if s.mayStart(from) && s.mayBeToken(from) {
			break
		}
	}
	for _, offset := range s.due {
		if at := int(offset - s.base); at < from && s.mayBeToken(at) {
			from = at
		}
	}
	return from
}

// mayBeToken reports whether s.buf[i:] may be the beginning of a token.
func (s *Scanner) mayBeToken(i int) bool {
	if i+1 == len(s.buf) {
		return s.engine.prefixes.single[s.buf[i]]
	}
	for _, p := range s.engine.prefixes.at(s.buf[i], s.buf[i+1]) {
		l := &s.engine.literals[p.literal]
		if _, ok := hasPrefix(s.buf[i:], l.text); ok && s.boundary(i, l.body) {
			return true
		}
	}
	return false
}
