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
	timer *late // until the body has begun; nil for none
}

func (l *lateHead) arm(s *Server) {
	l.timer = s.after(headFlush, func() { _ = l.rc.Flush() })
}

func (l *lateHead) disarm() {
	if l.timer != nil {
		l.timer.end()
		l.timer = nil
	}
}

func (l *lateHead) write(p []byte, flush bool) error {
	l.disarm()
	if _, err := l.w.Write(p); err != nil {
		return err
	}
	if flush {
		return l.rc.Flush()
	}
	return nil
}
