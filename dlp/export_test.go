package dlp

// Remembered returns how many things a scanner keeps beside its buffer.
func (s *Scanner) Remembered() int { return len(s.pending) + len(s.queue) + len(s.covers) }

// ScanSlowly is Scan by trying every literal at every offset of the whole
// input: what the grams, the chunks and the hold-back must come to as well.
func (e *Engine) ScanSlowly(b []byte) []Finding {
	s := &Scanner{engine: e, buf: b}
	for at := range b {
		for i := range e.literals {
			l := &e.literals[i]
			if l.text[0] == b[at] && (!l.bounded || leftBoundary(b, at, l.body)) {
				s.judge(&candidate{offset: int64(at), literal: int32(i)}, true)
			}
		}
	}
	for _, q := range s.queue {
		if !s.covered(q.Offset, q.Offset+int64(q.Length)) {
			s.out = append(s.out, q.Finding)
		}
	}
	sortByOffset(s.out)
	return s.out
}
