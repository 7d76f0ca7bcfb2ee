package journal

import (
	"errors"
	"fmt"
	"os"
)

// flush writes the pending lines. After an error none of them is in the file.
func (w *Writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if w.torn {
		if err := w.f.Truncate(w.size); err != nil {
			return err
		}
		w.torn = false
	}
	if w.f == nil || w.size > 0 && w.size+int64(len(w.pending)) > w.opts.SegmentSize {
		if err := w.rotate(); err != nil {
			return err
		}
	}
	if _, err := w.f.Write(w.pending); err != nil {
		w.torn = w.f.Truncate(w.size) != nil
		return err
	}
	w.size += int64(len(w.pending))
	w.total += int64(len(w.pending))
	w.written = w.last
	if cap(w.pending) > 2*batchSize {
		w.pending = nil
	}
	w.pending = w.pending[:0]
	for i := range w.marks {
		w.held.add(&w.marks[i])
	}
	clear(w.marks)
	w.marks = w.marks[:0]
	return nil
}

// rotate begins the next segment. All that is in the one before is then on disk.
func (w *Writer) rotate() error {
	first := w.written.seq + 1
	path := segmentPath(w.dir, first)
	next, err := w.opts.open(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	if w.f != nil {
		if err = w.f.Sync(); err != nil {
			w.broken = err
		}
	}
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(path))
	}
	w.begin(next)
	w.synced = w.written
	return nil
}

func (w *Writer) begin(next file) {
	if w.f != nil {
		_ = w.f.Close() // an fsync has told all that there is to tell of it
		w.held.write(w.dir, w.first, w.size, w.opts.open)
	}
	w.f, w.first, w.size, w.torn, w.held = next, w.written.seq+1, 0, false, newHolding()
}

// heal tries to get over an fsync or a head that failed.
func (w *Writer) heal() error {
	if w.headErr != nil {
		if w.headErr = w.head.save(w.synced.head()); w.headErr != nil {
			return w.headErr
		}
	}
	if w.broken != nil {
		return w.replace()
	}
	return nil
}

// replace leaves a segment whose fsync failed: the kernel forgets such an error
// once it was told, and a later fsync of the same file may say that all is well.
func (w *Writer) replace() error {
	if w.size > 0 {
		next, err := w.opts.open(segmentPath(w.dir, w.written.seq+1), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND)
		if err != nil {
			return err
		}
		w.begin(next)
	}
	was := w.point()
	if err := w.appendNote(fmt.Sprintf("an fsync failed (%v): after a crash of the machine, lines %d to %d may be missing",
		w.broken, w.synced.seq+1, max(w.written.seq, w.synced.seq+1))); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		w.backTo(was)
		return err
	}
	if err := errors.Join(w.f.Sync(), syncDir(w.dir)); err != nil {
		w.broken = err
		return err
	}
	w.broken, w.synced = nil, w.written
	w.dirty(false)
	return nil
}

func (e chainEnd) head() Head { return Head{Count: e.seq, Hash: e.sum} }
