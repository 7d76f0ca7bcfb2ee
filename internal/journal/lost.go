package journal

import (
	"fmt"
	"time"
)

// lost counts events that Record refused.
type lost struct {
	count       int
	first, last time.Time
	err         error // of the last one
}

func (l *lost) add(err error) {
	l.last, l.err = time.Now(), err
	if l.count++; l.count == 1 {
		l.first = l.last
	}
}

// String is the text of the note about them.
func (l *lost) String() string {
	return fmt.Sprintf("%d events could not be recorded between %s and %s: %v",
		l.count, l.first.UTC().Format(time.RFC3339), l.last.UTC().Format(time.RFC3339), l.err)
}

// tellLost appends the note about lost events, if there are any. It is settled
// when the note is written.
func (w *Writer) tellLost() error {
	if w.lost.count == 0 {
		return nil
	}
	return w.appendNote(w.lost.String())
}

// lastNote tries to tell of lost events before the end. Close reports those that
// are not told.
func (w *Writer) lastNote() {
	if w.lost.count == 0 || w.heal() != nil {
		return
	}
	was := w.point()
	if w.tellLost() == nil && w.flush() == nil {
		w.lost = lost{}
		return
	}
	w.backTo(was)
}
