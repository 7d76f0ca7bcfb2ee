package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// recover finds out where the journal ends, cuts off what is not a line, and
// opens the last segment. It returns what the journal has to say about that.
func (w *Writer) recover() (notes []string, err error) {
	head, headErr := readHead(w.dir)
	w.head.saved = head // zero after an error, so a new one is written over it
	if headErr != nil && !errors.Is(headErr, fs.ErrNotExist) {
		notes = append(notes, headErr.Error())
	}
	list, err := segments(w.dir)
	if err != nil {
		return nil, err
	}
	var t tail
	for ; len(list) > 0 && t.lines == 0; list = list[:len(list)-1] {
		first := list[len(list)-1]
		if t, err = mend(w.dir, first, head); err != nil {
			return nil, err
		}
		if t.cut > 0 {
			notes = append(notes, fmt.Sprintf("%s had %d bytes of an unfinished line at its end, which were cut off", segmentName(first), t.cut))
		}
		if t.lines == 0 {
			// Its name may be needed again.
			if err := os.Remove(segmentPath(w.dir, first)); err != nil {
				return nil, err
			}
			continue
		}
		if w.f, err = w.opts.open(segmentPath(w.dir, first), os.O_WRONLY|os.O_APPEND); err != nil {
			return nil, err
		}
		w.first, w.size, w.last, w.held = first, t.size, t.end, t.held
	}
	switch {
	case head.Count > w.last.seq:
		// The chain goes on where it was, so that the gap stays to be seen.
		notes = append(notes, fmt.Sprintf("%d lines, %d to %d, were gone when the journal was opened", head.Count-w.last.seq, w.last.seq+1, head.Count))
		if w.f != nil {
			_ = w.f.Close() // nothing was written to it
			w.held.write(w.dir, w.first, w.size, w.opts.open)
			w.f, w.size, w.held = nil, 0, newHolding()
		}
		w.last = chainEnd{seq: head.Count, sum: head.Hash}
	case t.changed:
		notes = append(notes, fmt.Sprintf("line %d was not what %s says of it when the journal was opened", head.Count, headName))
	case headErr != nil && w.last.seq > 0:
		notes = append(notes, headName+" was missing or could not be read when the journal was opened, so lines may have been gone")
	case headErr != nil:
		if err := w.head.begin(); err != nil {
			return nil, err
		}
	}
	if w.total, err = totalSize(w.dir); err != nil {
		return nil, err
	}
	w.written = w.last
	w.synced.seq = head.Count
	if w.last.seq > head.Count {
		w.due = time.Now() // what a killed process left may not be on disk
	}
	return notes, nil
}

// tail is how a segment ends.
type tail struct {
	lines   int
	size    int64 // of its lines
	cut     int64 // bytes that were cut off behind them
	end     chainEnd
	changed bool // the line that the head is about is another
	held    *holding
}

// mend reads a segment and cuts off a line without an end.
func mend(dir string, first uint64, head Head) (t tail, err error) {
	f, err := os.OpenFile(segmentPath(dir, first), os.O_RDWR, 0)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	t.end.seq, t.held = first-1, newHolding()
	lines := newLineReader(f, 0, true)
	for {
		err := lines.next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if errors.Is(err, ErrTorn) {
			break
		}
		if err != nil && !errors.Is(err, ErrLong) {
			return t, err
		}
		// What cannot be read counts as the line that should stand there.
		t.end.seq++
		var e Entry
		if err == nil && parse(lines.line, &e) == nil && e.Seq < maxStart {
			t.end.seq = e.Seq
			m := markOf(&e.Event)
			t.held.add(&m)
		}
		t.lines++
		t.size, t.end.sum = lines.offset, lines.sum
		if t.end.seq == head.Count {
			t.changed = t.end.sum != head.Hash
		}
	}
	info, err := f.Stat()
	if err != nil {
		return t, err
	}
	t.cut = info.Size() - t.size
	return t, errors.Join(f.Truncate(t.size), f.Sync())
}
