package journal

import (
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Filter says which events a reader wants. The zero value wants all.
type Filter struct {
	Denied bool      // only denials: decisions, and ends of what was stopped later
	Since  time.Time // only events of this time and later
	Host   string    // only events of this host, or with "*.example.com" of hosts below it
	// Verdict, Rule and ID, when set, are those of an event. A rule that ends in *
	// stands for all that begin so. The end of what went on has neither verdict nor
	// rule.
	Verdict  proxy.Action
	Rule, ID string
}

// Match reports whether the filter wants an event.
func (f *Filter) Match(e *proxy.Event) bool {
	switch {
	case f.Denied && e.Verdict != proxy.Deny:
		return false
	case e.Time.Before(f.Since):
		return false
	case f.Verdict != "" && e.Verdict != f.Verdict, f.ID != "" && e.ID != f.ID, f.Rule != "" && !matchRule(f.Rule, e.Rule):
		return false
	case f.Host == "":
		return true
	}
	host := strings.ToLower(e.Host)
	want := strings.ToLower(f.Host)
	if below, wild := strings.CutPrefix(want, "*"); wild {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	return host == want
}

func matchRule(want, rule string) bool {
	if begin, more := strings.CutSuffix(want, "*"); more {
		return strings.HasPrefix(rule, begin)
	}
	return rule == want
}

// Read returns the entries of a journal that the filter wants, in the order in
// which they were written, in bounded memory. It needs no lock: a line that is
// being written is not there yet.
//
// With a line that cannot be read comes a *LineError, and the reading goes on
// behind it. After any other error there is nothing more.
func Read(dir string, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := cursor{dir: dir, filter: f, yield: yield}
		defer c.close()
		c.drain()
	}
}

// cursor is a place in a journal up to which it was read.
type cursor struct {
	dir    string
	filter Filter
	yield  func(Entry, error) bool

	first  uint64 // of the segment; 0 before the first one
	f      *os.File
	offset int64
	line   int
}

// drain reads what is there. It reports whether there can be more: not after an
// error, or when the consumer has enough.
func (c *cursor) drain() bool {
	for {
		// What the list says about later segments must be known before the end
		// of this one is: a segment that has a successor grows no more.
		next, more, err := c.successor()
		if err != nil {
			return c.yield(Entry{}, err) && false
		}
		if c.f != nil && !c.lines(more) {
			return false
		}
		if !more {
			return true
		}
		c.close()
		if c.f, err = os.Open(segmentPath(c.dir, next)); err != nil {
			return c.yield(Entry{}, err) && false
		}
		c.first, c.offset, c.line = next, 0, 0
	}
}

// skipTo goes to the first line that begins in the last bytes of the journal, so many
// as size says.
func (c *cursor) skipTo(size int64) error {
	list, err := segments(c.dir)
	if err != nil {
		return err
	}
	for _, first := range slices.Backward(list) {
		info, err := os.Stat(segmentPath(c.dir, first))
		if err != nil {
			return err
		}
		if size >= info.Size() {
			size -= info.Size()
			continue
		}
		if c.f, err = os.Open(segmentPath(c.dir, first)); err != nil {
			return err
		}
		c.first = first
		return c.skip(info.Size() - size)
	}
	return nil
}

// skip passes over the lines that begin before an offset.
func (c *cursor) skip(offset int64) error {
	r := newLineReader(c.f, 0, false)
	for c.offset < offset {
		err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) {
			return nil
		}
		if err != nil && !errors.Is(err, ErrLong) {
			return err
		}
		c.offset = r.offset
		c.line++
	}
	return nil
}

func (c *cursor) successor() (first uint64, ok bool, err error) {
	list, err := segments(c.dir)
	for _, first := range list {
		if first > c.first {
			return first, true, err
		}
	}
	return 0, false, err
}

// lines yields the lines of a segment from the cursor on. It reports whether to go
// on.
func (c *cursor) lines(full bool) bool {
	r := newLineReader(c.f, c.offset, false)
	for {
		err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrTorn) && !full {
			return true
		}
		c.offset = r.offset
		c.line++
		if errors.Is(err, ErrTorn) {
			return c.yield(Entry{}, c.lineError(err))
		}
		if err != nil && !errors.Is(err, ErrLong) {
			return c.yield(Entry{}, err) && false
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
