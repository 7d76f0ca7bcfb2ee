package dlp

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// pathPieces is the Path of a finding that is a part of a known value, of which
// enough has left in the same session.
const pathPieces = "pieces"

// Further ways in which known values are written.
const (
	pathReversed = "reversed"
	// pathJSONReversed is of what JSON escapes in it.
	pathJSONReversed = "json" + pathJoin + pathReversed
	pathHex          = "hex"
)

const (
	// maxPieces bounds the pieces that a scanner has in sight, maxWaiting those
	// that wait to be counted.
	maxPieces  = 32
	maxWaiting = 1024
	// denseBytes is how much of each message is looked at byte by byte: URLs,
	// headers and short bodies are shorter, and a piece of minPiece is seen there.
	denseBytes = 1 << 10
	// minCounted is how many secret bytes a piece must have to be a finding.
	minCounted = 4
)

// piece is a part of a known value that stands in the stream.
type piece struct {
	of         *writing
	at         int64 // where it would start
	start, end int64
	open       bool // it may go on behind end
}

// Attach has the scanner count pieces of known values in a session; nil ends
// that. The Engine must have Options.Sessions. Reset does not detach.
func (s *Scanner) Attach(session *Session) { s.session = session }

// samplePieces follows the open pieces into what is new, and looks for others
// byte by byte where the message is short enough.
func (s *Scanner) samplePieces() {
	if s.session == nil || len(s.engine.tracked) == 0 {
		return
	}
	kept := s.parts[:0]
	for _, p := range s.parts {
		if p.open {
			s.follow(&p)
		}
		if p.open || p.end > s.gramAt {
			kept = append(kept, p)
		}
	}
	s.parts = kept
	n := s.engine.needles
	i := int(max(s.denseAt, s.base) - s.base)
	end := min(len(s.buf)-gramBytes+1, int(s.edge+denseBytes-s.base))
	for ; i < end; i++ {
		if !n.has(s.buf[i:]) {
			continue
		}
		for _, pl := range n.lookup(s.buf[i:]) {
			if pl.literal < 0 {
				s.piece(i, pl)
			}
		}
	}
	s.denseAt = s.base + int64(max(i, end))
}

// piece notes the piece that has a gram at s.buf[i].
func (s *Scanner) piece(i int, pl place) {
	if s.session == nil {
		return
	}
	w := &s.engine.writings[^pl.literal]
	pos := s.base + int64(i)
	p := piece{of: w, at: pos - int64(pl.offset), start: pos, end: pos + gramBytes, open: true}
	for k := range s.parts {
		if o := &s.parts[k]; o.of == w && o.at == p.at && o.end >= p.end {
			return
		}
	}
	for a := int(pl.offset); a > 0 && i > 0 && s.buf[i-1] == w.text[a-1]; a-- {
		i--
	}
	p.start = s.base + int64(i)
	s.follow(&p)
	if len(s.parts) == maxPieces {
		s.countPiece(&s.parts[0])
		s.parts = append(s.parts[:0], s.parts[1:]...)
	}
	s.parts = append(s.parts, p)
}

// follow finds the end of a piece, and keeps it there.
func (s *Scanner) follow(p *piece) {
	i, a := int(p.end-s.base), int(p.end-p.at)
	for i < len(s.buf) && a < len(p.of.text) && s.buf[i] == p.of.text[a] {
		i++
		a++
	}
	p.end = s.base + int64(i)
	p.open = i == len(s.buf) && a < len(p.of.text)
	if !p.open || p.end-p.start > maxPiece {
		s.countPiece(p)
	}
}

// countPiece keeps a piece to be counted. The whole value is found as such.
func (s *Scanner) countPiece(p *piece) {
	w, t := p.of, p.of.of
	from, to := int(p.start-p.at), int(p.end-p.at)
	first, end := w.span(from, to)
	text := []byte(t.value[first:end])
	if t.whole && len(text) == len(t.value) || len(text) < minPiece || len(text) < wordyPiece && wordy(text) {
		return
	}
	path := pathPieces
	if w.path != "" {
		path = w.path + pathJoin + path
	}
	s.report(Finding{Kind: KindKnown, Rule: t.rule, Name: t.name, Path: path, Offset: p.start, Length: to - from, Start: p.start, End: p.end, Confidence: High, part: part{t, first, end}})
}

// part is t.value[from:to] of a known value.
type part struct {
	of       *tracked
	from, to int
}

// wait keeps a piece until all before its end is found.
func (s *Scanner) wait(f Finding) {
	if len(s.pieces) >= maxWaiting {
		s.settlePieces(math.MaxInt64)
	}
	s.pieces = append(s.pieces, f)
}

// settlePieces counts the pieces that were found before an offset, up to which
// everything was, and reports those of values of which enough has left. It counts
// them in order, so that it makes no difference how the stream is cut. Only the
// scanner of the stream itself does so: what is found as it is there, or as a whole
// value, is no piece.
func (s *Scanner) settlePieces(open int64) {
	if len(s.pieces) == 0 || s.session == nil {
		s.pieces = s.pieces[:0]
		return
	}
	slices.SortFunc(s.pieces, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(len(a.Path), len(b.Path)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Length, b.Length), cmp.Compare(a.Name, b.Name))
	})
	kept := s.pieces[:0]
	for _, f := range s.pieces {
		switch {
		case f.end() > open:
			kept = append(kept, f)
		case s.depth > 0:
			s.out = append(s.out, f) // to be counted by the scanner around
		case f.Offset < s.plainEnd && slices.ContainsFunc(s.plain, f.twin):
		case s.session.count(f.part.of, f.part.from, f.part.to) && s.isNew(&f):
			f.Hash = s.engine.hash([]byte(f.part.of.value[f.part.from:f.part.to]))
			f.part = part{}
			s.emit(f)
		}
	}
	s.pieces = kept
}

// isPiece reports whether a finding is a piece of a known value. Where a known
// value stands, a piece of another tells nothing more.
func (f *Finding) isPiece() bool { return strings.HasSuffix(f.Path, pathPieces) }

// flushPieces keeps the open pieces as they are.
func (s *Scanner) flushPieces() {
	for k := range s.parts {
		if p := &s.parts[k]; p.open {
			s.countPiece(p)
		}
	}
}

// pieceTail returns the offset from which the end of the stream may be a piece.
func (s *Scanner) pieceTail() int64 {
	tail := s.end()
	if s.session == nil || s.engine.pairs == nil {
		return tail
	}
	for k := range s.parts {
		if p := &s.parts[k]; p.open && p.end-p.start <= maxPiece {
			tail = min(tail, p.start)
		}
	}
	i := len(s.buf) - 1
	for least := max(0, i-pieceStride-gramBytes); i > least && s.engine.pairs.has(int(s.buf[i-1])<<8|int(s.buf[i])); {
		i--
	}
	if i < len(s.buf)-1 {
		tail = min(tail, s.base+int64(i))
	}
	return tail
}
