package proxy

import "sync"

// inUse counts who may still scan with the engine of a snapshot. An engine that
// was closed finds nothing, so nobody scans who is not counted.
type inUse struct {
	mu      sync.Mutex
	n       int
	retired bool
	closed  bool
	next    *snapshot // that took its place, if any
}

// use returns the snapshot in force, for which leave has to be called, or nil
// when the server has ended.
func (s *Server) use() *snapshot {
	for {
		snap := s.current.Load()
		if snap.enter() {
			return snap
		}
		if s.current.Load() == snap {
			return nil
		}
	}
}

// enter counts one more, unless the engine is closed. That cannot be as long as
// the caller is counted already.
func (snap *snapshot) enter() bool {
	u := &snap.inUse
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.n++
	return true
}

func (snap *snapshot) leave() {
	u := &snap.inUse
	u.mu.Lock()
	u.n--
	snap.closeUnused()
}

// retire has the engine closed, which clears the known values in it, as soon as
// nobody uses it any more. What runs under an old snapshot looks for short values
// with the engine of the newest (dlp.Session), so next stays in use as long.
func (snap *snapshot) retire(next *snapshot) {
	u := &snap.inUse
	u.mu.Lock()
	if next != nil && u.next == nil && !u.closed && next.enter() {
		u.next = next
	}
	u.retired = true
	snap.closeUnused()
}

// closeUnused unlocks u.mu.
func (snap *snapshot) closeUnused() {
	u := &snap.inUse
	over := u.retired && u.n == 0 && !u.closed
	u.closed = u.closed || over
	u.mu.Unlock()
	if !over {
		return
	}
	if snap.engine != nil {
		snap.engine.Close()
	}
	if u.next != nil {
		u.next.leave()
	}
}
