package journal

import "time"

// dirty sees to it that what was added gets to the disk in time: at once when
// somebody waits for it.
func (w *Writer) dirty(waits bool) {
	wake := waits
	if w.due.IsZero() {
		w.due = time.Now().Add(w.opts.CommitDelay)
		wake = true
	}
	if waits && w.group == nil {
		w.group = &group{done: make(chan struct{})}
	}
	if wake {
		select {
		case w.wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// commitLoop runs until Close. It alone calls fsync on a segment that is not
// full, so that calls of Record never wait for one that they did not ask for.
func (w *Writer) commitLoop() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		w.mu.Lock()
		urgent, due, headDue := w.group != nil, w.due, w.headDue
		w.mu.Unlock()
		now := time.Now()
		switch {
		case urgent, !due.IsZero() && !now.Before(due):
			w.commit()
			continue
		case !headDue.IsZero() && !now.Before(headDue):
			w.saveHead()
			continue
		}
		var expired <-chan time.Time
		if next := earlier(due, headDue); !next.IsZero() {
			timer.Reset(next.Sub(now))
			expired = timer.C
		}
		select {
		case <-w.wake:
		case <-expired:
		case <-w.quit:
			w.commit()
			w.saveHead()
			return
		}
	}
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// commit brings all lines to the disk.
func (w *Writer) commit() {
	w.mu.Lock()
	g := w.group
	w.group, w.due = nil, time.Time{}
	if err := w.flush(); err != nil {
		w.due = time.Now().Add(w.opts.HeadDelay) // the disk may have space then
	}
	f, end, err := w.f, w.written, w.broken
	needed := err == nil && f != nil && end.seq > w.synced.seq
	w.mu.Unlock()

	if needed {
		err = f.Sync()
	}

	w.mu.Lock()
	switch {
	case !needed:
	case w.f != f && w.synced.seq >= end.seq:
		err = nil // full meanwhile, and so on disk
	case err != nil:
		w.broken = err
	case end.seq > w.synced.seq:
		w.synced = end
	}
	if w.headDue.IsZero() && w.synced.seq > w.head.count() {
		w.headDue = time.Now().Add(w.opts.HeadDelay)
	}
	w.mu.Unlock()
	if g != nil {
		g.err = err
		close(g.done)
	}
}

// saveHead makes the head say what is on disk.
func (w *Writer) saveHead() {
	w.mu.Lock()
	end := w.synced
	w.mu.Unlock()
	err := w.head.save(end.head())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.headErr, w.headDue = err, time.Time{}
	if err != nil || w.synced.seq > end.seq {
		w.headDue = time.Now().Add(w.opts.HeadDelay)
	}
}
