package wsframe

// Event is what a Parser found: a part of a data frame, or a whole control frame.
type Event struct {
	// Op is that of the message for its continuations too.
	Op Op
	// Payload is unmasked. It is valid until the next call.
	Payload []byte
	// Length is that of the frame's payload.
	Length int64
	// Begin and End say that the payload is at the beginning and the end of its
	// frame.
	Begin, End bool
	// First says that the frame is the first of its message, Fin that it is the
	// last.
	First, Fin bool
}

// Parser takes the bytes of one direction apart, however they are cut. It holds
// no more than a header and a control frame. The zero value reads what a server
// sends.
type Parser struct {
	// FromClient says that frames must be masked; else they must not be.
	FromClient bool

	head    [MaxHeader]byte
	headLen int
	frame   Header
	inFrame bool
	begun   bool  // some event of the frame was returned
	done    int64 // of its payload
	control [MaxControl]byte

	message Op // that is open, or 0
	first   bool
	text    utf8Check
	err     error
}

// Next takes bytes from the beginning of b, which it unmasks in place, and
// returns how many. Without an event (ok is false) all of b was taken. After an
// error, which is an *Error, there is nothing but that.
func (p *Parser) Next(b []byte) (ev Event, n int, ok bool, err error) {
	if p.err != nil {
		return ev, 0, false, p.err
	}
	if !p.inFrame {
		if n, err = p.header(b); err != nil || !p.inFrame {
			p.err = err
			return ev, n, false, err
		}
	}
	take := int(min(int64(len(b)-n), p.frame.Length-p.done))
	part := b[n : n+take]
	n += take
	if p.frame.Masked {
		Mask(p.frame.Key, p.done, part)
	}
	if p.frame.Op.Control() {
		copy(p.control[p.done:], part)
	}
	p.done += int64(take)
	end := p.done == p.frame.Length
	switch {
	case end && p.frame.Op.Control():
		ev, ok = Event{Op: p.frame.Op, Payload: p.control[:p.done], Length: p.done, Begin: true, End: true, First: true, Fin: true}, true
	case !p.frame.Op.Control() && (take > 0 || end):
		ev, ok = Event{Op: p.message, Payload: part, Length: p.frame.Length, Begin: !p.begun, End: end, First: p.first, Fin: p.frame.Fin}, true
		p.begun = true
		if p.message == Text && !p.text.take(part, end && p.frame.Fin) {
			p.err = &Error{CodeNotText, "a text message is not UTF-8"}
			return Event{}, n, false, p.err
		}
	}
	if end {
		p.endFrame()
	}
	return ev, n, ok, nil
}

// header collects the header of a frame, and says how many bytes it took.
func (p *Parser) header(b []byte) (int, error) {
	taken := copy(p.head[p.headLen:], b)
	h, n, err := parseHeader(p.head[:p.headLen+taken])
	if err != nil {
		return 0, err
	}
	if n == 0 {
		p.headLen += taken
		return taken, nil
	}
	taken, p.headLen = n-p.headLen, 0
	if err := p.follows(h); err != nil {
		return 0, err
	}
	p.frame, p.inFrame, p.begun, p.done = h, true, false, 0
	return taken, nil
}

// follows checks that a frame may come now.
func (p *Parser) follows(h Header) error {
	switch {
	case h.Masked != p.FromClient:
		return broken(map[bool]string{true: "a frame of a client is not masked", false: "a frame of a server is masked"}[p.FromClient])
	case h.Op.Control():
		return nil
	case h.Op == Continuation && p.message == 0:
		return broken("a continuation of nothing")
	case h.Op != Continuation && p.message != 0:
		return broken("a new message inside of another")
	}
	if p.first = h.Op != Continuation; p.first {
		p.message, p.text = h.Op, utf8Check{}
	}
	return nil
}

func (p *Parser) endFrame() {
	p.inFrame = false
	if p.frame.Fin && !p.frame.Op.Control() {
		p.message = 0
	}
}
