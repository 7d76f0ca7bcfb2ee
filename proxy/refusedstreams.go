package proxy

import (
	"errors"
	"fmt"
	"sync"
)

// refusedStreams tells how many requests of an HTTP/2 connection net/http has refused
// by itself, as those that are not valid: no exchange is made of them. They are the
// streams that were answered and of which no handler was called. Those that a handler
// was called for and that were never answered hide as many: it may be less than there
// were, and is never more.
type refusedStreams struct {
	mu              sync.Mutex
	newest          uint32
	open            map[uint32]struct{} // begun, and not answered
	taken, answered int
	told            int
}

// maxOpenStreams bounds those that are remembered. net/http answers what is beyond
// maxStreams by itself.
const maxOpenStreams = 4 * maxStreams

var errRefusedStream = errors.New("the request is not valid in HTTP/2, or is one too many at a time; it went nowhere")

// begin is called with the stream of each HEADERS frame of the client.
func (s *refusedStreams) begin(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id <= s.newest {
		return // trailers
	}
	s.newest = id
	if s.open == nil {
		s.open = map[uint32]struct{}{}
	}
	if len(s.open) < maxOpenStreams {
		s.open[id] = struct{}{}
	}
}

// take is called when a handler was, before it answers.
func (s *refusedStreams) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken++
}

// reset is called with the stream of each RST_STREAM frame of the client.
func (s *refusedStreams) reset(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// answer is called with the stream of each HEADERS and RST_STREAM frame of the server.
// It reports whether that is the first refusal.
func (s *refusedStreams) answer(id uint32) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[id]; !ok {
		return false
	}
	delete(s.open, id)
	s.answered++
	if s.answered-s.taken <= s.told {
		return false
	}
	s.told = s.answered - s.taken
	return s.told == 1
}

// more returns what is to be said at the end of the connection, or nil.
func (s *refusedStreams) more() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told < 2 {
		return nil
	}
	return fmt.Errorf("%d requests of the connection: %w", s.told, errRefusedStream)
}
