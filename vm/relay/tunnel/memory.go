package tunnel

import (
	"errors"
	"sync/atomic"

	"github.com/libp2p/go-yamux/v5"
)

// maxHeld bounds what the connections of all sessions of a Listener may hold
// together, in bytes: those of the relay's session, and of the one that is being
// given up. The agent can dial the socket as well as the relay can, so the bound of
// one session is none.
const maxHeld = 2 * MaxStreams * Window

// budget is what is left of it.
type budget struct{ left atomic.Int64 }

// span returns what counts one connection.
func (b *budget) span() (yamux.MemoryManager, error) { return &span{budget: b}, nil }

// span is what a connection has taken of a budget. It implements
// yamux.MemoryManager.
type span struct {
	budget *budget
	held   atomic.Int64
}

var errFull = errors.New("the connections of a machine hold too much")

// ReserveMemory takes some. Where there is none left, the session that asks for it
// ends.
func (s *span) ReserveMemory(size int, _ uint8) error {
	if s.budget.left.Add(-int64(size)) < 0 {
		s.budget.left.Add(int64(size))
		return errFull
	}
	s.held.Add(int64(size))
	return nil
}

// ReleaseMemory gives some back.
func (s *span) ReleaseMemory(size int) {
	s.held.Add(-int64(size))
	s.budget.left.Add(int64(size))
}

// Done gives the rest back.
func (s *span) Done() { s.budget.left.Add(s.held.Swap(0)) }
