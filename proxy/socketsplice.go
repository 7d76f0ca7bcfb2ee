package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// pass reports whether nobody wants to know what the agent sends, and nothing is put
// into it.
func (m *agentMessages) pass() bool { return m.x.snap.ignores && m.plain == nil && m.json == nil }

// splice carries a WebSocket of HTTP/1.1 that nobody looks into, as the bodies of
// such a route: frames, and what is none, pass as they are.
func (b *bridge) splice(ctx context.Context) {
	b.idle = time.AfterFunc(b.x.s.socketIdle, func() {
		b.fail(fmt.Errorf("nothing was sent for %v", b.x.s.socketIdle))
		b.cancel()
	})
	var out, in int64
	var other sync.WaitGroup
	other.Go(func() { in = b.copy(ctx, b.agent, b.up, "the upstream") })
	out = b.copy(ctx, b.up, b.agent, "the client")
	other.Wait()
	b.count(out, in)
}

// copy carries one direction to its end, which is that of the other one too: behind a
// closing handshake nothing comes.
func (b *bridge) copy(ctx context.Context, dst, src *socketLeg, who string) (n int64) {
	defer b.cancel()
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		k, err := src.Read(*buf)
		if k > 0 {
			b.alive()
			if dst == b.up {
				if stop := b.x.spend(int64(k)); stop != nil {
					b.fail(stop)
					return n
				}
			}
			if _, failed := dst.w.Write((*buf)[:k]); failed != nil {
				err = failed
			} else {
				n += int64(k)
			}
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil && !errors.Is(err, io.EOF) {
			b.fail(fmt.Errorf("what %s sends cannot be carried on: %w", who, err))
		}
		return n
	}
}
