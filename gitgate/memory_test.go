package gitgate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/semaphore"
)

// Small pushes wait for nobody, large ones for each other and not for ever, and what
// a push may hold has an end.
func TestPushesShareTheMemoryOfAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := semaphore.NewWeighted(1)
		var mu sync.Mutex
		said := 0
		make := func(ctx context.Context) *memory {
			return &memory{ctx: ctx, large: large, wait: largeWait, say: func(string) { mu.Lock(); said++; mu.Unlock() }}
		}
		first, second, small := make(t.Context()), make(t.Context()), make(t.Context())
		if err := errors.Join(small.reserve(smallPush), first.reserve(smallPush+1), first.reserve(1)); err != nil || said > 0 {
			t.Fatal(err, said)
		}
		done := false
		go func() {
			if err := second.reserve(smallPush + 1); err != nil {
				t.Error(err)
			}
			done = true
		}()
		synctest.Wait()
		if done || said != 1 {
			t.Errorf("the second large push does not wait, or says nothing: %d", said)
		}
		first.release()
		synctest.Wait()
		if !done {
			t.Error("it still waits")
		}
		if err := first.reserve(smallPush + 1); !errors.Is(err, errMemoryNow) {
			t.Errorf("after %v: %v", largeWait, err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := make(gone).reserve(smallPush + 1); !errors.Is(err, context.Canceled) {
			t.Errorf("who went away: %v", err)
		}
		if err := second.reserve(largePushes); !errors.Is(err, errMemory) {
			t.Errorf("more than there is: %v", err)
		}
		second.release()
		if !large.TryAcquire(1) {
			t.Error("a turn was not given back")
		}
	})
}
