package dlp

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Base64 in a run is decoded where that gives ASCII text. It may start anywhere
// in the run, so all four phases are looked at, at once: a mask of 64 bits tells
// for each character whether the group that starts there stands for ASCII. A
// token takes several groups in a row, and for what encodes anything else there
// are hardly ever that many.

const (
	pathBase64 = "base64"
	// groupLen is the characters of a group of base64, textGroups how many in a
	// row are decoded: the fewest that any 15 bytes fill.
	groupLen   = 4
	textGroups = 4
	// deepGroups is how many in a row are called encoded where that is not looked
	// into any more.
	deepGroups = 16
	// notASCII are the top bits of the bytes of a group.
	notASCII = 0x808080
)

// base64Value has for each of four characters what it adds to the three bytes
// of a group. Both alphabets are taken, and any byte, as only runs are decoded.
var base64Value = func() (t [groupLen][256]uint32) {
	const std = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i, c := range []byte(std) {
		for k := range t {
			t[k][c] = uint32(i) << (18 - 6*k)
		}
	}
	for k := range t {
		t[k]['-'], t[k]['_'] = t[k]['+'], t[k]['/']
	}
	return t
}()

func base64Group(b []byte) uint32 { return base64Word(uint64(binary.LittleEndian.Uint32(b))) }

// base64Word is base64Group of the lowest bytes of a word.
func base64Word(w uint64) uint32 {
	return base64Value[0][byte(w)] | base64Value[1][byte(w>>8)] | base64Value[2][byte(w>>16)] | base64Value[3][byte(w>>24)]
}

// textGroup reports whether a group stands for ASCII. Zeros alone are none.
func textGroup(b []byte) bool {
	g := base64Group(b)
	return g&notASCII == 0 && g != 0
}

// textStarts returns at which of 64 characters of a run textGroups groups of ASCII
// start, the first in the lowest bit, and which of them are capital and which small
// letters.
func textStarts(b *[blockLen]byte) (starts, upper, lower uint64) {
	p := toPlanes(b)
	p0, p1, p2, p3, p4 := p[0], p[1], p[2], p[3], p[4]
	upper, lower = p[6]&^p[5], p[6]&p[5]
	digit := p4 & p[5] &^ p[6]
	upper &^= p4 & p3 & p2 // _
	// The bits that have to be zero of the values of the characters (RFC 4648,
	// section 4), which are those of the bytes less 1 for capitals, and 25 or 52 more
	// for small letters and digits.
	odd := p1 ^ p0
	first := upper | lower&^(p4|p3|p2&p1&p0)
	second := upper&(p3^(p2|p1|p0)) | lower&(p3^p2&p1&p0) | digit&^(p3^p2)
	third := upper&odd | lower&^odd | digit&^p1
	t := first & behindLane(second&behindLane(third))
	t &= t>>32 | t>>1&0x7f7f7f7f<<32 // four bytes behind
	t &= t >> 1 & (0x7f * lanes)     // eight
	if t != 0 {
		t = transpose(t)
	}
	return t, transpose(upper), transpose(lower)
}

const (
	// textReach is how many characters tell whether text starts at the first.
	textReach = textGroups * groupLen
	// textStep is how many characters of a view are looked at.
	textStep = viewLen - textReach + 1
)

// phase is the reading of a run as base64 from one of four offsets.
type phase struct {
	next int64  // the offset of the next group that was not decoded
	l    *layer // of what is text, if anything is
	// blob says that it is decoded whatever it is.
	blob bool
}

// startPhases makes the phases ready for a run that starts at an offset.
func (s *Scanner) startPhases(start int64) {
	for p := range s.phases {
		s.phases[p].next = start + int64(p)
	}
	s.textAt = start
}

// decodePhases reads the run on, up to s.buf[end].
func (s *Scanner) decodePhases(end int, closed bool) {
	if !s.run.checked && !s.checkBlob(end, closed) {
		return
	}
	for p := range s.phases {
		if ph := &s.phases[p]; ph.l != nil {
			s.stretch(ph, end)
		}
	}
	s.findText(end, closed)
	if !closed {
		return
	}
	for p := range s.phases {
		if ph := &s.phases[p]; ph.l != nil {
			s.finishPhase(ph, end)
		}
	}
}

// inPhase reports whether a part of the run is decoded.
func (s *Scanner) inPhase() bool {
	p := &s.phases
	return p[0].l != nil || p[1].l != nil || p[2].l != nil || p[3].l != nil
}

