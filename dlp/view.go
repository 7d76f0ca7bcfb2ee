package dlp

import "slices"

const (
	// maxDepth is how many encodings around each other are taken off.
	maxDepth = 3
	// pathJoin stands between the encodings of a Finding's Path, the outer first.
	pathJoin = ">"
)

// view is a decoded reading of a part of the stream: a scanner of the decoded
// text, and where that text came from.
type view struct {
	path  string
	sc    *Scanner
	start int64 // in the stream
	fed   int64 // offset in the stream up to which it was decoded
	// src bytes of the stream became dec bytes of text; 0 if that varies.
	src, dec int64
	marks    []mark
	stopped  bool   // for want of budget
	text     []byte // the memory of what is decoded
}

// mark says that the byte at offset to of the decoded text came from the byte at
// offset from of the stream.
type mark struct{ from, to int64 }

// open returns a view of what starts at an offset of the stream, or nil if there
// are too many around this one already or too much was decoded.
func (s *Scanner) open(path string, start int64, src, dec int64) *view {
	if s.depth >= maxDepth {
		s.unscanned(path, start, UnscannedDepth)
		return nil
	}
	if !s.work.enough() {
		s.unscanned(path, start, UnscannedBudget)
		return nil
	}
	v, _ := s.engine.views.Get().(*view)
	if v == nil {
		v = &view{sc: s.engine.NewScanner()}
	}
	v.sc.Reset()
	v.sc.depth = s.depth + 1
	v.sc.work = s.work
	*v = view{path: path, sc: v.sc, start: start, fed: start, src: src, dec: dec, marks: v.marks[:0], text: v.text[:0]}
	return v
}

// write scans more text, which came from the stream's bytes from v.fed to an
// offset. Where from is not where the last text ended, the bytes between were
// left out.
func (s *Scanner) write(v *view, text []byte, from, to int64) {
	if v.stopped {
		return
	}
	if s.work.spent += int64(len(text)); !s.work.enough() {
		v.stopped = true
		s.unscanned(v.path, from, UnscannedBudget)
		return
	}
	at := v.sc.end()
	if n := len(v.marks); n == 0 || v.src == 0 || v.marks[n-1].from+(at-v.marks[n-1].to)*v.src/v.dec != from {
		v.forget()
		v.marks = append(v.marks, mark{from, at})
	}
	v.fed = to
	s.take(v, v.sc.Write(text))
}

// finish closes a view and gives it back.
func (s *Scanner) finish(v *view) {
	s.take(v, v.sc.Close())
	s.drop(v)
}

// drop gives a view back.
func (s *Scanner) drop(v *view) {
	v.sc.Reset()
	s.engine.views.Put(v)
}

// forget drops the marks of what is safe.
func (v *view) forget() {
	safe, n := v.sc.Safe(), 0
	for n+1 < len(v.marks) && v.marks[n+1].to <= safe {
		n++
	}
	v.marks = append(v.marks[:0], v.marks[n:]...)
}

// safe returns the offset of the stream up to which it may be forwarded.
func (v *view) safe() int64 {
	if safe := v.sc.Safe(); safe < v.sc.end() {
		return v.source(safe, false)
	}
	return v.fed
}

// source returns where a byte of the text came from; with end, where the byte
// before it came from ended.
func (v *view) source(at int64, end bool) int64 {
	i := len(v.marks) - 1
	for i > 0 && (v.marks[i].to > at || end && v.marks[i].to == at) {
		i--
	}
	m := v.marks[i]
	n := max(0, at-m.to)
	switch {
	case v.src == 0 && !end:
		return m.from
	case v.src == 0 && i+1 < len(v.marks):
		return v.marks[i+1].from
	case v.src == 0:
		return v.fed
	case end:
		return min(m.from+(n*v.src+v.dec-1)/v.dec, v.fed)
	}
	return m.from + n*v.src/v.dec
}

// take reports what was found in a view. Known values in base64 have needles of
// their own.
func (s *Scanner) take(v *view, found []Finding) {
	for _, f := range found {
		if f.Kind != KindFormat && f.Path == "" && v.path == pathBase64 {
			continue
		}
		from, to := v.source(f.Offset, false), v.source(f.Offset+int64(f.Length), true)
		f.Offset, f.Length = from, int(to-from)
		if f.Path == "" {
			f.Path = v.path
		} else {
			f.Path = v.path + pathJoin + f.Path
		}
		s.report(f)
	}
}

// unscanned reports that what starts at an offset was not read in full, once for
// each reason.
func (s *Scanner) unscanned(path string, start int64, reason string) {
	if !slices.Contains(s.unread, reason) {
		s.unread = append(s.unread, reason)
		s.out = append(s.out, Finding{Kind: KindUnscanned, Rule: RuleUnscanned, Name: reason, Path: path, Offset: start, Length: 1})
	}
}

// work is what was decoded of a stream, by all scanners that read a part of it.
type work struct{ spent, allowed int64 }

const (
	// workShare is how many bytes may be decoded for each byte of the stream, and
	// workFree how many more.
	workShare = 4
	workFree  = 1 << 20
)

func (w *work) enough() bool { return w.spent <= w.allowed+workFree }

// report adds a finding of a view unless it was reported at a flush.
func (s *Scanner) report(f Finding) {
	key := reported{f.Rule, f.Name, f.Offset}
	for i := range s.reported {
		if s.reported[i] == key {
			return
		}
	}
	s.reported[s.reports%len(s.reported)] = key
	s.reports++
	s.out = append(s.out, f)
}

// reported is what tells a finding of a view from others.
type reported struct {
	rule, name string
	offset     int64
}
