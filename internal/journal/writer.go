package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Writer writes a journal. It implements [proxy.Recorder] and [proxy.BodyStore], and its
// methods may be called concurrently.
type Writer struct {
	dir      string
	opts     Options
	lock     *os.File
	head     *headFile
	bodies   bodyFiles
	encoders sync.Pool

	wake chan struct{} // of capacity 1: the committer has something to do
	quit chan struct{}
	done chan struct{} // closed when the committer has ended

	mu     sync.Mutex
	closed bool
	f      file
	first  uint64 // of the lines in f
	size   int64  // of what is whole in f
	total  int64  // of all segments
	torn   bool   // there is more in f than size: the start of a line that did not fit

	last    chainEnd // of all lines, those in pending too
	written chainEnd // of the lines in f
	synced  chainEnd // of the lines on disk

	held  *holding // what is in f
	marks []mark   // of the pending lines, and perhaps of more

	pending []byte    // whole lines that are not in f yet
	due     time.Time // when the oldest line that is not on disk must go there; zero without any
	headDue time.Time // when the head must follow; zero when it has
	group   *group    // of those that wait for the next fsync
	broken  error     // of an fsync: what is in f may not be on disk
	headErr error
	lost    lost
}

// chainEnd is a line to chain the next one to.
type chainEnd struct {
	seq uint64
	sum Sum
}

// group is a number of calls that share an fsync.
type group struct {
	done chan struct{}
	err  error // set before done is closed
}

// Open opens the journal in a folder for writing, and makes the folder where it
// is missing. While another process writes it, the error is a *LockedError.
//
// What a crash left unfinished is mended first; notes in the journal, with
// RuleRepair, say what was found.
func Open(dir string, o Options) (*Writer, error) {
	o = o.withDefaults()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening a journal: %w", err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, fmt.Errorf("opening a journal: %w", err)
	}
	w := &Writer{
		dir: dir, opts: o, lock: lock,
		head: &headFile{dir: dir, open: o.open}, held: newHolding(),
		bodies:   bodyFiles{dir: filepath.Join(dir, bodiesDir), perFile: o.BodyFileSize, limit: o.MaxBodies},
		encoders: sync.Pool{New: func() any { return newEncoder() }},
		wake:     make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	notes, err := w.recover()
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("opening the journal %s: %w", dir, err)
	}
	go w.commitLoop()
	for _, text := range notes {
		if err := w.Record(context.Background(), repairNote(time.Now(), text)); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

func repairNote(t time.Time, text string) *proxy.Event {
	return &proxy.Event{Time: t, Type: proxy.EventNote, Rule: RuleRepair, Reason: text}
}

// care is how much is done for a line before Record returns.
type care int

const (
	careWrite care = iota // decisions and notes
	careSync              // denials
	careBatch             // ends
)

func careFor(e *proxy.Event) care {
	switch {
	case e.Type == proxy.EventEnd:
		return careBatch
	case e.Type == proxy.EventDecision && e.Verdict == proxy.Deny:
		return careSync
	}
	return careWrite
}

// Record appends an event; the package comment says when it is kept. The event is
// not changed; one without a time gets the time of now. Whether ctx is done makes
// no difference: what was decided is recorded even as its request is torn down.
//
// After an error the event is not in the journal, with one exception: a denial
// whose fsync failed may be. Errors wrap what the system said (such as
// syscall.ENOSPC), or ErrClosed.
func (w *Writer) Record(_ context.Context, e *proxy.Event) error {
	if e == nil {
		return errors.New("journal: there is no event to record")
	}
	if e.Time.IsZero() {
		timed := *e
		timed.Time = time.Now()
		e = &timed
	}
	enc, _ := w.encoders.Get().(*encoder)
	defer w.encoders.Put(enc)
	body, err := enc.body(e)
	if err != nil {
		return fmt.Errorf("journal %s: %w", w.dir, err)
	}
	w.mu.Lock()
	g, err := w.add(body, markOf(e), careFor(e), e.Type == proxy.EventEnd || e.Rule == RuleRepair)
	w.mu.Unlock()
	if err == nil && g != nil {
		<-g.done
		err = g.err
	}
	if err != nil {
		return fmt.Errorf("journal %s: %w", w.dir, err)
	}
	return nil
}

// add puts a line behind the others, and into the file unless it may wait. A
// line that is last may use the room kept for such. The group is what the caller
// has to wait for.
func (w *Writer) add(body []byte, m mark, c care, last bool) (*group, error) {
	if w.closed {
		return nil, ErrClosed
	}
	if w.room(last) < int64(len(body)+linePrefix) {
		w.lost.add(ErrFull)
		return nil, ErrFull
	}
	if err := w.heal(); err != nil {
		w.lost.add(err)
		return nil, err
	}
	was := w.point()
	if err := w.tellLost(); err != nil {
		return nil, err
	}
	w.append(body, m)
	if c == careBatch && w.lost.count == 0 && len(w.pending) <= batchSize {
		w.dirty(false)
		return nil, nil
	}
	if err := w.flush(); err != nil {
		if c == careBatch && w.lost.count == 0 && len(w.pending) <= maxPending {
			w.dirty(false)
			return nil, nil
		}
		w.backTo(was)
		w.lost.add(err)
		return nil, err
	}
	w.lost = lost{}
	w.dirty(c == careSync)
	if c != careSync {
		return nil, nil
	}
	return w.group, nil
}

// room is how many bytes may still be added.
func (w *Writer) room(last bool) int64 {
	room := w.opts.MaxBytes - w.total - int64(len(w.pending))
	if !last {
		room -= min(maxReserve, w.opts.MaxBytes/4)
	}
	return room
}

// point is how much is pending at some time.
type point struct {
	pending, marks int
	last           chainEnd
}

func (w *Writer) point() point { return point{len(w.pending), len(w.marks), w.last} }

// backTo takes back what was added since.
func (w *Writer) backTo(p point) {
	w.pending, w.marks, w.last = w.pending[:p.pending], w.marks[:p.marks], p.last
}

func (w *Writer) append(body []byte, m mark) {
	start := len(w.pending)
	w.marks = append(w.marks, m)
	w.last.seq++
	w.pending = appendLine(w.pending, w.last.seq, &w.last.sum, body)
	w.last.sum = sumOf(w.pending[start : len(w.pending)-1])
}

func (w *Writer) appendNote(text string) error {
	enc := newEncoder()
	e := repairNote(time.Now(), text)
	body, err := enc.body(e)
	if err != nil {
		return err
	}
	w.append(body, markOf(e))
	return nil
}

// Close writes what is pending, fsyncs it, brings the head up to date and gives
// the lock back. Its error says what is not on disk. A second call does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		<-w.done
		return nil
	}
	w.closed = true
	w.lastNote()
	w.mu.Unlock()
	close(w.quit)
	<-w.done

	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	if n := w.last.seq - w.written.seq; n > 0 {
		errs = append(errs, fmt.Errorf("not written: %s", count(n, "line")))
	}
	if w.lost.count > 0 {
		errs = append(errs, errors.New(w.lost.String()))
	}
	errs = append(errs, w.broken, w.headErr, w.bodies.close())
	if w.f != nil {
		errs = append(errs, w.f.Close())
	}
	errs = append(errs, w.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the journal %s: %w", w.dir, err)
	}
	return nil
}
