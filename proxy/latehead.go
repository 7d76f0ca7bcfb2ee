package proxy

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// lateHead sends the response head by itself when the body is late. Flushing
// every head would cost each small answer a packet of its own.
type lateHead struct {
	mu    sync.Mutex
	w     io.Writer
	rc    *http.ResponseController
	timer *time.Timer
	begun bool
}

func (l *lateHead) arm() {
	l.timer = time.AfterFunc(headFlush, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.begun {
			_ = l.rc.Flush()
		}
	})
}

func (l *lateHead) disarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

func (l *lateHead) write(p []byte, flush bool) error {
	if !l.begun { // only this goroutine sets it
		l.disarm()
	}
	if _, err := l.w.Write(p); err != nil {
		return err
	}
	if flush {
		return l.rc.Flush()
	}
	return nil
}
