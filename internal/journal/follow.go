package journal

import (
	"context"
	"iter"
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
	return func(yield func(Entry, error) bool) {
		// The watch begins before the reading, so that nothing falls between.
		w, err := fsnotify.NewWatcher()
		if err == nil {
			defer func() { _ = w.Close() }()
			err = w.Add(dir)
		}
		if err != nil {
			follow(ctx, dir, f, nil, nil, yield)
			return
		}
		follow(ctx, dir, f, w.Events, w.Errors, yield)
	}
}

// follow reads at each event, and at each error of the watch.
func follow(ctx context.Context, dir string, f Filter, events <-chan fsnotify.Event, errs <-chan error, yield func(Entry, error) bool) {
	c := newCursor(dir, f, yield)
	defer c.close()
	if !c.begin() {
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
