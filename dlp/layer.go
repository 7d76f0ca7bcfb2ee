package dlp

import (
	"bytes"
	"slices"
)

const (
	// maxDepth is how many encodings around each other are taken off.
	maxDepth = 3
	// pathSpaced is the Path of what is found with its letters apart.
	pathSpaced = "spaced"
	// pathJoin stands between the encodings of a Finding's Path, the outer first.
	pathJoin = ">"
)

// layer is a decoded reading of a part of the stream: a scanner of the decoded
// text, and where that text came from.
type layer struct {
	path  string
	sc    *Scanner
	start int64 // in the stream
	fed   int64 // offset in the stream up to which it was decoded
	// src bytes of the stream became dec bytes of text; 0 if that varies.
	src, dec int64
	anchors  []anchor
	stopped  bool   // for want of budget
	text     []byte // the memory of what is decoded
}

// anchor says that the byte at offset to of the decoded text came from the byte at
// offset from of the stream.
type anchor struct{ from, to int64 }

// spareLayers is how many layers an Engine keeps for the next that are opened.
const spareLayers = 32

// layerMarks and layerText are what a layer has room for before it grows.
const (
	layerMarks = 256
	layerText  = 8 << 10
)

// open returns a layer of what starts at an offset of the stream, or nil if there
// are too many around this one already or too much was decoded.
func (s *Scanner) open(path string, start int64, src, dec int64) *layer {
	if s.depth >= maxDepth {
		return nil
	}
	if !s.work.enough() {
		s.notRead(path, start, s.end(), UnscannedBudget)
		return nil
	}
	v := s.work.spareLayer(s.engine)
	v.sc.Reset()
	v.sc.depth = s.depth + 1
	v.sc.work = s.work
	v.sc.session = s.session
	// What is left of a text behind another encoding may still be as a string in
	// JSON has it, or one in JSON in JSON. What parts are joined of needs that only if
	// some value has a byte that JSON escapes.
	v.sc.lax = src == 1 && dec == 1 && (path != "json" || s.lax) && (s.engine.outOfRuns || path != "concat" && path != "wrapped")
	*v = layer{path: path, sc: v.sc, start: start, fed: start, src: src, dec: dec, anchors: v.anchors[:0], text: v.text[:0]}
	return v
}

// write scans more text, which came from the stream's bytes from v.fed to an
// offset. Where from is not where the last text ended, the bytes between were
// left out.
func (s *Scanner) write(v *layer, text []byte, from, to int64) {
	if !s.pay(v, len(text), from) {
		return
	}
	if at := v.sc.end(); !v.follows(at, from) {
		v.forget()
		v.anchors = append(v.anchors, anchor{from, at})
	}
	v.fed = to
	s.take(v, v.sc.Write(text))
}

// follows reports whether text at an offset that came from another one goes on
// as the last anchor says.
func (v *layer) follows(at, from int64) bool {
	n := len(v.anchors)
	return n > 0 && v.src > 0 && v.anchors[n-1].from+(at-v.anchors[n-1].to)*v.src/v.dec == from
}

// writeMarked is write for a text of which marks say where it came from: it is
// what they call lo to hi, and their sources count from an offset.
func (s *Scanner) writeMarked(v *layer, text []byte, marks []mark, from int64, lo, hi int, to int64) {
	if !s.pay(v, len(text), from) {
		return
	}
	v.forget()
	at := v.sc.end() - int64(lo)
	for i, m := range marks {
		if last := i+1 == len(marks) || int(marks[i+1].to) > lo; last && int(m.to) < hi {
			skip := max(0, lo-int(m.to))
			v.anchors = append(v.anchors, anchor{from + int64(int(m.from)+skip), at + int64(int(m.to)+skip)})
		}
	}
	v.fed = to
	s.take(v, v.sc.Write(text))
}

// pay counts what is decoded, and reports whether that is not too much.
func (s *Scanner) pay(v *layer, n int, from int64) bool {
	if v.stopped {
		return false
	}
	s.work.spent += int64(n)
	if !s.work.enough() {
		v.stopped = true
		s.notRead(v.path, from, s.end(), UnscannedBudget)
	}
	return !v.stopped
}

// finish closes a layer and gives it back.
func (s *Scanner) finish(v *layer) {
	s.take(v, v.sc.Close())
	s.drop(v)
}

