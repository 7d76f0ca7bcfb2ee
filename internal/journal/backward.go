package journal

import (
	"bytes"
	"errors"
	"slices"
)

// backBlock is how much is read at a time toward the beginning.
const backBlock = 256 << 10

// skipTo goes to the first line that begins in the last bytes of the journal, so many
// as size says.
func (c *cursor) skipTo(size int64) error {
	list, err := segments(c.dir)
	if err != nil {
		return err
	}
	for _, first := range slices.Backward(list) {
		if err := c.enter(first, 0, 0); err != nil {
			return err
		}
		info, err := c.f.Stat()
		if err != nil {
			return err
		}
		if size < info.Size() {
			return c.seek(info.Size() - size)
		}
		size -= info.Size()
	}
	return nil
}

// seek goes to the first line of the segment that begins at an offset or behind it,
// which is not 0. One without an end yet is begun at its beginning.
func (c *cursor) seek(offset int64) error {
	r := newLineReader(c.f, offset-1, false)
	err := r.next() // the rest of a line, which may be no more than its line feed
	switch {
	case errors.Is(err, ErrTorn):
		c.offset = 0
		return c.backward(func(start int64, line []byte) bool {
			c.offset = start + int64(len(line)) + 1
			return false
		})
	case errors.Is(err, ErrLong):
		err = nil
	}
	c.offset = r.offset
	return err
}

// skipToLast goes to the event from which on there are so many that the filter wants, or
// to the beginning when there are fewer. Segments that hold none are passed over.
func (c *cursor) skipToLast(n int) error {
	list, err := segments(c.dir)
	if err != nil {
		return err
	}
	for i, first := range slices.Backward(list) {
		if i < len(list)-1 && !c.holds(first) {
			continue
		}
		if err := c.enter(first, 0, 0); err != nil {
			return err
		}
		err := c.backward(func(start int64, line []byte) bool {
			if c.wants(line) {
				n--
			}
			c.offset = start
			return n > 0
		})
		if err != nil || n == 0 {
			return err
		}
		c.offset = 0
	}
	return nil
}

// wants reports whether the filter wants a line.
func (c *cursor) wants(line []byte) bool {
	if c.filter.passes(line) {
		return false
	}
	var e Entry
	return parse(line, &e) == nil && c.filter.Match(&e.Event)
}

// backward calls fn with the whole lines of the segment, the last one first, until it
// has enough. A line that is too long is passed over.
func (c *cursor) backward(fn func(offset int64, line []byte) bool) error {
	info, err := c.f.Stat()
	if err != nil {
		return err
	}
	var behind []byte // what was read of a line and its line feed, whose beginning is before it
	whole := false    // a line feed was seen: what is before it has an end
	long := false     // more was read of that line than is kept
	for at := info.Size(); at > 0; {
		size := min(backBlock, at)
		at -= size
		data := make([]byte, size, int(size)+len(behind))
		if _, err := c.f.ReadAt(data, at); err != nil {
			return err // the size was there: a segment is cut by its writer only
		}
		data = append(data, behind...)
		if !whole {
			data = data[:bytes.LastIndexByte(data, '\n')+1]
			whole = len(data) > 0
		}
		for len(data) > 0 {
			start := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
			if start == 0 && at > 0 {
				break // its beginning is further on
			}
			if line := data[start : len(data)-1]; !long && len(line) <= MaxLine && !fn(at+int64(start), line) {
				return nil
			}
			data, long = data[:start], false
		}
		if behind = data; len(behind) > MaxLine+1 {
			behind, long = behind[len(behind)-1:], true
		}
	}
	return nil
}
