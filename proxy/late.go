package proxy

import (
	"sync"
	"time"
)

// lates have things done when some time is over, the same for all, unless what they wait
// for came before. Each request wants several, and hardly one is ever late, so they
// share a timer that is left alone when they end: to set one often wakes a thread of the
// runtime's, only for it to sleep again for a shorter time.
type lates struct {
	wait time.Duration

	mu          sync.Mutex
	first, last *late // that wait, in the order in which they are due
	timer       *time.Timer
	running     bool
}

// late is one of these things.
type late struct {
	do func()

	of         *lates // of.mu guards the rest
	prev, next *late
	due        time.Time
	waits      bool

	doing sync.Mutex // held while it is being done
	over  bool       // of doing: it may not be done any more
}

// add has l done when the time is over. It must not wait already.
func (s *lates) add(l *late) {
	due := time.Now().Add(s.wait)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.of, l.due, l.waits = s, due, true
	l.prev, s.last = s.last, l
	if l.prev != nil {
		l.prev.next = l
	} else {
		s.first = l
	}
	s.run(s.wait)
}

// run has the timer run. The caller holds s.mu.
func (s *lates) run(d time.Duration) {
	switch {
	case s.running:
		return
	case s.timer == nil:
		s.timer = time.AfterFunc(d, s.fire)
	default:
		s.timer.Reset(d)
	}
	s.running = true
}

// fire begins what is due, and what nearly is: else the timer would run anew for a
// moment.
func (s *lates) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	now := time.Now()
	for s.first != nil {
		l := s.first
		if left := l.due.Sub(now); left > min(s.wait/8, time.Millisecond) {
			s.run(left)
			return
		}
		s.remove(l)
		go l.fire()
	}
}

// remove takes out of the list. The caller holds s.mu.
func (s *lates) remove(l *late) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		s.first = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		s.last = l.prev
	}
	l.prev, l.next, l.waits = nil, nil, false
}

func (l *late) fire() {
	l.doing.Lock()
	defer l.doing.Unlock()
	if !l.over {
		l.do()
	}
}

// drop reports whether l waited, and does no more. Else it was never added, or is being
// done, or will be in a moment, or is done.
func (l *late) drop() bool {
	if l.of == nil {
		return false
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if !l.waits {
		return false
	}
	l.of.remove(l)
	return true
}

// end lets nothing be done from now on, and waits for what is being done. It reports
// whether l waited. What has ended must not be added again.
func (l *late) end() bool {
	if l.drop() {
		return true
	}
	l.doing.Lock()
	defer l.doing.Unlock()
	l.over = true
	return false
}