// drop gives a layer back.
func (s *Scanner) drop(v *layer) {
	v.sc.release()
	if w := s.work; len(w.spare) < maxSpare {
		w.spare = append(w.spare, v)
		return
	}
	select {
	case s.engine.layers <- v:
	default:
	}
}

// spareLayer returns a layer that is in no use.
func (w *work) spareLayer(e *Engine) *layer {
	if n := len(w.spare); n > 0 {
		v := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return v
	}
	select {
	case v := <-e.layers:
		return v
	default:
	}
	return &layer{sc: e.NewScanner(), anchors: make([]anchor, 0, layerMarks), text: make([]byte, 0, layerText)}
}

// forget drops the anchors of what is safe.
func (v *layer) forget() {
	safe, n := v.sc.Safe(), 0
	for n+1 < len(v.anchors) && v.anchors[n+1].to <= safe {
		n++
	}
	v.anchors = append(v.anchors[:0], v.anchors[n:]...)
}

// safe returns the offset of the stream up to which it may be forwarded.
func (v *layer) safe() int64 {
	if safe := v.sc.Safe(); safe < v.sc.end() {
		return v.source(safe, false)
	}
	return v.fed
}

// source returns where a byte of the text came from; with end, where the byte
// before it came from ended.
func (v *layer) source(at int64, end bool) int64 {
	i := len(v.anchors) - 1
	for i > 0 && (v.anchors[i].to > at || end && v.anchors[i].to == at) {
		i--
	}
	m := v.anchors[i]
	n := max(0, at-m.to)
	switch {
	case v.src == 0 && !end:
		return m.from
	case v.src == 0:
		return v.sourceEnd(i)
	case end && n == 1 && v.escapes():
		// The byte before may be all that an escape became.
		if i+1 < len(v.anchors) && v.anchors[i+1].to == at {
			return v.anchors[i+1].from
		} else if i+1 == len(v.anchors) && at == v.sc.end() {
			return v.fed
		}
		return min(m.from+1, v.fed)
	case end:
		return min(m.from+(n*v.src+v.dec-1)/v.dec, v.fed)
	}
	return m.from + n*v.src/v.dec
}

// escapes reports whether single characters are written as several bytes in the
// encoding of a layer, and nothing stands between them.
func (v *layer) escapes() bool {
	switch v.path {
	case "percent", "json", "html", "qp", "fold":
		return true
	}
	return false
}

// sourceEnd returns up to where the text behind an anchor came from, where that
// varies: what came out next may have been taken in before all of it was.
func (v *layer) sourceEnd(i int) int64 {
	from, later := v.anchors[i].from, 0
	for _, a := range v.anchors[i+1:] {
		if a.from == from {
			continue
		}
		if from, later = a.from, later+1; later == 2 {
			return from
		}
	}
	return v.fed
}

// isMarked reports whether something is encoded in a part of the text, or right
// before or behind it. The first anchor says no more than where the text starts.
func (v *layer) isMarked(start, end int64) bool {
	return slices.ContainsFunc(v.anchors, func(a anchor) bool { return a.to > 0 && start <= a.to && a.to <= end })
}

// take reports what was found in a layer. Known values in base64 have needles of
// their own.
func (s *Scanner) take(v *layer, found []Finding) {
	for _, f := range found {
		if f.Kind != KindFormat && f.Kind != KindUnscanned && f.Path == "" && v.path == pathBase64 && !f.weak {
			continue
		}
		start, end := v.source(f.Start, false), v.source(f.End, true)
		if v.src > 0 && v.src == v.dec && end-start == f.End-f.Start && !v.isMarked(f.Start, f.End) {
			continue // neither it nor what stands beside is encoded in this way
		}
		from, to := v.source(f.Offset, false), v.source(f.Offset+int64(f.Length), true)
		if f.Rule == RuleCard && f.Path == "" && v.path == pathSpaced && s.isColumn(from, to) {
			continue
		}
		f.Offset, f.Length = from, int(to-from)
		f.Start, f.End = min(from, start), max(to, end)
		if v.src != v.dec {
			f.Start = v.start
		}
		if f.Path == "" {
			f.Path = v.path
		} else {
			f.Path = v.path + pathJoin + f.Path
		}
		if f.Kind == KindUnscanned {
			s.unscanned(f)
		} else {
			s.report(f)
		}
	}
}

