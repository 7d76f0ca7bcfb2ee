package dlp

// settle is settleAll where the stream goes on. Where there is nothing to report, Safe
// is left to be computed when it is asked for.
func (s *Scanner) settle() {
	if s.stale = len(s.queue)|len(s.decoded)|len(s.pieces) == 0; !s.stale {
		s.settleAll(false)
	} else if len(s.covers) > 0 {
		s.forgetLeast()
	}
}

// forgetLeast is forget up to an offset before which nothing is undecided.
func (s *Scanner) forgetLeast() {
	open := s.end() - maxURL
	for i := range s.pending {
		open = min(open, s.pending[i].offset)
	}
	s.forget(open)
}

// settleAll reports the queued findings that no known value can change any more
// and advances Safe. At a flush, it reports what is one as it is.
func (s *Scanner) settleAll(flush bool) {
	if flush && len(s.queue) == 0 {
		if len(s.covers) > 0 {
			s.forgetLeast()
		}
		s.settleDecoded(s.end())
		s.settlePieces(s.end())
		s.released = s.end()
		return
	}
	// Nothing undecided starts before open; no known value before openKnown.
	open, openKnown := s.tail()
	for i := range s.pending {
		c := &s.pending[i]
		open = min(open, c.offset)
		if s.engine.literals[c.literal].form == nil {
			openKnown = min(openKnown, c.offset)
		}
	}
	kept := s.queue[:0]
	for i := range s.queue {
		q := &s.queue[i]
		settled := q.reach <= openKnown
		if (settled || flush) && s.resolve(q) || settled {
			continue
		}
		kept = append(kept, *q)
		open = min(open, q.offset)
	}
	s.queue = kept
	if len(s.covers) > 0 {
		s.forget(open)
	}
	if flush {
		open = s.end()
		s.settleDecoded(open)
		s.settlePieces(open)
	} else {
		s.settleDecoded(open)
		s.settlePieces(min(open, s.viewTail()))
		// Compressed data in an encoding may be held as what is longer.
		open = max(min(open, s.layerTail()), s.end()-MaxHeld)
	}
	s.released = max(s.released, open)
}

// tail returns the first offsets at the end of the stream where a token, and a
// known value, may start that was not met because too little of it is there.
func (s *Scanner) tail() (open, openKnown int64) {
	openKnown = s.end()
	for k := s.engine.needles.stride + gramBytes - 1; k > 0; k-- {
		if k <= len(s.buf) && s.mayBeNeedle(len(s.buf)-k) {
			openKnown = s.end() - int64(k)
			break
		}
	}
	open = min(openKnown, s.base+int64(min(s.runTail(), s.urlTail(), s.pemTail())))
	return open, openKnown
}

// viewTail returns the offset from which the end of the stream may be encoded
// text that is not decided.
func (s *Scanner) viewTail() int64 {
	tail := min(s.regionTail(), s.lookTail(), s.blobTail(), s.pieceTail())
	if s.run.open {
		tail = min(tail, s.phaseTail(), s.spanTail())
	}
	return tail
}

// layerTail is viewTail with what was found there and waits.
func (s *Scanner) layerTail() int64 {
	tail := s.viewTail()
	for i := range s.pieces {
		tail = min(tail, s.pieces[i].Offset)
	}
	for i := range s.decoded {
		tail = min(tail, s.decoded[i].Offset)
	}
	return tail
}

// mayBeNeedle reports whether a needle may start at s.buf[at] whose grams were
// not looked up.
func (s *Scanner) mayBeNeedle(at int) bool {
	b := s.buf[at:]
	for _, i := range s.engine.needles.startsAt(b) {
		l := &s.engine.literals[i]
		if s.met(at) {
			return false
		}
		if _, ok := hasPrefix(b, l.text); ok && (!l.bounded || s.boundary(at, l.body)) {
			return true
		}
	}
	return false
}

// met reports whether a gram of a needle that starts at s.buf[at] was looked up.
func (s *Scanner) met(at int) bool {
	return s.base+int64(at) <= s.gramAt-int64(s.engine.needles.stride)
}

// trim drops what no candidate needs any more from the front of the buffer.
func (s *Scanner) trim() {
	keep := min(int(s.gramAt-s.base), int(s.gateAt-s.base), len(s.buf)-maxURL)
	for i := range s.pending {
		keep = min(keep, int(s.pending[i].offset-s.base))
	}
	for i := range s.queue {
		keep = min(keep, int(s.queue[i].offset-s.base))
	}
	for k := 0; s.openRegions > 0 && k < len(s.regions); k++ {
		if r := &s.regions[k]; r.open {
			keep = min(keep, int(r.cut-s.base)-cutContext)
		}
	}
	for _, at := range s.spans {
		if s.run.long && s.depth < maxDepth {
			keep = min(keep, int(at-s.base)-maxSpan)
		}
	}
	keep = min(keep, int(s.lookNeeds()-s.base), int(s.blob.at-s.base))
	keep -= context
	if keep <= 0 {
		return
	}
	n := copy(s.buf, s.buf[keep:])
	s.buf = s.buf[:n]
	s.base += int64(keep)
}
