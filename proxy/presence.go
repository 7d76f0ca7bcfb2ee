package proxy

import (
	"context"
	"errors"
	"os"
	"time"
)

// maxWaiting is how much is read of a client that waits for an operator, in bytes. One
// that sends more is not seen to leave.
const maxWaiting = 16 << 10

// present returns a context that ends when the client leaves, which is seen by
// reading. What it sends meanwhile is read again later. Nobody else may read before
// done was called.
func (t *tunnel) present() (ctx context.Context, done func()) {
	ctx, leave := context.WithCancel(t.s.ctx)
	c, ok := t.conn.(*replayConn)
	if !ok {
		return ctx, leave
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		buf := make([]byte, maxWaiting)
		for len(c.early) < maxWaiting {
			n, err := c.Conn.Read(buf)
			c.early = append(c.early, buf[:n]...)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			if err != nil {
				leave()
				return
			}
		}
	}()
	return ctx, func() {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // in the past: at once
		<-over
		_ = c.SetReadDeadline(time.Time{})
		leave()
	}
}