// isColumn reports whether line breaks stand in a part of the stream, as between
// the rows of a table. One row of digits in ten has the check digit of a card.
func (s *Scanner) isColumn(from, to int64) bool {
	lo, hi := max(0, from-s.base), min(int64(len(s.buf)), to-s.base)
	return lo < hi && bytes.ContainsAny(s.buf[lo:hi], "\r\n")
}

// notRead reports that what stands in a span was not read in full.
func (s *Scanner) notRead(path string, start, end int64, reason string) {
	s.unscanned(Finding{Kind: KindUnscanned, Rule: RuleUnscanned, Name: reason, Path: path, Offset: start, Length: 1, Start: start, End: end})
}

// unscanned reports a part that was not read in full, once for each reason.
func (s *Scanner) unscanned(f Finding) {
	if !slices.Contains(s.unread, f.Name) {
		s.unread = append(s.unread, f.Name)
		s.out = append(s.out, f)
	}
}

// work is what was decoded of a stream, by all scanners that read a part of it.
type work struct {
	spent, allowed int64
	inflate        budget // of what is decompressed
	spare          []*layer
}

// maxSpare is how many layers a stream keeps for the next ones. Those of its Engine
// may all be in use.
const maxSpare = 8

const (
	// workShare is how many bytes may be decoded for each byte of the stream, and
	// workFree how many more.
	workShare = 4
	workFree  = 1 << 20
	// inflateShare is how many bytes may come out of compressed parts for each
	// byte of the stream; workFree more are free.
	inflateShare = 200
)

// more says that n more bytes of the stream are there.
func (w *work) more(n int) {
	w.allowed += workShare * int64(n)
	w.inflate.maxRatio = inflateShare
	w.inflate.maxBytes = max(w.inflate.maxBytes, workFree) + inflateShare*int64(n)
}

func (w *work) enough() bool { return w.spent <= w.allowed+workFree }

// report keeps a finding of a layer until it is known what is found as it is
// where it stands, unless it was reported at a flush.
func (s *Scanner) report(f Finding) {
	switch {
	case f.part.of != nil:
		s.wait(f)
	case s.isNew(&f):
		s.decoded = append(s.decoded, f)
	}
}

// isNew reports whether a finding of a layer was not reported yet, and notes it.
func (s *Scanner) isNew(f *Finding) bool {
	key := reported{f.Rule, f.Name, f.Path, f.Offset}
	if slices.Contains(s.reported, key) {
		return false
	}
	if len(s.reported) < maxReported {
		s.reported = append(s.reported, key)
	} else {
		s.reported[s.reports%maxReported] = key
		s.reports++
	}
	return true
}

// maxReported is how many of the last findings of layers are kept.
const maxReported = 16

// reported is what tells a finding of a layer from others.
type reported struct {
	rule, name, path string
	offset           int64
}

// maxPlain is how many of the last findings of what stands as it is are kept.
const maxPlain = 512

// settleDecoded reports what layers found before an offset, up to which all that
// stands there as it is was found. What is that is not found in an encoding once
// more: there is always a reading that changes nothing in it.
func (s *Scanner) settleDecoded(open int64) {
	kept := s.decoded[:0]
	for _, f := range s.decoded {
		switch {
		case f.end() > open:
			kept = append(kept, f)
		case !slices.ContainsFunc(s.plain, f.twin):
			s.out = append(s.out, f)
		}
	}
	s.decoded = kept
}

func (f Finding) end() int64 { return f.Offset + int64(f.Length) }

// twin reports whether a finding overlaps one of what stands as it is that tells
// as much: of the same in an encoding, of anything where a look saw it.
func (f Finding) twin(g Finding) bool {
	return f.Offset < g.end() && g.Offset < f.end() && (f.Path == "" || f.Rule == g.Rule && f.Name == g.Name || f.isPiece() && g.Kind == KindKnown)
}

// emit reports a finding of what stands in the stream as it is.
func (s *Scanner) emit(f Finding) {
	if len(s.plain) < maxPlain {
		s.plain = append(s.plain, f)
	} else {
		s.plain[s.plains%maxPlain] = f
	}
	s.plains++
	s.plainEnd = max(s.plainEnd, f.end())
	s.out = append(s.out, f)
}