// findText opens layers where the run stands for text, up to s.buf[end].
func (s *Scanner) findText(end int, closed bool) {
	i := int(s.textAt - s.base)
	for i+textReach <= end {
		n := min(textStep, end-textReach+1-i)
		starts, upper, lower := s.textStarts(i, end)
		for starts &= 1<<n - 1; starts != 0; starts &= starts - 1 {
			s.begin(i+bits.TrailingZeros64(starts), end, closed)
		}
		s.seeSpans(upper, lower, i, n)
		i += n
	}
	if n := end - i; closed && n > 0 {
		_, upper, lower := s.textStarts(i, end)
		s.seeSpans(upper, lower, i, n)
	}
	s.textAt = s.base + int64(i)
}

// textStarts is that of the characters of a run from s.buf[i] on, up to s.buf[end].
func (s *Scanner) textStarts(i, end int) (starts, upper, lower uint64) {
	if s.inWindow(i, min(end, i+viewLen)) {
		m := s.survey.view(i)
		return textIn(m.of(maskFirst), m.of(maskSecond), m.of(maskThird)), m.of(maskUpper), m.of(maskLower)
	}
	if i+blockLen <= len(s.buf) {
		return textStarts((*[blockLen]byte)(s.buf[i:]))
	}
	var last [blockLen]byte
	copy(last[copy(last[:], s.buf[i:]):], noText)
	return textStarts(&last)
}

// textIn returns where textGroups groups of ASCII start, by which characters may be the
// first, the second and the third of one.
func textIn(first, second, third uint64) uint64 {
	m := first & (second >> 1) & (third >> 2)
	m &= m >> groupLen
	return m & (m >> (2 * groupLen))
}

// noText fills a block behind the end of a run: no group of text has a z first.
const noText = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

// blobChars is how much of a run tells whether it is a blob in base64.
const blobChars = (magicBytes + 2) / 3 * groupLen

// checkBlob looks whether the run is a blob from its start, and reports whether
// enough of it is there to tell.
func (s *Scanner) checkBlob(end int, closed bool) bool {
	start := runBegin(s.buf, int(s.run.start-s.base), end)
	if end-start < blobChars && !closed {
		return false
	}
	s.run.checked = true
	if end-start < groupLen || !mayStartBlob(base64Group(s.buf[start:])) {
		return true
	}
	s.scratch = appendBase64(s.scratch[:0], s.buf[start:max(start, min(end, start+blobChars))])
	if !startsBlob(s.scratch) {
		return true
	}
	ph := &s.phases[(start-int(s.run.start-s.base))%groupLen]
	if ph.l = s.open(pathBase64, s.base+int64(start), groupLen, 3); ph.l != nil {
		ph.next, ph.blob = ph.l.start, true
	}
	return true
}

// mayBeBlob reports whether the run s.buf[start:end] may be a blob by its first
// bytes.
func (s *Scanner) mayBeBlob(start, end int) bool {
	start = runBegin(s.buf, start, end)
	return end-start >= groupLen && mayStartBlob(base64Group(s.buf[start:]))
}

// begin opens a layer for the text that starts at s.buf[i], unless its phase has
// been decoded there.
func (s *Scanner) begin(i, end int, closed bool) {
	at := s.base + int64(i)
	ph := &s.phases[(at-s.run.start)%groupLen]
	if ph.l != nil || at < ph.next {
		return
	}
	for k := range textGroups {
		if !textGroup(s.buf[i+k*groupLen:]) {
			return
		}
	}
	if s.depth >= maxDepth {
		ph.next = s.seeDepth(i, end)
		return
	}
	// What is before may end in text.
	from := at
	if from-groupLen >= ph.next {
		from -= groupLen
	}
	if ph.l = s.open(pathBase64, from, groupLen, 3); ph.l == nil {
		ph.next = s.base + int64(end)
		return
	}
	s.feed(ph, int(from-s.base), i)
	s.stretch(ph, end)
}

// seeDepth reports text at s.buf[i] that is too deep to be read, once. A group that
// repeats the one before is none of what is hidden: a few bytes that seem to be
// compressed become hundreds of the same. It returns up to where it looked.
func (s *Scanner) seeDepth(i, end int) int64 {
	if slices.Contains(s.unread, UnscannedDepth) {
		return s.base + int64(end)
	}
	from := i // some of it may have been there before
	for least := max(0, int(s.run.start-s.base), i-deepGroups*groupLen); from-groupLen >= least && textGroup(s.buf[from-groupLen:]); {
		from -= groupLen
	}
	n, groups := from, 0
	for n+groupLen <= end && textGroup(s.buf[n:]) {
		if n == from || base64Group(s.buf[n:]) != base64Group(s.buf[n-groupLen:]) {
			groups++
		}
		n += groupLen
	}
	if groups >= deepGroups {
		s.notRead(pathBase64, s.base+int64(i), s.base+int64(n), UnscannedDepth)
	}
	return s.base + int64(n)
}

