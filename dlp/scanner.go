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
	carryBytes = maxHeld + maxURL + 2*context
	pieceBytes = 8 << 10
)

// Scanner scans one stream. It is not safe for concurrent use.
//
// The slices that Write, Flush and Close return are in order of offset. That of
// Write is valid until the next Write or Reset, that of the others until the
// next Flush, Close or Reset, so that the results of a Write and the Close
// behind it may be looked at together. A scanner that was closed needs a Reset.
type Scanner struct {
	engine *Engine

	buf  []byte // the end of the stream
	base int64  // stream offset of buf[0]

	gramAt   int64  // the next offset to look up a gram at
	digitsAt int64  // the next offset to look for a word of digits at
	badWords uint64 // where the last words are of no seed phrase
	looks    []look
	atAt     int64 // the next offset to look for an @ at
	gateAt   int64 // the next offset to look for a run at
	run      run   // the run that the stream may be in
	// lastTried is the offset up to which tokens in and before runs were tried.
	lastTried int64

	odd          bool // the last piece of the stream has more than text
	depth        int  // how many encodings were taken off
	lax          bool // escapes of JSON are read where they are of no use, too
	work         *work
	own          work            // if depth is 0
	phases       [groupLen]phase // of the open run, as base64
	textAt       int64           // the next character of the open run to look for text at
	spans        [len(spanViews)]int64
	upper, lower uint64 // which of the last characters of the run are such letters
	spanFrom     int64  // where spans have to be looked for if spanSeen
	spanSeen     bool   // the part of the open run that was not decoded may be of one
	// regions are the readings of the stream as encoded text.
	regions     *[10]region
	regionsUsed bool  // whether any was since the last Reset
	openRegions int   // how many have a layer
	signsAt     int64 // from where signs are looked for again
	blob        blob
	scratch     []byte
	text        []byte // of a region, with where it came from
	marks       []mark
	// reported are the last findings of layers, unread the reasons why some part
	// was not scanned that were reported.
	reported []reported
	reports  int
	unread   []string
	// decoded are findings of layers that wait, plain the last that are none.
	decoded []Finding
	plain   []Finding
	plains  int
	// plainEnd is the end of the last of plain.
	plainEnd int64

	pending []candidate // what more bytes will decide
	spare   []candidate // the memory of the last pending
	queue   []queued    // what a known value may still cover or cut
	covers  []span      // known values that may still do so

	session *Session  // that pieces are counted in
	parts   []piece   // of known values, that are in sight
	pieces  []Finding // that wait to be counted
	denseAt int64     // the next offset to look for pieces at, byte by byte

	released int64 // Safe, unless it is stale
	stale    bool
	edge     int64 // offset of the last flush
	// due are the offsets behind a flush or a known value where a token that
	// starts still has to be looked for.
	due []int64

	out     []Finding // of the current call
	written []Finding // what Write returned
	decided []Finding // what Flush or Close returned
}

// candidate is a literal that may start at an offset.
type candidate struct {
	offset  int64
	literal int32
	done    int // bytes of a known value that were compared
}

// Reset makes the scanner ready for another stream.
func (s *Scanner) Reset() {
	s.release()
	if s.regionsUsed {
		*s.regions = [len(s.regions)]region{}
	}
	*s = Scanner{
		engine:   s.engine,
		session:  s.session,
		parts:    s.parts[:0],
		pieces:   s.pieces[:0],
		own:      work{spare: s.own.spare},
		regions:  s.regions,
		text:     s.text[:0],
		marks:    s.marks[:0],
		reported: s.reported[:0],
		unread:   s.unread[:0],
		looks:    s.looks[:0],
		decoded:  s.decoded[:0],
		plain:    s.plain[:0],
		scratch:  s.scratch[:0],
		buf:      s.buf[:0],
		pending:  s.pending[:0],
		spare:    s.spare[:0],
		queue:    s.queue[:0],
		covers:   s.covers[:0],
		due:      s.due[:0],
		written:  s.written[:0],
		decided:  s.decided[:0],
	}
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
		if len(s.buf)+len(p) > cap(s.buf) {
			s.trim()
		}
		n := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:n]...)
		p = p[n:]
		s.recheck(false)
		s.sample()
		s.settle(false)
	}
	s.written = s.out
	sortByOffset(s.written)
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
	return s.decide(func() {
		if s.run.open {
			s.flushPhases()
			s.flushSpans()
		}
		s.flushRegions()
		s.flushBlob()
		s.flushLooks()
	})
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
		if l := &s.engine.literals[c.literal]; l.form == nil && l.header == 0 && l.kind == KindKnown {
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
	s.settle(true)
	s.edge = s.end()
	s.dueAt(s.edge)
	s.decided = s.out
	sortByOffset(s.decided)
	return s.decided
}

// Close decides what is held at the end of the stream and makes it safe.
func (s *Scanner) Close() []Finding {
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

func sortByOffset(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Offset, b.Offset) })
}

func (s *Scanner) end() int64 { return s.base + int64(len(s.buf)) }
