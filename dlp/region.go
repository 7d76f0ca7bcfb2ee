package dlp

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"
)

// A region is a stretch of the stream that is read once more in the way of a
// textView: from viewContext bytes before the first sign of its encoding to as
// many behind the last.

const (
	// regionStep is how much of a region is decoded at once.
	regionStep = 1 << 10
	// cutContext is what stands around a cut on both sides when a region is
	// decoded in steps, so that no escape is cut, and minSpaced characters with
	// what is between them are there.
	cutContext = 128
	// regionLead is what is read before what a sign is a part of, regionRest what
	// is read behind the last sign.
	regionLead = 32
	regionRest = 128
	// signLen is the longest sign that a view has to see whole, spacedLen that of
	// text that is spaced.
	signLen   = 64
	spacedLen = surveyBack
)

// region is what a scanner keeps of one textView.
type region struct {
	at   int64  // the next offset to look for a sign at
	last int64  // offset of the last sign
	cut  int64  // offset up to which the region was decoded
	open bool   // whether there is a region
	l    *layer // of it; nil while nothing in it is worth scanning
}

// sampleRegions decodes on the regions whose signs the survey found.
func (s *Scanner) sampleRegions() {
	if s.depth >= maxDepth {
		return
	}
	if s.lax {
		s.findSigns(jsonView)
	}
	if s.engine.outOfRuns {
		s.findSigns(spacedView)
	}
	// A sign that is not whole yet is looked for again.
	s.signsAt = s.end() - signLen
	if s.openRegions == 0 {
		return
	}
	for k := range s.regions {
		r, view := &s.regions[k], &textViews[k]
		if !r.open {
			continue
		}
		if end := s.regionEnd(r, view); max(r.at, s.signsAt) > r.last+view.rest()+regionLead {
			s.endRegion(r, view)
		} else if end-r.cut > regionStep+cutContext {
			s.decodeRegion(r, view, end-cutContext, end)
		}
	}
}

func viewIndex(path string) int {
	return slices.IndexFunc(textViews, func(v textView) bool { return v.path == path })
}

// signFrom returns the index of the next byte to look for a sign at.
func (s *Scanner) signFrom(k int) int {
	at := s.signsAt
	if k == spacedView {
		at -= spacedLen - signLen
	}
	return int(max(s.regions[k].at, at, s.base) - s.base)
}

// isUnseen reports whether a sign at s.buf[at] is one to look for, of a view that needs
// no more than signLen.
func (s *Scanner) isUnseen(k, at int) bool {
	offset := s.base + int64(at)
	return offset >= s.regions[k].at && offset >= s.signsAt
}

// findSigns has a view look for its signs in what was not looked at yet.
func (s *Scanner) findSigns(k int) {
	find := textViews[k].find
	if s.lax && textViews[k].lax != nil {
		find = textViews[k].lax
	}
	for i := find(s.buf, s.signFrom(k)); i < len(s.buf); i = find(s.buf, i+1) {
		s.sign(k, i)
	}
}

// sign notes the sign of a view at s.buf[i].
func (s *Scanner) sign(k, i int) {
	s.regionsUsed = true
	r, view := &s.regions[k], &textViews[k]
	at := s.base + int64(i)
	if k == foldView && isBinary(s.buf, i) {
		return
	}
	if r.open && at > r.last+view.rest()+regionLead {
		s.endRegion(r, view)
	}
	if !r.open {
		r.open = true
		s.openRegions++
		r.cut = s.regionStart(k, i)
	}
	r.last, r.at = at, at+1
	if k == percentView && s.engine.outOfRuns && !s.lax {
		s.signAround(i)
	}
}

// signAround notes an escape of JSON shortly before the sign of percent-encoding
// at s.buf[i], also one that honest encoders write: if some bytes of a value are
// in percent and JSON escapes others, its own backslash is not one of JSON.
func (s *Scanner) signAround(i int) {
	at := findAnyEscape(s.buf[:i], max(0, i-signLen))
	if r := &s.regions[jsonView]; at < i && (!r.open || r.last < s.base+int64(at)) {
		s.sign(jsonView, at)
	}
}

// regionStart returns the offset of what is read before a sign at s.buf[i]: what
// it may be a part of, and a little before that, but not from inside a run, so
// that no token seems to start there. The lines before a break may be of the same
// text, though they end as words do.
func (s *Scanner) regionStart(k, i int) int64 {
	start := i
	for least := max(0, i-viewContext); start > least && (regionByte[s.buf[start-1]] || k == wrappedView && breakByte[s.buf[start-1]]); {
		start--
	}
	for least := max(0, start-regionLead); start > least; {
		start--
	}
	for start > 0 && start < i && runByte[s.buf[start]] && runByte[s.buf[start-1]] {
		start++
	}
	return s.base + int64(start)
}

// regionByte is what stands in text that is encoded.
var (
	regionByte = newClass("!-~\x80-\xff")
	breakByte  = newClass("\r\n")
)

// regionEnd returns the offset of the end of what may be decoded of a region.
func (s *Scanner) regionEnd(r *region, view *textView) int64 { return min(r.last+view.rest(), s.end()) }

