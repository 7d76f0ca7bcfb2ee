package dlp

import "math"

// A span is a part of a run that is of the letters of hex or base32 alone. It is
// decoded at all phases and scanned where that gives enough ASCII.

const (
	// maxSpan is how much of a span is decoded at once, spanOverlap how much of
	// that is decoded again with what follows.
	maxSpan     = 2048
	spanOverlap = 512
	// minSpan is the shortest span.
	minSpan = 24
	// leastText is the fewest ASCII bytes in a row that are looked at.
	leastText = 12
)

// spanView reads spans of a class.
type spanView struct {
	path   string
	class  *class
	least  int // the shortest span
	src    int // characters of a group
	dec    int // bytes that they stand for
	decode func(dst, src []byte) []byte
}

var spanViews = [...]spanView{
	{"hex", hexAny, minSpan, 2, 1, hexRun},
	{"base32", base32Up, minSpan, 8, 5, base32Run},
	{"base32", newClass("a-z2-7"), minSpan, 8, 5, base32Run},
	{"base32hex", newClass("0-9A-V"), minSpan, 8, 5, base32HexRun},
}

// startSpans makes the views ready for a run that starts at an offset.
func (s *Scanner) startSpans(start int64) {
	for k := range s.spans {
		s.spans[k] = start
	}
	s.spanSeen = false
	s.upper, s.lower = math.MaxUint64, math.MaxUint64
}

// seeSpans notes where the run may be a part of a span: no letters of both kinds
// among minSpan characters. The masks tell of the n characters at s.buf[i] which
// are capital and which are small letters.
func (s *Scanner) seeSpans(upper, lower uint64, i, n int) {
	s.upper = s.upper>>n | upper<<(blockLen-n)
	s.lower = s.lower>>n | lower<<(blockLen-n)
	if !s.spanSeen && (hasSpan(s.upper) || hasSpan(s.lower)) {
		s.spanSeen = true
		s.spanFrom = s.base + int64(i+n-blockLen)
	}
}

// hasSpan reports whether a mask of what is in no span has minSpan zeros in a row.
func hasSpan(m uint64) bool { return spanIn(m) != 0 }

// spanIn returns where they start.
func spanIn(m uint64) uint64 {
	m = eightInRow(^m)
	m &= m >> 8 // 16 in a row
	return m & (m >> (minSpan - 16))
}

// decodeSpans reads the open run on, up to s.buf[end]. s.spans has the offset of
// the next byte to look at for each view: one of a span that is long enough.
func (s *Scanner) decodeSpans(end int, closed bool) {
	if !s.run.checked || s.depth >= maxDepth || end-int(s.run.start-s.base) < minSpan {
		return
	}
	open, from := false, int64(math.MaxInt64)
	for k := range s.spans {
		i := int(s.spans[k] - s.base)
		switch {
		case i >= end:
		case !s.spanSeen:
			s.spans[k] = max(s.spans[k], s.base+int64(end)-blockLen)
		default:
			i = max(i, int(s.spanFrom-s.base))
			if i = s.decodeSpan(&spanViews[k], i, end, closed); i < end { // it goes on
				open, from = true, min(from, s.base+int64(i))
			}
			s.spans[k] = s.base + int64(i)
		}
	}
	s.spanSeen, s.spanFrom = open, from
}

func (s *Scanner) decodeSpan(v *spanView, i, end int, closed bool) int {
	least := int(s.run.start - s.base)
	for i < end {
		if !v.class[s.buf[i]] {
			i += v.least - 1
			continue
		}
		from := i
		for from > max(least, i-v.least) && v.class[s.buf[from-1]] {
			from--
		}
		to := v.class.span(s.buf, i, min(end, from+maxSpan))
		switch {
		case to == from+maxSpan:
			s.readSpan(v, from, to)
			i = to - spanOverlap
			least = i
			continue
		case to == end && !closed:
			return i
		case to-from >= v.least:
			s.readSpan(v, from, to)
		}
		i = to + v.least - 1
	}
	return i
}

// readSpan scans s.buf[from:to], decoded.
func (s *Scanner) readSpan(v *spanView, from, to int) {
	for p := range v.src {
		if from+p >= to {
			return
		}
		s.scratch = v.decode(s.scratch[:0], s.buf[from+p:to])
		if !hasText(s.scratch) && !startsBlob(s.scratch) {
			continue
		}
		start := s.base + int64(from+p)
		l := s.open(v.path, start, int64(v.src), int64(v.dec))
		if l == nil {
			return
		}
		s.write(l, s.scratch, start, s.base+int64(to))
		s.finish(l)
	}
}

// hasText reports whether b has leastText bytes of printable ASCII in a row.
func hasText(b []byte) bool {
	n := 0
	for _, c := range b {
		if n++; c < ' ' || c > '~' {
			n = 0
		}
		if n == leastText {
			return true
		}
	}
	return false
}

// spanTail returns the offset from which the open run may still be in a span.
func (s *Scanner) spanTail() int64 {
	tail := int64(math.MaxInt64)
	for k := range s.spans {
		v := &spanViews[k]
		i := len(s.buf)
		for least := max(int(s.run.start-s.base), len(s.buf)-maxSpan); i > least && v.class[s.buf[i-1]]; {
			i--
		}
		tail = min(tail, s.base+int64(i))
	}
	return tail
}

// flushSpans decides the end of an open run as if it ended there.
func (s *Scanner) flushSpans() {
	kept := s.spans
	s.decodeSpans(len(s.buf), true)
	s.spans = kept
}
