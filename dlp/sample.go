package dlp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
)

// sample looks for candidates in what was not sampled yet. Known values come
// first, since they are where tokens may start.
func (s *Scanner) sample() {
	s.samplePieces()
	s.sampleNeedles()
	s.sampleDue()
	s.sampleBlocks()
	s.sampleRegions()
	s.sampleBlobs(false)
	s.takeLooks(false)
}

// sampleNeedles looks up grams: where no run is, only if a needle may be there.
func (s *Scanner) sampleNeedles() {
	i := int(s.gramAt - s.base)
	if s.engine.needles.run == 0 {
		s.gramAt = s.base + int64(s.lookUp(i, len(s.buf)))
		return
	}
	g := gramSearch{s: s, next: i, least: s.engine.needles.run}
	var masks [surveyBlocks]runMasks
	var last runMasks
	at := max(0, i-g.least)
	from := at
	for known := false; at < len(s.buf); known = true {
		n := s.classifyRuns(masks[:], at)
		for k := range masks[:n] {
			if known || k > 0 {
				g.block(last, masks[k], at-blockLen)
			}
			last = masks[k]
			at += blockLen
		}
	}
	if at > from {
		g.block(last, runMasks{}, at-blockLen)
	}
	g.lookUp()
	// The run that the end is in may yet be long enough.
	next := len(s.buf)
	if start := runByte.spanBack(s.buf, next, next-g.least); next-start == g.least {
		next = g.next
	} else if start < next {
		next = max(i, start)
	}
	s.gramAt, s.dashAt = s.base+int64(next), s.end()
}

// gramSearch looks up grams where runs of the least length are.
type gramSearch struct {
	s           *Scanner
	next, least int
	start, end  int // of the last run, which was not looked at yet
}

func (g *gramSearch) lookUp() {
	if at := max(g.next, g.start); at+gramBytes <= g.end {
		g.next = g.s.lookUp(at, min(g.end, len(g.s.buf)))
	}
}

// block looks at the runs that start in the block at s.buf[i:], or go on there. It
// has the masks of the block and of the next.
func (g *gramSearch) block(b, next runMasks, i int) {
	if dash := b[1]; dash&behind(dash, next[1], 1) != 0 {
		g.s.seeHeaders(dash, i)
	}
	m, n := b[0], next[0]
	m, n = m&behind(m, n, 1), n&(n>>1)
	m, n = m&behind(m, n, 2), n&(n>>2)
	m, n = m&behind(m, n, 4), n&(n>>4) // 8 in a row
	m &= behind(m, n, uint(g.least-gramBytes))
	for m != 0 {
		from := bits.TrailingZeros64(m)
		to := from + bits.TrailingZeros64(^(m >> from))
		if i+from > g.end {
			g.lookUp()
			g.start = i + from
		}
		g.end = i + to + g.least - 1
		if to == blockLen {
			break
		}
		m &^= 1<<to - 1
	}
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
// the block at s.buf[i:], whose dashes a mask has.
func (s *Scanner) seeHeaders(dashes uint64, i int) {
	for ; dashes != 0; dashes &= dashes - 1 {
		end := i + bits.TrailingZeros64(dashes) + len("-----")
		if end > len(s.buf) || s.base+int64(end) <= s.dashAt || end < minHeader || s.buf[end-6] != 'Y' && s.buf[end-6] != 'K' {
			continue
		}
		for _, h := range s.engine.headers {
			text := s.engine.literals[h].text
			if at := end - len(text); at >= 0 && string(s.buf[at:end]) == text {
				s.consider(at, h)
			}
		}
	}
}

// classifyRuns makes the masks of the blocks from s.buf[i] on, as many as there is
// room for, and returns how many there are.
func (s *Scanner) classifyRuns(masks []runMasks, i int) int {
	n := min((len(s.buf)-i)/blockLen, len(masks))
	classifyRuns(masks[:n], s.buf[i:])
	if i += n * blockLen; n == len(masks) || i == len(s.buf) {
		return n
	}
	var last [blockLen]byte
	copy(last[:], s.buf[i:])
	classifyRuns(masks[n:n+1], last[:])
	return n + 1
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
