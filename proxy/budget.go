package proxy

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// budget bounds what running exchanges may take together, and what those of one
// session may, so that no agent uses up the host's memory or another's share.
type budget struct {
	mu        sync.Mutex
	exchanges int
	shares    map[string]*share // by session; as many as listeners and credentials
	receiving receiving
	bodies    *semaphore.Weighted // bytes
	decoders  *semaphore.Weighted
}

// share is what one session has taken.
type share struct {
	exchanges int
	receiving receiving
	bodies    *semaphore.Weighted // bytes
}

func newBudget() *budget {
	return &budget{shares: map[string]*share{}, bodies: semaphore.NewWeighted(maxBodyBytes), decoders: semaphore.NewWeighted(maxDecoders)}
}

// enter counts one more exchange, or returns why there is no room for it.
func (b *budget) enter(session string) (*share, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sh := b.shares[session]
	switch {
	case sh != nil && sh.exchanges >= maxSessionExchanges:
		return nil, fmt.Sprintf("this agent has %d requests under way, which is the most it may have; let some end and try again", maxSessionExchanges)
	case b.exchanges >= maxExchanges:
		return nil, fmt.Sprintf("%d requests are under way, which is the most this proxy carries; try again later", maxExchanges)
	}
	if sh == nil {
		sh = &share{bodies: semaphore.NewWeighted(maxSessionBodyBytes)}
		b.shares[session] = sh
	}
	sh.exchanges++
	b.exchanges++
	return sh, ""
}

func (b *budget) leave(sh *share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exchanges--
	sh.exchanges--
}

// admit makes the exchange one of so many.
func (x *exchange) admit() *denial {
	sh, full := x.s.budget.enter(x.session)
	if full != "" {
		return &denial{status: http.StatusServiceUnavailable, rule: "too-many-requests", message: full}
	}
	x.share = sh
	return x.holdHead(x.r.Header, len(x.r.RequestURI))
}

// holdHead counts a large head, which stays to the end of the exchange, as a body that
// is held: maxSessionExchanges of them would be a GiB.
func (x *exchange) holdHead(h http.Header, more int) *denial {
	n := more
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	if n <= maxFreeHead || x.tryReserve(2*int64(n)) { // the text that is scanned is as long
		return nil
	}
	return &denial{status: http.StatusServiceUnavailable, rule: "too-many-bodies", message: fmt.Sprintf(
		"the requests that are under way hold heads and bodies of as much as they may (%d MiB of this agent's); let some end and try again", maxSessionBodyBytes>>20)}
}

// giveBack returns all that the exchange took.
func (x *exchange) giveBack() {
	x.useTables(nil)
	x.recording.drop() // of what was denied
	if x.share == nil {
		return
	}
	if x.buffered > 0 {
		x.give(x.buffered)
	}
	x.letGo()
	if x.textBytes > 0 {
		x.give(x.textBytes)
	}
	if x.receives != nil {
		x.s.budget.received(x.share, x.receives)
	}
	x.s.budget.leave(x.share)
}

// reserve waits for room for n bytes of a body, which the exchange keeps to its
// end: a body can be sent again until then.
func (x *exchange) reserve(n int64) *denial {
	if !acquire(x.ctx, x.share.bodies, n) {
		return &denial{status: http.StatusServiceUnavailable, rule: "too-many-bodies", message: fmt.Sprintf(
			"the requests that this agent has under way hold bodies of %d MiB, which is the most it may have; let some end and try again", maxSessionBodyBytes>>20)}
	}
	if !acquire(x.ctx, x.s.budget.bodies, n) {
		x.share.bodies.Release(n)
		return &denial{status: http.StatusServiceUnavailable, rule: "too-many-bodies", message: fmt.Sprintf(
			"the requests that are under way hold bodies of %d MiB, which is the most this proxy carries; try again later", maxBodyBytes>>20)}
	}
	x.buffered += n
	return nil
}

// tryReserve is reserve without waiting, for what can be done without.
func (x *exchange) tryReserve(n int64) bool {
	if !x.tryTake(n) {
		return false
	}
	x.buffered += n
	return true
}

// tryTake is tryReserve for what is given back before the exchange ends. It may
// be called concurrently.
func (x *exchange) tryTake(n int64) bool {
	if !x.share.bodies.TryAcquire(n) {
		return false
	}
	if !x.s.budget.bodies.TryAcquire(n) {
		x.share.bodies.Release(n)
		return false
	}
	return true
}

func (x *exchange) give(n int64) {
	x.share.bodies.Release(n)
	x.s.budget.bodies.Release(n)
}

// acquire waits for n of sem, at most roomWait.
func acquire(ctx context.Context, sem *semaphore.Weighted, n int64) bool {
	if sem.TryAcquire(n) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	return sem.Acquire(ctx, n) == nil
}

// readLimit ends the reading of a request body when its time is up. It costs no
// system call while it is not.
type readLimit struct {
	late    late
	expired bool
}

func (x *exchange) limitRead() *readLimit {
	l := &readLimit{}
	l.late.do = func() {
		l.expired = true
		_ = x.rc.SetReadDeadline(time.Now().Add(-time.Second)) // in the past: at once
	}
	x.s.lateReads.add(&l.late)
	return l
}

// end stops the clock and reports whether it ran out.
func (l *readLimit) end() bool {
	l.late.end()
	return l.expired
}
