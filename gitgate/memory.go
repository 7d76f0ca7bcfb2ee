package gitgate

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// What all pushes of a gate together may hold in memory: maxSpools times smallPush
// and largePushes, which is 1.25 GiB. Most pushes take the first and no more. One
// that needs more waits until no other does.
const (
	// smallPush is what a push may hold from its beginning, in bytes.
	smallPush = 32 << 20
	// largePushes is what the pushes hold that need more: one at a time.
	largePushes = 768 << 20
	// largeWait is how long a push waits for that.
	largeWait = 5 * time.Minute
)

var (
	errMemory    = errors.New("it takes more memory to read than a push may have (768 MiB): push fewer commits at once, and large files by LFS")
	errMemoryNow = errors.New("it takes much memory to read, and another push had that for 5 minutes: push it again later")
)

// memory counts what one push holds. Its methods may be called from any goroutine.
type memory struct {
	ctx   context.Context
	large *semaphore.Weighted // of the gate
	say   func(string)
	wait  time.Duration

	mu   sync.Mutex
	held int64
	has  bool // the large one
}

func (p *pushVisit) newMemory() *memory {
	return &memory{ctx: p.ctx, large: p.g.large, say: p.answer.say, wait: largeWait}
}

// reserve has a push hold more, and waits for its turn if that is much.
func (m *memory) reserve(n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.held += n; {
	case m.held > smallPush+largePushes:
		return errMemory
	case m.held <= smallPush || m.has || m.take():
		return nil
	}
	m.say("bottle: the push is large, and waits for another one")
	ctx, cancel := context.WithTimeout(m.ctx, m.wait)
	defer cancel()
	if err := m.large.Acquire(ctx, 1); err != nil {
		if m.ctx.Err() != nil {
			return m.ctx.Err()
		}
		return errMemoryNow
	}
	m.has = true
	return nil
}

func (m *memory) take() bool {
	m.has = m.large.TryAcquire(1)
	return m.has
}

// release lets everything go.
func (m *memory) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.has {
		m.large.Release(1)
	}
	m.has, m.held = false, 0
}
