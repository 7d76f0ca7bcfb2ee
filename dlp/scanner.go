package dlp

import (
	"cmp"
	"slices"
)

const (
	// MaxHeld bounds how many bytes behind Safe a scanner wants held back: what
	// may be behind a decoder. Of a stream in which nothing is encoded, it is not
	// more than 4.4 KiB.
	MaxHeld = 64 << 10
	maxHeld = maxWindow + maxPiece

	// maxWindow is how far behind its start a candidate is decided.
	maxWindow = maxJWT + 1

	// context is kept before the oldest byte that is still looked at.
	context = maxLead + minRun + wordLen + 8
	// carryBytes is what the buffer keeps, pieceBytes what is added to it at once.
	// The last block may be shorter: it is read whole, with slackBytes at most behind
	// the end of the buffer.
	carryBytes = maxHeld + maxURL + 2*context
	pieceBytes = 8 << 10
	slackBytes = blockLen
)

// Scanner scans one stream. It is not safe for concurrent use.
//
// The slices that Write, Flush and Close return are in order of offset. That of
// Write is valid until the next Write or Reset, that of the others until the
// next Flush, Close or Reset, so that the results of a Write and the Close
// behind it may be looked at together. A scanner that was closed needs a Reset.
type Scanner struct {
	engine  *Engine
	session *Session // that pieces are counted in
	memory
	stream
}

// stream is what a Scanner knows of its stream. All of it is zero at the start.
type stream struct {
	base int64 // stream offset of buf[0]

	gramAt   int64 // the next offset to look up a gram at
	dashAt   int64 // up to where dashes that end the header of a key were looked at
	digitsAt int64 // the next offset to look for a word of digits at
	gateAt   int64 // the next offset to look for a run at
	run      run   // the run that the stream may be in
	seedAt   int64 // up to where seed phrases were looked for
	// lastTried is the offset up to which tokens in and before runs were tried.
	lastTried int64

	depth        int  // how many encodings were taken off
	lax          bool // escapes of JSON are read where they are of no use, too
	work         *work
	phases       [groupLen]phase // of the open run, as base64
	textAt       int64           // the next character of the open run to look for text at
	spans        [len(spanViews)]int64
	upper, lower uint64 // which of the last characters of the run are such letters
	spanFrom     int64  // where spans have to be looked for if spanSeen
	spanSeen     bool   // the part of the open run that was not decoded may be of one
	regionsUsed  bool   // whether any of the regions was open
	openRegions  int    // how many are
	signsAt      int64  // from where signs are looked for again
	blob         blob
	pairsAt      int64 // the next offset to look for a pair of a magic at
	reports      int   // how many of reported were replaced
	plains       int   // how many were in plain
	plainEnd     int64 // the end of the last of plain
	denseAt      int64 // the next offset to look for pieces at, byte by byte

	released int64 // Safe, unless it is stale
	stale    bool
	edge     int64 // offset of the last flush
}

// memory is what a Scanner keeps from one stream to the next, to fill it again.
type memory struct {
	buf     []byte // the end of the stream
	looks   []look
	survey  *survey
	regions *[10]region // the readings of the stream as encoded text
	own     work        // if depth is 0
	starts  []int64     // where a blob may start, in order
	scratch []byte
	text    []byte // of a region, with where it came from
	marks   []mark
	// reported are the last findings of layers, unread the reasons why some part
	// was not scanned that were reported.
	reported []reported
	unread   []string
	// decoded are findings of layers that wait, plain the last that are none.
	decoded []Finding
	plain   []Finding

	pending []candidate // what more bytes will decide
	spare   []candidate // the memory of the last pending
	queue   []queued    // what a known value may still cover or cut
	covers  []span      // known values that may still do so

	parts  []piece   // of known values, that are in sight
	pieces []Finding // that wait to be counted
	// due are the offsets behind a flush or a known value where a token that
	// starts still has to be looked for.
	due []int64

	out     []Finding // of the current call
	written []Finding // what Write returned
	decided []Finding // what Flush or Close returned
}

// empty makes room in what is there.
func (m *memory) empty() {
	m.buf, m.looks, m.starts, m.scratch = m.buf[:0], m.looks[:0], m.starts[:0], m.scratch[:0]
	m.text, m.marks, m.reported, m.unread = m.text[:0], m.marks[:0], m.reported[:0], m.unread[:0]
	m.decoded, m.plain, m.parts, m.pieces = m.decoded[:0], m.plain[:0], m.parts[:0], m.pieces[:0]
	m.pending, m.spare, m.queue, m.covers = m.pending[:0], m.spare[:0], m.queue[:0], m.covers[:0]
	m.due, m.out, m.written, m.decided = m.due[:0], nil, m.written[:0], m.decided[:0]
	m.own = work{spare: m.own.spare}
}

