package journal

import (
	"errors"
	"io"
	"iter"
	"os"
)

// Read returns the entries of a journal that the filter wants, in the order in
// which they were written, in bounded memory. It needs no lock: a line that is
// being written is not there yet.
//
// With a line that cannot be read comes a *LineError, and the reading goes on
// behind it. After any other error there is nothing more. With a filter, only what may
// hold something of its kind is looked at, so not all such lines are found.
func Read(dir string, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := newCursor(dir, f, yield)
		defer c.close()
		if c.begin() {
			c.drain()
		}
	}
}

// readFile is what a reader does to a file.
type readFile interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// cursor is a place in a journal up to which it was read.
type cursor struct {
	dir    string
	filter Filter
	yield  func(Entry, error) bool
	open   func(path string) (readFile, error)

	first  uint64 // of the segment; 0 before the first one
	f      readFile
	offset int64
	line   int // 0 while it is not known, since the reading began in the middle
}

func newCursor(dir string, f Filter, yield func(Entry, error) bool) *cursor {
	return &cursor{dir: dir, filter: f, yield: yield, open: openToRead}
}

func openToRead(path string) (readFile, error) { return os.Open(path) }

// begin goes to where the filter says that the reading begins. It reports whether there
// is something to read.
func (c *cursor) begin() bool {
	var err error
	switch {
	case c.filter.LastBytes > 0:
		err = c.skipTo(c.filter.LastBytes)
	case c.filter.Last > 0:
		err = c.skipToLast(c.filter.Last)
	}
	if err != nil {
		return c.yield(Entry{}, err) && false
	}
	return true
}

// drain reads what is there. It reports whether there can be more: not after an
// error, or when the consumer has enough.
func (c *cursor) drain() bool {
	for {
		// What the list says about later segments must be known before the end
		// of this one is: a segment that has a successor grows no more.
		later, err := c.successors()
		if err != nil {
			return c.yield(Entry{}, err) && false
		}
		if c.f != nil && !c.lines(len(later) > 0) {
			return false
		}
		for len(later) > 1 && !c.holds(later[0]) {
			c.first, later = later[0], later[1:]
		}
		if len(later) == 0 {
			return true
		}
		if err := c.enter(later[0], 0, 0); err != nil {
			return c.yield(Entry{}, err) && false
		}
	}
}

// enter opens a segment at a place in it.
func (c *cursor) enter(first uint64, offset int64, line int) (err error) {
	c.close()
	c.f, err = c.open(segmentPath(c.dir, first))
	c.first, c.offset, c.line = first, offset, line
	return err
}

// successors are the segments behind the one of the cursor.
func (c *cursor) successors() ([]uint64, error) {
	list, err := segments(c.dir)
	for len(list) > 0 && list[0] <= c.first {
		list = list[1:]
	}
	return list, err
}

// lines yields the lines of a segment from the cursor on. It reports whether to go
// on.
func (c *cursor) lines(full bool) bool {
	r := newLineReader(c.f, c.offset, false)
	narrow := c.filter.narrow()
	for {
		err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) && !full {
			return true
		}
		known := c.offset == 0 || c.line > 0
		if c.offset = r.offset; known {
			c.line++
		}
		if errors.Is(err, ErrTorn) {
			return c.yield(Entry{}, c.lineError(err))
		}
		if err != nil && !errors.Is(err, ErrLong) {
			return c.yield(Entry{}, err) && false
		}
		if err == nil && narrow && c.filter.passes(r.line) {
			continue
		}
		var e Entry
		if err == nil {
			err = parse(r.line, &e)
		}
		if err != nil {
			if !c.yield(Entry{}, c.lineError(err)) {
				return false
			}
			continue
		}
		if c.line == 0 && e.Seq >= c.first {
			c.line = int(e.Seq-c.first) + 1 // as it is in a whole journal
		}
		if !c.filter.Match(&e.Event) {
			continue
		}
		e.Segment, e.Line = segmentName(c.first), c.line
		if !c.yield(e, nil) {
			return false
		}
	}
}

func (c *cursor) lineError(err error) error {
	return &LineError{Segment: segmentName(c.first), Line: c.line, Err: err}
}

func (c *cursor) close() {
	if c.f != nil {
		_ = c.f.Close() // it was only read
		c.f = nil
	}
}
