package proxy

import (
	"errors"
	"fmt"
	"time"

	"github.com/bot-bottle/bottle/internal/wsframe"
)

// socketPipe carries one direction of a WebSocket. Frames stay as they came, with
// two exceptions that RFC 6455, section 5.4, allows where no extension was agreed
// on: one that is too large to be decided before it leaves goes on in fragments, and
// one of which the end is held back in the middle of a message, that does not go on,
// is cut there.
type socketPipe struct {
	x      *exchange
	src    fetcher
	parser wsframe.Parser
	filter messageFilter
	dst    *socketWriter
	alive  func() // is called when something has come

	out   []byte     // decided, behind room for a header
	next  int        // what of it was sent, before that room
	ends  []int      // of frames, in bytes from next on; what is held may lie before
	idles idleFrames // control frames, and empty ones that end no message
	op    wsframe.Op // of what is sent next of the message
	whole bool       // the frame is being collected
	taken int64      // from the budget, for it
	sent  int64      // bytes of messages
	rest  []byte     // behind what ended the run
	ended bool       // a close has come
}

// errIdleFrames is for an end that floods the other one.
var errIdleFrames = &wsframe.Error{Code: wsframe.CodePolicy, Reason: "ever more pings, pongs or empty frames, and nothing with them"}

// run returns errSocketClosed when the closing handshake has come this far.
func (p *socketPipe) run() error {
	p.idles.filled = time.Now()
	for {
		held := 0
		if !p.whole {
			held = p.filter.held()
		}
		data, idle, err := p.src.fetch(held)
		if len(data) > 0 {
			p.alive()
		}
		if idle {
			err = p.idle()
		}
		if stop := p.take(data); stop != nil {
			return stop
		}
		if err != nil {
			return err
		}
	}
}

// idle lets go what is held in the middle of a message that does not go on.
func (p *socketPipe) idle() error {
	out, err := p.filter.flush()
	if err != nil {
		return err
	}
	p.add(out)
	if err := p.sendEnded(); err != nil {
		return err
	}
	return p.sendRest()
}

func (p *socketPipe) take(data []byte) error {
	for len(data) > 0 {
		ev, n, ok, err := p.parser.Next(data)
		if err != nil {
			return err
		}
		data = data[n:]
		if !ok {
			return nil
		}
		if empty := ev.Length == 0 && !ev.Fin; !empty && !ev.Op.Control() {
			if ev.End {
				p.idles.answered()
			}
		} else if !p.idles.allow(1) {
			return errIdleFrames
		}
		switch {
		case ev.Op.Control():
			err = p.control(ev)
		default:
			err = p.message(ev)
		}
		if err != nil {
			p.rest = data
			return err
		}
	}
	return nil
}

// control sends a control frame on at once: it may stand between those of a message.
func (p *socketPipe) control(ev wsframe.Event) error {
	payload := ev.Payload
	if ev.Op == wsframe.Close {
		p.ended = true
		if err := wsframe.CheckClose(payload); err != nil {
			return err
		}
	}
	if p.dst.isClosed() {
		if ev.Op == wsframe.Close {
			return errSocketClosed
		}
		return nil
	}
	payload, err := p.filter.control(ev.Op, payload)
	if err != nil {
		return err
	}
	if err := p.pay(int64(len(payload))); err != nil {
		return err
	}
	if err := p.write(p.dst.control(ev.Op, payload)); err != nil {
		return err
	}
	if ev.Op == wsframe.Close {
		return errSocketClosed
	}
	return nil
}

// message takes a part of a data frame.
func (p *socketPipe) message(ev wsframe.Event) error {
	if ev.Begin {
		if err := p.begin(ev); err != nil {
			return err
		}
	}
	if p.dst.isClosed() {
		return nil // nobody gets it any more
	}
	out, err := p.filter.write(ev.Payload)
	if err != nil {
		return err
	}
	p.add(out)
	if ev.End && ev.Fin {
		if out, err = p.filter.endMessage(); err != nil {
			return err
		}
		p.add(out)
	}
	switch {
	case ev.End && ev.Fin:
		err = p.sendMessage()
	case ev.End:
		if len(p.ends) < maxSocketEnds {
			p.ends = append(p.ends, p.ready()+p.filter.held())
		}
		err = p.sendEnded()
	case !p.whole:
		if err = p.sendEnded(); err == nil {
			err = p.sendRest()
		}
	}
	if ev.End {
		p.endFrame()
	}
	return err
}

