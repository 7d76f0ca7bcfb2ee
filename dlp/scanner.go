package dlp

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

const (
	// MaxHeld bounds how many bytes behind Safe a scanner wants held back.
	MaxHeld = maxWindow + maxPiece

	// maxWindow is how far behind its start a candidate is decided.
	maxWindow = maxJWT + 1

	// context is kept before the oldest byte that is still looked at.
	context = 32
	// carryBytes is what the buffer keeps, pieceBytes what is added to it at once.
	carryBytes = MaxHeld + maxReach + 2*context
	pieceBytes = 8 << 10
)

// Scanner scans one stream. It is not safe for concurrent use.
//
// The slices that Write, Flush and Close return are in order of offset. That of
// Write is valid until the next Write or Reset, that of the others until the
// next Flush, Close or Reset, so that the results of a Write and the Close
// behind it may be looked at together. A scanner that was closed needs a Reset.
type Scanner struct {
	engine *Engine

	buf    []byte // the end of the stream
	base   int64  // stream offset of buf[0], always even
	cursor int    // the next position in buf to sample, always even

	pending []candidate // what more bytes will decide
	queue   []queued    // what a known value may still cover or cut
	covers  []span      // known values that may still do so

	released int64 // Safe
	edge     int64 // offset of the last flush
	// due are the offsets behind a flush or a known value where a token that
	// starts still has to be looked for.
	due []int64

	out     []Finding // of the current call
	written []Finding // what Write returned
	decided []Finding // what Flush or Close returned
}

// candidate is a literal that may start at an offset.
type candidate struct {
	offset  int64
	literal int32
	done    int // bytes of a known value that were compared
}

// Reset makes the scanner ready for another stream.
func (s *Scanner) Reset() {
	*s = Scanner{
		engine:  s.engine,
		buf:     s.buf[:0],
		pending: s.pending[:0],
		queue:   s.queue[:0],
		covers:  s.covers[:0],
		due:     s.due[:0],
		written: s.written[:0],
		decided: s.decided[:0],
	}
}

// Write scans the next bytes of the stream and returns what they decided. It
// does not keep p.
func (s *Scanner) Write(p []byte) []Finding {
	s.out = s.written[:0]
	for len(p) > 0 {
		if len(s.buf)+len(p) > cap(s.buf) {
			s.trim()
		}
		n := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		s.recheck(false)
		s.sample()
		s.settle(false)
	}
	s.written = s.out
	sortByOffset(s.written)
	return s.written
}

// Safe returns the offset up to which the stream may be forwarded: no byte
// before it belongs to a match that was not reported. It never decreases, and
// is at most MaxHeld behind the end. Behind a Flush, it is the end.
func (s *Scanner) Safe() int64 { return s.released }

// Flush decides what is held as if the stream ended here, so that a message may
// go out whole, and makes everything safe. The stream goes on: a match that
// continues over the flush is still found and reported, although its beginning
// can no longer be called back. A token may start at a flush as at the start of
// the stream.
func (s *Scanner) Flush() []Finding {
	s.out = s.decided[:0]
	s.recheck(true)
	s.settle(true)
	s.edge = s.end()
	s.dueAt(s.edge)
	s.decided = s.out
	sortByOffset(s.decided)
	return s.decided
}

// Close decides what is held at the end of the stream and makes it safe.
func (s *Scanner) Close() []Finding { return s.Flush() }

func sortByOffset(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
}

func (s *Scanner) end() int64 { return s.base + int64(len(s.buf)) }

// sample looks for candidates in what was not sampled yet.
func (s *Scanner) sample() {
	f := s.engine.filter
	i := s.cursor
	for {
		i = f.next(s.buf, i)
		if i+gramBytes > len(s.buf) {
			break
		}
		for _, pl := range f.lookup(s.buf[i:]) {
			if at := i - int(pl.offset); at >= 0 {
				s.consider(at, pl.literal)
			}
		}
		i += stride
	}
	s.cursor = i
	s.sampleEdges()
}

// dueAt has a token looked for that starts at an offset.
func (s *Scanner) dueAt(offset int64) {
	if !slices.Contains(s.due, offset) {
		s.due = append(s.due, offset)
	}
}

// sampleEdges looks for short prefixes where a token may start behind any byte.
// Their grams there hold the byte before. A longer prefix is met anyway.
func (s *Scanner) sampleEdges() {
	kept := s.due[:0]
	for _, offset := range s.due {
		at := int(offset - s.base)
		switch {
		case at+gramBytes > len(s.buf):
			kept = append(kept, offset)
		case offset%stride != 0 && at >= 1: // otherwise sampled like any other
			s.sampleEdge(at)
		}
	}
	s.due = kept
}