// candidate is a literal that may start at an offset.
type candidate struct {
	offset  int64
	literal int32
	done    int // bytes of a known value that were compared
}

// Reset makes the scanner ready for another stream.
func (s *Scanner) Reset() {
	if s.inPhase() || s.openRegions > 0 || s.blob.l != nil {
		s.release()
	}
	if s.regionsUsed {
		*s.regions = [len(s.regions)]region{}
	}
	s.stream = stream{}
	s.empty()
}

// release gives back what the scanner took.
func (s *Scanner) release() {
	s.dropPhases()
	s.dropRegions()
	s.dropBlob()
}

// Write scans the next bytes of the stream and returns what they decided. It
// does not keep p.
func (s *Scanner) Write(p []byte) []Finding {
	s.out = s.written[:0]
	if s.depth == 0 {
		s.work = &s.own
		s.own.more(len(p))
	}
	for len(p) > 0 {
		room := cap(s.buf) - slackBytes
		if len(s.buf)+len(p) > room {
			s.trim()
		}
		n := min(len(p), room-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		if len(s.pending) > 0 {
			s.recheck(false)
		}
		s.sample()
		s.settle()
	}
	s.written = s.out
	if len(s.written) > 1 {
		sortByOffset(s.written)
	}
	return s.written
}

// Safe returns the offset up to which the stream may be forwarded: no byte
// before it belongs to a match that was not reported. It never decreases, and
// is at most MaxHeld behind the end. Behind a Flush, it is the end.
func (s *Scanner) Safe() int64 {
	if s.stale {
		s.stale = false
		s.settleAll(false)
	}
	return s.released
}

// Flush decides what is held as if the stream ended here, so that a message may
// go out whole, and makes everything safe. The stream goes on: a match that
// continues over the flush is still found and reported, although its beginning
// can no longer be called back. A token may start at a flush as at the start of
// the stream.
func (s *Scanner) Flush() []Finding {
	found := s.decide(func() {
		if s.run.open {
			s.flushPhases()
			s.flushSpans()
		}
		s.flushRegions()
		s.flushBlob()
		s.flushLooks()
	})
	s.edge = s.end()
	s.dueAt(s.edge)
	return found
}

// Idle is Flush for a stream that goes on at some time, of which nobody knows
// whether a message ended. It goes on holding what is the beginning of a known
// secret by idleHold bytes or more, so that none is let out in pieces by who waits
// between them.
func (s *Scanner) Idle() []Finding {
	before := s.Safe()
	_, from := s.tail()
	for i := range s.pending {
		c := &s.pending[i]
		if l := &s.engine.literals[c.literal]; l.form == nil && l.kind == KindKnown {
			from = min(from, c.offset)
		}
	}
	found := s.Flush()
	if s.end()-from >= idleHold {
		s.released = max(before, from)
	}
	return found
}

// idleHold is the fewest bytes of a known secret that are held however long
// nothing follows.
const idleHold = 8

// decide decides what is held, with what the layers come to.
func (s *Scanner) decide(views func()) []Finding {
	s.out = s.decided[:0]
	s.recheck(true)
	s.flushPieces()
	views()
	s.stale = false
	s.settleAll(true)
	s.decided = s.out
	sortByOffset(s.decided)
	return s.decided
}

// Close decides what is held at the end of the stream and makes it safe.
func (s *Scanner) Close() []Finding {
	if s.isIdle() {
		s.stale, s.released = false, s.end()
		s.decided = s.decided[:0]
		return s.decided
	}
	return s.decide(func() {
		if s.run.open {
			s.closeRun(len(s.buf))
		}
		s.closeRegions()
		s.sampleBlobs(true)
		s.closeBlob()
		s.flushLooks()
	})
}

// isIdle reports whether the end of the stream changes nothing: what there is are bytes
// in which nothing was found that waits, and no run whose end is one.
func (s *Scanner) isIdle() bool {
	waits := len(s.pending) | len(s.queue) | len(s.decoded) | len(s.pieces) | len(s.parts) | len(s.looks) | len(s.starts) | s.openRegions
	return waits == 0 && s.blob.l == nil && s.blob.at > 0 && (!s.run.open || s.end()-s.run.start < minRun)
}

func sortByOffset(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
}

func (s *Scanner) end() int64 { return s.base + int64(len(s.buf)) }
