package dlp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
)

// sample looks for candidates in what was not sampled yet. Behind a known value
// a token may start, which is looked for when all of them are there.
func (s *Scanner) sample() {
	if s.session != nil {
		s.samplePieces()
	}
	s.sampleNeedles()
	s.sampleBlocks()
	if len(s.due) > 0 {
		s.sampleDue()
	}
	s.sampleRegions()
	s.sampleBlobs(false)
	if len(s.looks) > 0 {
		s.takeLooks(false)
	}
}

// sampleNeedles looks up all grams, if a needle may stand where no run is.
func (s *Scanner) sampleNeedles() {
	if s.engine.needles.run == 0 {
		s.gramAt = s.base + int64(s.lookUp(int(s.gramAt-s.base), len(s.buf)))
	}
}

// lookUpRun looks up the grams of the run s.buf[start:end].
func (s *Scanner) lookUpRun(start, end int) {
	v, n := s.survey, s.engine.needles
	if at := max(v.next, start); n.run > 0 && end-start >= n.run && at+gramBytes <= end {
		if v.next = n.next(s.buf[:end], at); v.next+gramBytes <= end {
			v.next = s.lookUp(v.next, end)
		}
	}
}

// endGrams notes where the next gram is: in the run at the end, which may get long
// enough, or behind it.
func (s *Scanner) endGrams() {
	least := s.engine.needles.run
	if least == 0 {
		return
	}
	next := s.end()
	switch {
	case s.run.open && next-s.run.start >= int64(least):
		next = s.base + int64(s.survey.next)
	case s.run.open:
		next = max(s.gramAt, s.run.start)
	}
	s.gramAt = next
}

// lookUp looks up the grams in s.buf[i:end], and returns where the next is.
func (s *Scanner) lookUp(i, end int) int {
	n := s.engine.needles
	b := s.buf[:end]
	for {
		i = n.next(b, i)
		if i+gramBytes > len(b) {
			return i
		}
		for _, pl := range n.lookup(b[i:]) {
			if pl.literal < 0 {
				s.piece(i, pl)
				continue
			}
			if at := i - int(pl.offset); at >= 0 {
				s.consider(at, pl.literal)
			}
		}
		i += n.stride
	}
}

// seeHeaders looks at the headers that end with five dashes of which the first is in
// the block at s.buf[i:]: a mask has those that no dash in it is before.
func (s *Scanner) seeHeaders(dashes uint64, i int) {
	for ; dashes != 0; dashes &= dashes - 1 {
		end := i + bits.TrailingZeros64(dashes) + len("-----")
		if end > len(s.buf) || s.base+int64(end) <= s.dashAt || end < minHeader || s.buf[end-6] != 'Y' && s.buf[end-6] != 'K' {
			continue
		}
		for _, text := range pemEnds {
			if at := end - len(text); at >= 0 && string(s.buf[at:end]) == text {
				s.considerHeader(at)
			}
		}
	}
}

// consider judges a candidate that starts at s.buf[at] if it may.
func (s *Scanner) consider(at int, index int32) {
	if l := &s.engine.literals[index]; !l.bounded || s.boundary(at, l.body) {
		s.judgeNew(at, index)
	}
}

// judgeNew judges a candidate that starts at s.buf[at].
func (s *Scanner) judgeNew(at int, index int32) {
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
		if v == match && l.weak {
			v = s.judgeWeak(l, int(c.offset-s.base), n, final)
		}
		if v == match {
			s.cover(span{c.offset, c.offset + int64(n)})
			s.emit(s.finding(l, c.offset, b[:n]))
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

// hash is what tells a text from others in findings.
func (e *Engine) hash(text []byte) string {
	h := hmac.New(sha256.New, e.hashKey[:])
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (s *Scanner) finding(l *literal, offset int64, text []byte) Finding {
	hash := l.hash
	if hash == "" || string(text) != l.text {
		hash = s.engine.hash(text)
	}
	return Finding{Kind: l.kind, Rule: l.rule, Name: l.name, Path: l.path, Hash: hash, Offset: offset, Length: len(text), Start: offset, End: offset + int64(len(text)),
		Confidence: l.grade(text), Field: s.fieldBefore(int(offset - s.base)), weak: l.weak, cut: l.cut}
}

// recheck judges the pending candidates with what came since. At a flush, those
// that do not match as they are stay pending.
func (s *Scanner) recheck(flush bool) {
	old := s.pending
	s.pending = s.spare[:0] // what is judged may bring others
	s.spare = old
	for _, c := range old {
		v := s.judge(&c, false)
		if v == more && flush {
			last := c
			if s.judge(&last, true) == match {
				v = match
			}
		}
		switch v {
		case more:
			s.pending = append(s.pending, c)
		case miss:
			s.missed(&c)
		}
	}
}
