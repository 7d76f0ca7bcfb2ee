package dlp

const (
	// minReversed is the shortest prefix that is looked for backwards, and
	// minJoined that of one that has a digit or ends in a dash or an underscore:
	// a shorter one ends too many words.
	minReversed = 4
	minJoined   = 3
	// maxReversed is how much before such an end is read backwards.
	maxReversed = 512
)

// tryReversed reads what ends at s.buf[end], which is the end of a run, backwards
// if a prefix does. One with a dot in it is not seen.
func (s *Scanner) tryReversed(end int) {
	if s.depth >= maxDepth || end < minJoined || !s.engine.prefixes.mayEnd(s.buf[:end]) {
		return
	}
	for _, p := range s.engine.prefixes.at(s.buf[end-1], s.buf[end-2]) {
		if text := s.engine.literals[p.literal].text; isReversible(text) && endsReversed(s.buf[:end], text) {
			if !endsInMarker(s.buf[max(0, end-maxReversed):end]) {
				s.readReversed(end)
			}
			return
		}
	}
}

func isReversible(prefix string) bool {
	n := len(prefix)
	return n >= minReversed || n == minJoined && (prefix[n-1] == '-' || prefix[n-1] == '_' || anyDigit([]byte(prefix)))
}

func endsReversed(b []byte, text string) bool {
	if len(b) < len(text) {
		return false
	}
	for i := range len(text) {
		if b[len(b)-1-i] != text[i] {
			return false
		}
	}
	return true
}

// readReversed scans what ends at s.buf[end], back to what is not of a token,
// backwards.
func (s *Scanner) readReversed(end int) {
	from := end
	for least := max(0, end-maxReversed); from > least && leadByte[s.buf[from-1]]; {
		from--
	}
	l := s.open(pathReversed, s.base+int64(from), 1, 1)
	if l == nil {
		return
	}
	defer s.drop(l)
	if s.scratch = reverse(s.scratch[:0], s.buf[from:end]); !s.pay(l, len(s.scratch), l.start) {
		return
	}
	last := s.base + int64(end)
	for _, found := range [...][]Finding{l.sc.Write(s.scratch), l.sc.Close()} {
		for _, f := range found {
			if f.Path != "" {
				continue // who reverses an encoding has one of his own
			}
			f.Offset = last - f.end()
			f.Start, f.End = f.Offset, f.end()
			f.Path = pathReversed
			s.report(f)
		}
	}
}