// endRegion decodes the rest of a region and closes it.
func (s *Scanner) endRegion(r *region, view *textView) {
	end := s.regionEnd(r, view)
	s.decodeRegion(r, view, end, end)
	if r.l != nil {
		s.finish(r.l)
	}
	r.l, r.open = nil, false
	s.openRegions--
}

// closeRegions ends all regions at the end of the stream.
func (s *Scanner) closeRegions() {
	if s.openRegions == 0 {
		return
	}
	for k := range s.regions {
		if r := &s.regions[k]; r.open {
			s.endRegion(r, &textViews[k])
		}
	}
}

// flushRegions decides what is there of the open regions. What is behind their
// last cut is decoded on its own.
func (s *Scanner) flushRegions() {
	if s.openRegions == 0 {
		return
	}
	for k := range s.regions {
		r, view := &s.regions[k], &textViews[k]
		if !r.open {
			continue
		}
		if r.l != nil {
			s.take(r.l, r.l.sc.Flush())
		}
		rest := *r
		rest.l, rest.cut = nil, max(r.cut-viewContext, s.base)
		s.openRegions++
		s.endRegion(&rest, view)
	}
}

// dropRegions gives the layers of the open regions back.
func (s *Scanner) dropRegions() {
	if s.openRegions == 0 {
		return
	}
	for k := range s.regions {
		if r := &s.regions[k]; r.l != nil {
			s.drop(r.l)
		}
		s.regions[k] = region{}
	}
}

// decodeRegion decodes a region up to an offset, with what stands around it up
// to end.
func (s *Scanner) decodeRegion(r *region, view *textView, to, end int64) {
	if to <= r.cut {
		return
	}
	start := r.cut
	from := max(start-cutContext, s.base)
	text, marks, _ := view.decode(s.text[:0], s.marks[:0], s.buf[from-s.base:end-s.base])
	s.text, s.marks = text, marks
	lo, _ := decodedIndex(marks, len(text), int(end-from), int(r.cut-from))
	hi, cut := decodedIndex(marks, len(text), int(end-from), int(to-from))
	r.cut = from + int64(cut)
	if hi > lo && (r.l != nil || s.isNews(view, text, marks[1:])) {
		if r.l == nil {
			r.l = s.open(view.path, start, 1, 1)
		}
		if r.l != nil {
			s.writeMarked(r.l, text[lo:hi], marks, from, lo, hi, r.cut)
		}
	}
	if r.l != nil {
		r.l.fed = r.cut
	}
}

// decodedIndex returns what the source's byte at index src became in a decoded
// text, and the first index of the source that is not a part of what is before.
func decodedIndex(marks []mark, text, source, src int) (to, next int) {
	i := sort.Search(len(marks), func(i int) bool { return int(marks[i].from) > src }) - 1
	if i < 0 {
		return src, src
	}
	n, after := text, source
	if i+1 < len(marks) {
		n, after = int(marks[i+1].to), int(marks[i+1].from)
	}
	step := src - int(marks[i].from)
	if n -= int(marks[i].to); step > n || step == n && n < after-int(marks[i].from) && step > 0 {
		return int(marks[i].to) + n, after
	}
	return int(marks[i].to) + step, src
}

// isNews reports whether a decoded text may have what is not found in the text as
// it is. Strings that are joined and lines that go on are frequent where nothing is
// hidden: what those views bring together is looked at only if a run is longer for
// it, or a password in a URL or a known value that is in no run may be there. The
// same goes for what is hardly text.
func (s *Scanner) isNews(view *textView, text []byte, marks []mark) bool {
	switch {
	case view.joins:
		return s.engine.outOfRuns || bytes.Contains(text, []byte("://")) || changesRun(text, marks)
	case view.folds:
		return mostlyUTF8(text) || changesRun(text, marks)
	}
	return true
}

// mostlyUTF8 reports whether b is UTF-8 but for characters that are cut.
func mostlyUTF8(b []byte) bool {
	for wrong := 0; ; wrong++ {
		for len(b) > 0 {
			r, n := utf8.DecodeRune(b)
			if b = b[n:]; r == utf8.RuneError && n == 1 {
				break
			}
		}
		if len(b) == 0 || wrong == 2*utf8.UTFMax {
			return len(b) == 0
		}
	}
}

// changesRun reports whether a run, or what may lead to one, has a byte in it that was
// decoded, or ends or starts at one.
func changesRun(text []byte, marks []mark) bool {
	for _, m := range marks {
		at := int(m.to)
		from := leadByte.spanBack(text, at, at-minRun)
		if leadByte.span(text, at, from+minRun)-from >= minRun {
			return true
		}
	}
	return false
}

// isBinary reports whether control characters are near s.buf[i], so that what is
// not ASCII there is hardly text.
func isBinary(b []byte, i int) bool {
	for _, c := range b[max(0, i-16):min(len(b), i+16)] {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return true
		}
	}
	return false
}

// regionTail returns the offset from which the open regions may still come to a
// match.
func (s *Scanner) regionTail() int64 {
	tail := s.end()
	if s.openRegions == 0 {
		return tail
	}
	for k := range s.regions {
		if r := &s.regions[k]; r.l != nil {
			tail = min(tail, r.l.safe())
		} else if r.open {
			tail = min(tail, r.cut)
		}
	}
	return tail
}
