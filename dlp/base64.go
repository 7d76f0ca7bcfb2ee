package dlp

import "math"

// Base64 in a run is decoded where that gives ASCII text. It may start anywhere
// in the run, so all four phases are looked at. A group of four characters is of
// text if the three bytes that it stands for are ASCII; a token takes several
// groups in a row, so one in three is tested, and for what encodes anything else
// that is all that happens.

const (
	pathBase64 = "base64"
	// groupLen is the characters of a group of base64, textGroups how many in a
	// row are decoded.
	groupLen   = 4
	textGroups = 3
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

func base64Group(b []byte) uint32 {
	_ = b[3]
	return base64Value[0][b[0]] | base64Value[1][b[1]] | base64Value[2][b[2]] | base64Value[3][b[3]]
}

// phase is the reading of a run as base64 from one of four offsets.
type phase struct {
	next int64  // the offset of the next group to test
	l    *layer // of what is text, if anything is
	// blob says that it is decoded whatever it is.
	blob bool
}

// startPhases makes the phases ready for a run that starts at an offset.
func (s *Scanner) startPhases(start int64) {
	for p := range s.phases {
		s.phases[p].next = start + int64(p)
	}
}

// decodePhases reads the run on, up to s.buf[end].
func (s *Scanner) decodePhases(end int, closed bool) {
	if !s.run.checked && !s.checkBlob(end, closed) {
		return
	}
	for p := range s.phases {
		ph := &s.phases[p]
		for s.step(ph, end, closed) {
		}
		if closed && ph.l != nil {
			s.finishPhase(ph, end)
		}
	}
}

// blobChars is how much of a run tells whether it is a blob in base64.
const blobChars = (magicBytes + 2) / 3 * groupLen

// checkBlob looks whether the run is a blob from its start, and reports whether
// enough of it is there to tell.
func (s *Scanner) checkBlob(end int, closed bool) bool {
	start := int(s.run.start - s.base)
	for n := 1; n < maxEscape && start+n < end; n++ {
		if word[s.buf[start+n-1]] && escaped(s.buf[:start+n]) {
			start += n
			break
		}
	}
	if end-start < blobChars && !closed {
		return false
	}
	s.run.checked = true
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

// step looks at the next group of a phase and reports whether it could.
func (s *Scanner) step(ph *phase, end int, closed bool) bool {
	i := int(ph.next - s.base)
	if i+groupLen > end {
		return false
	}
	switch {
	case ph.blob:
		s.feed(ph, i, end-(end-i)%groupLen)
		return true
	case ph.l != nil:
		return s.stretch(ph, i, end)
	}
	if base64Group(s.buf[i:])&notASCII != 0 {
		ph.next += textGroups * groupLen
		return true
	}
	return s.begin(ph, i, end, closed)
}

// begin opens a layer if the group at s.buf[i] is one of several of text.
func (s *Scanner) begin(ph *phase, i, end int, closed bool) bool {
	first := int(s.run.start - s.base)
	from := i
	for n := 1; n < textGroups && from-groupLen >= first && base64Group(s.buf[from-groupLen:])&notASCII == 0; n++ {
		from -= groupLen
	}
	to, least := i+groupLen, textGroups
	if s.depth >= maxDepth {
		least = deepGroups
	}
	for to-from < least*groupLen {
		if to+groupLen > end && !closed {
			return false
		}
		if to+groupLen > end || base64Group(s.buf[to:])&notASCII != 0 {
			ph.next += textGroups * groupLen
			return true
		}
		to += groupLen
	}
	if s.depth >= maxDepth {
		s.notRead(pathBase64, s.base+int64(from), s.base+int64(to), UnscannedDepth)
	}
	// What is before may end in text.
	if from-groupLen >= first {
		from -= groupLen
	}
	if ph.l = s.open(pathBase64, s.base+int64(from), groupLen, 3); ph.l == nil {
		ph.next += textGroups * groupLen
		return true
	}
	s.feed(ph, from, to)
	return true
}

// stretch decodes the text that goes on at s.buf[i], with the group behind it.
func (s *Scanner) stretch(ph *phase, i, end int) bool {
	to := i
	for to+groupLen <= end && base64Group(s.buf[to:])&notASCII == 0 {
		to += groupLen
	}
	if to+groupLen > end {
		s.feed(ph, i, to)
		return false
	}
	s.feed(ph, i, to+groupLen)
	s.finish(ph.l)
	ph.l = nil
	return true
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
	kept, r := s.phases, s.run
	s.phases = [groupLen]phase{}
	s.run.start = max(r.start, s.end()-flushTail, s.base)
	s.run.checked = true
	s.startPhases(s.run.start)
	s.decodePhases(len(s.buf), true)
	s.phases, s.run = kept, r
}

// flushTail is how much of an open run is decoded once more at a flush, since
// its last group is not whole.
const flushTail = 768

// dropPhases gives the layers of an open run back.
func (s *Scanner) dropPhases() {
	for p := range s.phases {
		if v := s.phases[p].l; v != nil {
			s.drop(v)
		}
	}
	s.phases = [groupLen]phase{}
}

// phaseTail returns the offset from which the open run may still become text.
func (s *Scanner) phaseTail() int64 {
	if s.run.long && !s.run.checked {
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
			tail = min(tail, s.textTail(int(max(ph.next-textGroups*groupLen, s.run.start+int64(p))-s.base)))
		}
	}
	return max(tail, s.run.start)
}

// textTail returns the offset of the last group from s.buf[i] on that is not of
// text. Those behind it, and what it ends in, may be.
func (s *Scanner) textTail(i int) int64 {
	last := i - groupLen
	for ; i+groupLen <= len(s.buf); i += groupLen {
		if base64Group(s.buf[i:])&notASCII != 0 {
			last = i
		}
	}
	return s.base + int64(last)
}
