package proxy

import (
	"sync"
	"time"
)

// late does something when a time is over, unless what it waits for came before. Each
// request wants some, and hardly one is ever late, so they are used again.
type late struct {
	of    *sync.Pool
	mu    sync.Mutex
	timer *time.Timer
	do    func() // nil when it is over: what it uses may be gone
}

// after returns one of s.lates, whose timers have stopped, or a new one.
func (s *Server) after(d time.Duration, do func()) *late {
	if l, ok := s.lates.Get().(*late); ok {
		l.mu.Lock() // for the race detector: whoever had it before is done
		l.do = do
		l.mu.Unlock()
		l.timer.Reset(d)
		return l
	}
	l := &late{of: &s.lates, do: do}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(d, l.fire)
	return l
}

func (l *late) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.do != nil {
		l.do()
	}
}

// end waits for what is being done, and lets nothing be done from now on. The caller
// must not use l any more.
func (l *late) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.do = nil
	if l.timer.Stop() { // else it may fire yet, in the time of another
		l.of.Put(l)
	}
}