func (s *Scanner) sampleEdge(at int) {
	for _, pl := range s.engine.filter.lookup(s.buf[at:]) {
		l := &s.engine.literals[pl.literal]
		if pl.offset == 0 && l.form != nil && len(l.text) < gramBytes && !mayPrecede(s.buf[at-1], l.body) {
			s.consider(at, pl.literal)
		}
	}
}

// consider judges a candidate that starts at s.buf[at].
func (s *Scanner) consider(at int, index int32) {
	l := &s.engine.literals[index]
	if l.bounded && !s.boundary(at, l.body) {
		return
	}
	c := candidate{offset: s.base + int64(at), literal: index}
	switch s.judge(&c, false) {
	case more:
		s.pending = append(s.pending, c)
	case miss:
		s.missed(&c)
	}
}

func (s *Scanner) boundary(at int, body *class) bool {
	offset := s.base + int64(at)
	return leftBoundary(s.buf, at, body) || offset == s.edge || s.behindCover(offset)
}

// judge looks at a candidate and notes a match.
func (s *Scanner) judge(c *candidate, final bool) verdict {
	l := &s.engine.literals[c.literal]
	b := s.buf[c.offset-s.base:]
	if l.form == nil {
		n, v := l.judgeKnown(b, c.done, final)
		if v == match {
			s.cover(span{c.offset, c.offset + int64(n)})
			s.out = append(s.out, s.finding(l, c.offset, b[:n]))
		}
		c.done = n
		return v
	}
	start, end, v := l.form.judge(b, final)
	if v == match {
		found := span{c.offset + int64(start), c.offset + int64(end)}
		s.queue = append(s.queue, queued{candidate: *c, found: found, reach: found.end})
	}
	return v
}

func (s *Scanner) finding(l *literal, offset int64, text []byte) Finding {
	h := hmac.New(sha256.New, s.engine.hashKey[:])
	h.Write(text)
	return Finding{Kind: l.kind, Rule: l.rule, Name: l.name, Path: l.path, Hash: hex.EncodeToString(h.Sum(nil)[:8]), Offset: offset, Length: len(text), Start: offset, End: offset + int64(len(text))}
}

// recheck judges the pending candidates with what came since. At a flush, those
// that do not match as they are stay pending.
func (s *Scanner) recheck(flush bool) {
	kept := s.pending[:0]
	for _, c := range s.pending {
		v := s.judge(&c, false)
		if v == more && flush {
			last := c
			if s.judge(&last, true) == match {
				v = match
			}
		}
		switch v {
		case more:
			kept = append(kept, c)
		case miss:
			s.missed(&c)
		}
	}
	s.pending = kept
}

// settle reports the queued findings that no known value can change any more
// and advances Safe. At a flush, it reports what is one as it is.
func (s *Scanner) settle(flush bool) {
	// Nothing undecided starts before open; no known value before openKnown.
	open, openKnown := s.tail()
	for i := range s.pending {
		c := &s.pending[i]
		open = min(open, c.offset)
		if s.engine.literals[c.literal].form == nil {
			openKnown = min(openKnown, c.offset)
		}
	}
	kept := s.queue[:0]
	for i := range s.queue {
		q := &s.queue[i]
		settled := q.reach <= openKnown
		if (settled || flush) && s.resolve(q) || settled {
			continue
		}
		kept = append(kept, *q)
		open = min(open, q.offset)
	}
	s.queue = kept
	s.forget(open)
	if flush {
		open = s.end()
	}
	s.released = max(s.released, open)
}

// tail returns the first offsets at the end of the stream where a literal, and
// a known value, may start that was not met because its grams are not whole.
func (s *Scanner) tail() (open, openKnown int64) {
	open, openKnown = s.end(), s.end()
	for k := 1; k < maxReach && k <= len(s.buf); k++ {
		at := len(s.buf) - k
		b := s.buf[at:]
		for _, i := range s.engine.filter.starts[b[0]] {
			l := &s.engine.literals[i]
			if k >= l.reach {
				continue // a gram was met
			}
			if _, ok := hasPrefix(b, l.text); !ok || l.bounded && !s.boundary(at, l.body) {
				continue
			}
			open = s.base + int64(at)
			if l.form == nil {
				openKnown = open
				break
			}
		}
	}
	return open, openKnown
}

// trim drops what no candidate needs any more from the front of the buffer.
func (s *Scanner) trim() {
	keep := min(s.cursor, len(s.buf)-maxReach)
	for i := range s.pending {
		keep = min(keep, int(s.pending[i].offset-s.base))
	}
	for i := range s.queue {
		keep = min(keep, int(s.queue[i].offset-s.base))
	}
	keep = (keep - context) &^ 1
	if keep <= 0 {
		return
	}
	n := copy(s.buf, s.buf[keep:])
	s.buf = s.buf[:n]
	s.base += int64(keep)
	s.cursor -= keep
}
