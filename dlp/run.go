package dlp

import (
	"encoding/binary"
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

// closeRun ends the run that starts at s.run.start at s.buf[end].
func (s *Scanner) closeRun(end int) {
	s.advance(end, true)
	if s.run.long {
		s.tryReversed(end)
		s.lookAtRun(end)
		s.behindRun(end)
	}
	s.run.open = false
}

// behindRun notes that the tokens in a run that ends at s.buf[end] were tried.
func (s *Scanner) behindRun(end int) {
	s.lastTried = s.base + int64(end)
	s.run.long, s.run.checked = false, false
}

// closeShort is closeRun for the run s.buf[start:end] of at most blockLen bytes, of
// which window knows. Most are names: that nothing is in them is told without a branch.
func (s *Scanner) closeShort(start, end int) {
	t := s.engine.prefixes.traitsOf(s.survey.view(start), s.buf, start, end)
	if t.none() {
		s.lastTried = s.base + int64(end)
		return
	}
	s.run.start = s.base + int64(start)
	s.run.long, s.run.tried = true, s.base+int64(end)
	if t.flags&traitLead != 0 {
		s.tryLead(start)
	} else if t.flags&traitWord != 0 {
		s.try(start, false)
	}
	s.tryEach(start, t.separators)
	if t.spans != 0 || end-start >= textReach && t.upper != 0 && (t.text != 0 || t.flags&(traitBlob|traitLead) != 0 && s.mayBeBlob(start, end)) {
		s.decodeRun(end)
	}
	if t.flags&traitReversed != 0 {
		s.tryReversed(end)
	}
	if t.digits != 0 || t.flags&traitScheme != 0 {
		s.lookAtRun(end)
	}
	s.behindRun(end)
}

// decodeRun reads the run that ends at s.buf[end].
func (s *Scanner) decodeRun(end int) {
	s.startPhases(s.run.start)
	s.startSpans(s.run.start)
	s.decodePhases(end, true)
	s.decodeSpans(end, true)
}

// advance tries the tokens that start in and before the run, up to s.buf[end].
func (s *Scanner) advance(end int, closed bool) {
	if end-int(s.run.start-s.base) < minRun {
		return
	}
	s.tryOn(end, closed)
	s.decodePhases(end, closed)
	s.decodeSpans(end, closed)
}

// followRun looks at the run s.buf[start:end], of which the end was not seen, as far as
// there are masks of it. What is decoded already goes on with more of it at once.
func (s *Scanner) followRun(start, end int) {
	if end-start < minRun {
		return
	}
	s.run.start = s.base + int64(start)
	s.tryOn(end, false)
	if s.depth >= maxDepth {
		return // how far text goes that is not read tells something
	}
	if !s.inPhase() && (s.run.checked || s.checkBlob(end, false)) && !s.inPhase() {
		s.findText(end, false)
	}
}

// tryOn tries the tokens that start in and before the run, up to s.buf[end].
func (s *Scanner) tryOn(end int, closed bool) {
	r := &s.run
	if !r.long {
		r.long, r.tried = true, r.start
		s.startPhases(r.start)
		s.startSpans(r.start)
		s.tryLead(int(r.start - s.base))
	}
	for i := int(r.tried - s.base); i < end; i += viewLen {
		for m := s.separators(i, min(viewLen, end-i)); m != 0; m &= m - 1 {
			at := i + bits.TrailingZeros64(m) + 1
			if !closed && at+1 >= end {
				r.tried = s.base + int64(at-1)
				return
			}
			if at < end && at+1 < len(s.buf) && s.engine.prefixes.mayStart(s.buf[at:]) {
				s.try(at, false)
			}
		}
	}
	r.tried = max(r.tried, s.base+int64(end))
}

// separators returns which of the n bytes of a run from s.buf[i] on part tokens.
func (s *Scanner) separators(i, n int) (m uint64) {
	if s.inWindow(i, i+n) {
		return s.window(maskParts, i, n)
	}
	for k, c := range s.buf[i : i+n] {
		m |= uint64(tables.classes[maskParts/8][c]>>(maskParts%8)&1) << k
	}
	return m
}

// tryLead tries the tokens that start before a run, at its start, or behind an
// escape that the bytes before it or it itself begin with the rest of.
func (s *Scanner) tryLead(start int) {
	// What is before was tried with the run before.
	b, starts, from := s.buf, s.engine.prefixes, s.leadStart(start, maxLead)
	edges, ok := s.edges(from, start)
	if ok {
		s.tryEach(from, edges)
	} else {
		for i := from; i <= start; i++ {
			if starts.mayStart(b[i:]) {
				s.try(i, false)
			}
		}
	}
	if i := afterEscape(b, from); i > from && (ok || i > start) && i+1 < len(b) && starts.mayStart(b[i:]) {
		s.try(i, false)
	}
}

// tryEach tries the tokens that start at the bytes from s.buf[from] on that a mask has.
func (s *Scanner) tryEach(from int, m uint64) {
	b, p := s.buf, s.engine.prefixes
	for last := len(b) - wordLen; m != 0; m &= m - 1 {
		i := from + bits.TrailingZeros64(m)
		if i <= last {
			if w := binary.LittleEndian.Uint64(b[i : i+wordLen : i+wordLen]); !p.starts.has(w) || p.starts.wordBit(w) == 0 {
				continue
			}
		}
		s.try(i, false)
	}
}

// edges returns which of the bytes from s.buf[from] to s.buf[to], which starts a run, a
// token may start at by the byte before, if that is no escape's.
func (s *Scanner) edges(from, to int) (edges uint64, ok bool) {
	i := max(0, from-1)
	if !s.inWindow(i, to+1) {
		return 0, false
	}
	m := s.survey.view(i)
	edges = ^(m.of(maskRun)&^m.of(maskParts))<<1 | 1 // the start of the stream is one
	return edges >> (from - i) & (1<<(to-from+1) - 1), true
}

// leadStart returns where the lead of at most n bytes before s.buf[i] starts
// that was not looked at yet.
func (s *Scanner) leadStart(i, n int) int {
	least := max(0, i-n, int(s.lastTried-s.base))
	if least < i && s.inWindow(least, i) {
		m := s.survey.view(least)
		for ends := ^(m.of(maskRun) | m.of(maskDot)) & (1<<(i-least) - 1); ends != 0; {
			k := bits.Len64(ends) - 1
			if !leadByte[s.buf[least+k]] {
				return least + k + 1
			}
			ends &^= 1 << k
		}
		return least
	}
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
	w, n := firstWord(b), min(len(b), wordLen)
	list := s.engine.prefixes.at(b[0], b[1])
	for i := range list {
		p := &list[i]
		if !p.begin.of(w, n) {
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
