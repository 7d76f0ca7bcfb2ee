package proxy

import (
	"sync/atomic"
	"time"
)

// idleFrames counts the frames of one end that ask for nothing: maxIdleFrames at a
// time, and more as time passes and something is carried.
type idleFrames struct {
	used   atomic.Int64
	filled time.Time // when time last made room; of whoever calls allow
}

// allow reports whether n more are allowed. It must not be called concurrently.
func (f *idleFrames) allow(n int64) bool {
	if f.used.Add(n) <= maxIdleFrames {
		return true
	}
	now := time.Now()
	room := int64(now.Sub(f.filled).Seconds() * idleFramesPerSecond)
	if room <= 0 {
		return false
	}
	f.filled = now
	return f.used.Add(-min(room, maxIdleFrames)) <= maxIdleFrames
}

// answered makes room for some more.
func (f *idleFrames) answered() {
	if f.used.Load() > 0 {
		f.used.Add(-idleFramesPerAnswer)
	}
}