// stretch decodes the text that goes on, with the group behind it, up to
// s.buf[end].
func (s *Scanner) stretch(ph *phase, end int) {
	i := int(ph.next - s.base)
	to := i
	for to+groupLen <= end && (ph.blob || textGroup(s.buf[to:])) {
		to += groupLen
	}
	if to+groupLen > end {
		s.feed(ph, i, to)
		return
	}
	s.feed(ph, i, to+groupLen)
	s.finish(ph.l)
	ph.l = nil
}

// finishPhase ends the layer of a run that ends at s.buf[end].
func (s *Scanner) finishPhase(ph *phase, end int) {
	if i := int(ph.next - s.base); i+1 < end {
		s.feed(ph, i, end)
	}
	s.finish(ph.l)
	ph.l, ph.blob = nil, false
}

// feed decodes s.buf[from:to], of which the last group may be shorter.
func (s *Scanner) feed(ph *phase, from, to int) {
	ph.l.text = appendBase64(ph.l.text[:0], s.buf[from:to])
	ph.next = s.base + int64(to)
	if len(ph.l.text) > 0 {
		s.write(ph.l, ph.l.text, s.base+int64(from), ph.next)
	}
}

// appendBase64 appends what b stands for, of which the last group may be shorter.
func appendBase64(text, b []byte) []byte {
	for ; len(b) >= groupLen; b = b[groupLen:] {
		g := base64Group(b)
		text = append(text, byte(g>>16), byte(g>>8), byte(g))
	}
	if n := len(b); n > 1 {
		var last [groupLen]byte
		copy(last[:], b)
		g := base64Group(last[:])
		text = append(text, byte(g>>16), byte(g>>8))[:len(text)+n-1]
	}
	return text
}

// flushPhases decides the end of an open run as if it ended there.
func (s *Scanner) flushPhases() {
	for p := range s.phases {
		if v := s.phases[p].l; v != nil {
			s.take(v, v.sc.Flush())
		}
	}
	kept, r, at := s.phases, s.run, s.textAt
	s.phases = [groupLen]phase{}
	s.run.start = max(r.start, s.end()-flushTail, s.base)
	s.run.checked = true
	s.startPhases(s.run.start)
	s.decodePhases(len(s.buf), true)
	s.phases, s.run, s.textAt = kept, r, at
}

// flushTail is how much of an open run is decoded once more at a flush, since
// its last group is not whole.
const flushTail = 768

// dropPhases gives the layers of an open run back.
func (s *Scanner) dropPhases() {
	if !s.inPhase() {
		return
	}
	for p := range s.phases {
		if v := s.phases[p].l; v != nil {
			s.drop(v)
		}
	}
	s.phases = [groupLen]phase{}
}

// phaseTail returns the offset from which the open run may still become text.
func (s *Scanner) phaseTail() int64 {
	if !s.run.checked && (s.run.long || s.mayBeBlob(int(s.run.start-s.base), len(s.buf))) {
		return s.run.start
	}
	tail := int64(math.MaxInt64)
	for p := range s.phases {
		switch ph := &s.phases[p]; {
		case !s.run.long:
			tail = min(tail, s.textTail(int(s.run.start-s.base)+p))
		case ph.l != nil:
			tail = min(tail, ph.l.safe())
		default:
			// Where text starts less than textReach before the end is not known.
			first := s.textAt + (s.run.start+int64(p)-s.textAt)%groupLen
			tail = min(tail, s.textTail(int(max(first-groupLen, s.run.start+int64(p), s.base)-s.base)))
		}
	}
	return max(tail, s.run.start)
}

// textTail returns the offset of the last group from s.buf[i] on that is not of
// text. Those behind it, and what it ends in, may be.
func (s *Scanner) textTail(i int) int64 {
	last := i - groupLen
	for ; i+groupLen <= len(s.buf); i += groupLen {
		if !textGroup(s.buf[i:]) {
			last = i
		}
	}
	return s.base + int64(last)
}
