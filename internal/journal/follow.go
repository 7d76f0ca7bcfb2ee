package journal

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollDelay is how often a follower looks when nothing tells it to: where the
// system has no watch to give (their number is limited), or lost an event.
const pollDelay = time.Second

// settleDelay is for how long a follower that was told of a write lets more come. Each
// look costs a reading of the folder: one for each of thousands of lines a second would
// never catch up.
const settleDelay = 5 * time.Millisecond

// Follow is Read that goes on with what is written from now on, over rotations
// and writers, until ctx is done.
func Follow(ctx context.Context, dir string, f Filter) iter.Seq2[Entry, error] {
	return FollowLast(ctx, dir, f, math.MaxInt64)
}

// FollowLast is Follow that begins with the first line of the last bytes of what is
// there, so many as size says.
func FollowLast(ctx context.Context, dir string, f Filter, size int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		// The watch begins before the reading, so that nothing falls between.
		w, err := fsnotify.NewWatcher()
		if err == nil {
			defer func() { _ = w.Close() }()
			err = w.Add(dir)
		}
		if err != nil {
			follow(ctx, dir, f, size, nil, nil, yield)
			return
		}
		follow(ctx, dir, f, size, w.Events, w.Errors, yield)
	}
}

// follow reads at each event, and at each error of the watch.
func follow(ctx context.Context, dir string, f Filter, size int64, events <-chan fsnotify.Event, errs <-chan error, yield func(Entry, error) bool) {
	c := cursor{dir: dir, filter: f, yield: yield}
	defer c.close()
	if err := c.skipTo(size); err != nil {
		_ = yield(Entry{}, err)
		return
	}
	poll := time.NewTicker(pollDelay)
	defer poll.Stop()
	for c.drain() {
		select {
		case <-ctx.Done():
			return
		case <-events:
			settle(ctx, events)
		case err := <-errs:
			_ = err // events were lost: look, as after one
		case <-poll.C:
		}
	}
}

// settle takes the events of settleDelay as one.
func settle(ctx context.Context, events <-chan fsnotify.Event) {
	end := time.NewTimer(settleDelay)
	defer end.Stop()
	for {
		select {
		case <-events:
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
