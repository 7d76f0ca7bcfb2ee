package dlp

import (
	"math"
	"slices"
)

// A known value stands on its own: what is left and right of it is judged as if
// the stream ended and began there. So a placeholder that looks like a token is
// none, whatever text it is glued to, and a token that a placeholder is glued to
// is still one. A known value that is found inside of a token is a cut too.

// queued is a candidate that was judged and waits for the known values near it.
type queued struct {
	candidate
	// found is what was judged a match; empty if the candidate was none, but
	// may be one when a known value cuts it.
	found span
	// reach is where known values start that change nothing any more.
	reach int64
}

type span struct{ start, end int64 }

func (s *Scanner) bytes(sp span) []byte { return s.buf[sp.start-s.base : sp.end-s.base] }

// cover notes a known value, behind which a token may start.
func (s *Scanner) cover(sp span) {
	s.covers = append(s.covers, sp)
	s.dueAt(sp.end)
}

// missed keeps a candidate that is no match if it could be one when cut.
func (s *Scanner) missed(c *candidate) {
	if f := s.engine.literals[c.literal].form; f != nil {
		if n := f.cuttable(s.buf[c.offset-s.base:]); n > 0 {
			s.queue = append(s.queue, queued{candidate: *c, reach: c.offset + int64(n) + 1})
		}
	}
}

// resolve reports what a queued candidate comes to with the known values that
// are there, and whether that is anything.
func (s *Scanner) resolve(q *queued) bool {
	l := &s.engine.literals[q.literal]
	before := len(s.out)
	report := func(sp span) { s.emit(s.finding(l, sp.start, s.bytes(sp))) }
	pieces := s.uncovered(q.found)
	switch {
	case len(pieces) == 1 && pieces[0] == q.found:
		report(q.found)
		return true
	case len(pieces) == 0 && q.found != span{}:
		return false
	}
	cut := q.offset
	if next := s.nextCover(q.offset); s.coverEnd(q.offset) == q.offset && next < math.MaxInt64 {
		if start, end, v := l.form.judge(s.bytes(span{q.offset, next}), true); v == match {
			report(span{q.offset + int64(start), q.offset + int64(end)})
			cut = next
		}
	}
	for _, p := range pieces {
		if l.form.rest != nil && p.start >= cut && l.form.rest(s.bytes(p)) {
			report(p)
		}
	}
	return len(s.out) > before
}

// uncovered returns the parts of a span that no known value has.
func (s *Scanner) uncovered(sp span) (pieces []span) {
	for at := sp.start; at < sp.end; {
		if end := s.coverEnd(at); end > at {
			at = end
			continue
		}
		end := min(sp.end, s.nextCover(at))
		pieces = append(pieces, span{at, end})
		at = end
	}
	return pieces
}

// coverEnd returns the end of the known values that have the byte at an offset,
// or the offset if there is none.
func (s *Scanner) coverEnd(at int64) int64 {
	end := at
	for _, c := range s.covers {
		if c.start <= at {
			end = max(end, c.end)
		}
	}
	return end
}

// nextCover returns where the first known value behind an offset starts.
func (s *Scanner) nextCover(at int64) int64 {
	next := int64(math.MaxInt64)
	for _, c := range s.covers {
		if c.start > at {
			next = min(next, c.start)
		}
	}
	return next
}

// behindCover reports whether a known value ends at an offset.
func (s *Scanner) behindCover(at int64) bool {
	return slices.ContainsFunc(s.covers, func(c span) bool { return c.end == at })
}

// forget drops the known values that cover nothing from open on, nor what may be the
// name of its field. One that ended a moment ago is still needed for a token that starts
// behind it.
func (s *Scanner) forget(open int64) {
	open = min(open, s.end()-maxURL) - fieldReach
	s.covers = slices.DeleteFunc(s.covers, func(c span) bool { return c.end < open })
}
