package proxy

import (
	"io"
	"net/http"
)

// lateHead sends the response head by itself when the body is late. Flushing
// every head would cost each small answer a packet of its own.
type lateHead struct {
	w     io.Writer
	rc    *http.ResponseController
	guard *frameGuard // nil in HTTP/1
	late  late
	armed bool // the body has not begun
}

func (l *lateHead) arm(s *Server) {
	l.armed = true
	l.late.do = func() { _ = l.rc.Flush() }
	s.lateHeads.add(&l.late)
}

// disarm reports whether the head still waits.
func (l *lateHead) disarm() bool {
	if !l.armed {
		return false
	}
	l.armed = false
	return l.late.end()
}

func (l *lateHead) write(p []byte, flush bool) error {
	if l.disarm() && l.guard != nil {
		l.guard.joined.followed() // by these bytes
	}
	if _, err := l.w.Write(p); err != nil {
		return err
	}
	if flush {
		return l.rc.Flush()
	}
	return nil
}
