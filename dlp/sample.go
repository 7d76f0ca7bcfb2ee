package dlp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// sample looks for candidates in what was not sampled yet. Known values come
// first, since they are where tokens may start.
func (s *Scanner) sample() {
	s.samplePieces()
	s.sampleNeedles()
	s.sampleURLs()
	s.sampleDue()
	s.sampleBlocks()
	s.sampleRegions()
	s.sampleBlobs(false)
	s.takeLooks(false)
}

func (s *Scanner) sampleNeedles() {
	n := s.engine.needles
	i := int(s.gramAt - s.base)
	for {
		i = n.next(s.buf, i)
		if i+gramBytes > len(s.buf) {
			break
		}
		for _, pl := range n.lookup(s.buf[i:]) {
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
	s.gramAt = s.base + int64(i)
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
		if v == match && l.header != 0 {
			s.considerHeader(int(c.offset-s.base), l)
		} else if v == match {
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
	return Finding{Kind: l.kind, Rule: l.rule, Name: l.name, Path: l.path, Hash: s.engine.hash(text), Offset: offset, Length: len(text), Start: offset, End: offset + int64(len(text)), Confidence: l.grade(text), weak: l.weak, cut: l.cut}
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
