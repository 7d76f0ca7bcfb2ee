package proxy

import "github.com/bot-bottle/bottle/internal/wsframe"

// socketRestorer is a restorer of the messages of a WebSocket, each of which is an
// event. A message is held until it is there in full; one that is longer than maxEvent
// passes as it is, as one does for which there is no room.
type socketRestorer struct {
	x        *exchange
	r        *restorer // nil while there are no markers
	collects bool
	doc      []byte
}

// begin takes over what has a marker since the last message.
func (s *socketRestorer) begin(x *exchange, op wsframe.Op) error {
	s.x, s.doc, s.collects = x, s.doc[:0], false
	if cap(s.doc) > freeEvent {
		s.doc = nil
	}
	x.letGo()
	if op != wsframe.Text {
		return nil
	}
	if s.r == nil || len(s.r.order) == 0 { // else texts are under way with the old ones
		now, err := x.restorer()
		if now == nil {
			return err
		}
		if s.r == nil {
			s.r = now
		}
		s.r.tables = now.tables
	}
	s.collects = true
	return nil
}

func (s *socketRestorer) write(p []byte) []byte {
	if !s.collects {
		return p
	}
	s.doc = append(s.doc, p...)
	if len(s.doc) <= maxEvent && s.x.holds(len(s.doc)) {
		return nil
	}
	s.collects = false
	return s.doc
}

// end returns the message. What was held back of a text needs no message of its own:
// the event that ends it has all of it.
func (s *socketRestorer) end(rest []byte) []byte {
	if !s.collects {
		return rest
	}
	s.collects = false
	_, out := s.r.document(append(s.doc, rest...))
	return out
}

func (s *socketRestorer) held() int {
	if !s.collects {
		return 0
	}
	return len(s.doc)
}

func (s *socketRestorer) finish(x *exchange) {
	if s.r != nil {
		x.restored += s.r.count
	}
}
