package proxy

import (
	"net"
	"sync"
	"sync/atomic"
)

// joinedWrites puts two writes to a connection together where it is known that the
// second follows at once: net/http sends the head of a message in HTTP/2 by itself, and
// each write costs a system call and wakes whoever reads. Should the second be late
// after all (a window is full, or the stream was reset), the first goes alone.
type joinedWrites struct {
	lates *lates
	next  atomic.Bool // a head that is about to be written is followed

	mu   sync.Mutex // held while something is written
	conn net.Conn   // of what is held
	held *[]byte    // of headBuffers; nil for nothing
	late late
}

// maxJoined is the size of headBuffers, and of what is put together.
const maxJoined = 4 << 10

// followed says that more follows the next head at once.
func (j *joinedWrites) followed() { j.next.Store(true) }

// write writes p, or holds it if it is a head which something follows.
func (j *joinedWrites) write(c net.Conn, p []byte, head bool) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.held != nil:
		return j.join(p)
	case !head || !j.next.Swap(false) || len(p) > maxJoined/2:
		return c.Write(p)
	}
	j.held, _ = headBuffers.Get().(*[]byte)
	*j.held = append((*j.held)[:0], p...)
	j.conn = c
	if j.late.do == nil {
		j.late.do = j.alone
	}
	j.lates.add(&j.late)
	return len(p), nil
}

// join writes what is held, and p behind it. The caller holds j.mu.
func (j *joinedWrites) join(p []byte) (int, error) {
	held := j.held
	j.held = nil
	j.late.drop() // also where alone was late, and this is another head than its own
	defer func() {
		*held = (*held)[:maxJoined]
		headBuffers.Put(held)
	}()
	had := len(*held)
	if had+len(p) > maxJoined {
		if _, err := j.conn.Write(*held); err != nil {
			return 0, err
		}
		return j.conn.Write(p)
	}
	*held = append(*held, p...)
	n, err := j.conn.Write(*held)
	return max(0, n-had), err
}

// alone writes what is held.
func (j *joinedWrites) alone() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.held != nil {
		_, _ = j.join(nil) // whoever writes next gets the error
	}
}