// begin decides how a frame is carried: whole if there is room for it, so that
// nothing of one that is stopped has left.
func (p *socketPipe) begin(ev wsframe.Event) error {
	if ev.First {
		p.op = ev.Op
		if err := p.filter.begin(ev.Op); err != nil {
			return err
		}
	}
	p.whole = ev.Length <= streamBuffer
	if !p.whole && ev.Length <= decideBytes && p.x.tryTake(ev.Length) {
		p.whole, p.taken = true, ev.Length
	}
	return nil
}

func (p *socketPipe) endFrame() {
	p.whole = false
	if p.taken > 0 {
		p.x.give(p.taken)
		p.taken = 0
	}
	if p.ready() == 0 && cap(p.out) > 2*streamBuffer {
		p.out, p.next = nil, 0
	}
}

// release gives back what the direction took.
func (p *socketPipe) release() {
	p.endFrame()
	p.src.giveBack()
}

func (p *socketPipe) add(out []byte) {
	if p.out == nil {
		p.out = make([]byte, room, room+min(len(out), streamBuffer))
	}
	p.out = append(p.out, out...)
}

// ready is how many bytes may be sent.
func (p *socketPipe) ready() int { return max(0, len(p.out)-room-p.next) }

// sendEnded sends the frames that are decided to their end.
func (p *socketPipe) sendEnded() error {
	for len(p.ends) > 0 && p.ends[0] <= p.ready() {
		n := p.ends[0]
		p.ends = p.ends[1:]
		if err := p.send(n, false); err != nil {
			return err
		}
	}
	return nil
}

// sendRest sends what is decided of a frame that has not ended.
func (p *socketPipe) sendRest() error {
	if p.ready() == 0 {
		return nil
	}
	return p.send(p.ready(), false)
}

// sendMessage sends all to the end of the message.
func (p *socketPipe) sendMessage() error {
	if err := p.sendEnded(); err != nil {
		return err
	}
	p.ends = nil // that were in what was replaced by less
	return p.send(p.ready(), true)
}

// send writes a frame of the next n bytes. Its header stands where what was sent
// before it stood.
func (p *socketPipe) send(n int, fin bool) error {
	p.add(nil)
	if err := p.pay(int64(n)); err != nil {
		return err
	}
	err := p.dst.frame(p.out[p.next:p.next+room+n], p.op, fin)
	p.op = wsframe.Continuation
	p.next += n
	for i := range p.ends {
		p.ends[i] -= n
	}
	if p.ready() == 0 || p.next > streamBuffer {
		p.out, p.next = append(p.out[:room], p.out[p.next+room:]...), 0
	}
	return p.write(err)
}

// pay counts what is about to be sent, which of the agent's must be within its budget.
func (p *socketPipe) pay(n int64) error {
	if p.parser.FromClient {
		if err := p.x.spend(n); err != nil {
			return err
		}
	}
	p.sent += n
	return nil
}

// write sorts the errors of a write: what comes behind a close is thrown away.
func (p *socketPipe) write(err error) error {
	if err == nil || errors.Is(err, errSocketClosed) {
		return nil
	}
	return fmt.Errorf("the other end went away: %w", err)
}

// discard reads to the end, which is a close where frames can still be told apart.
// The time for it is bounded by whoever breaks the connection off then.
func (p *socketPipe) discard() {
	if p.ended {
		return
	}
	var err error
	for data := p.rest; ; data, _, err = p.src.fetch(0) {
		for len(data) > 0 {
			ev, n, ok, broke := p.parser.Next(data)
			if broke != nil || !ok {
				break
			}
			if ev.Op == wsframe.Close {
				return
			}
			data = data[n:]
		}
		if err != nil {
			return
		}
	}
}
