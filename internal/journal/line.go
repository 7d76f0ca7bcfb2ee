package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

func sumOf(line []byte) Sum { return sha256.Sum256(line) }

// Errors of a line, wrapped in a *LineError.
var (
	// ErrLong is that of a line of more than MaxLine bytes.
	ErrLong = fmt.Errorf("the line is longer than %d bytes", MaxLine)

	// ErrTorn is that of a line without an end, which only the last segment may
	// have, and only while it is written or after a crash.
	ErrTorn = errors.New("the line has no end")
)

// LineError says which line of a journal cannot be read.
type LineError struct {
	Segment string
	Line    int // 0 where it is not known, since the reading began in the middle
	Err     error
}

// Error names the line.
func (e *LineError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Segment, e.Err)
	}
	return fmt.Sprintf("%s, line %d: %v", e.Segment, e.Line, e.Err)
}

// Unwrap returns what is wrong with it.
func (e *LineError) Unwrap() error { return e.Err }

const readBuffer = 64 << 10

// lineReader reads lines in bounded memory. A line that is too long is counted
// and hashed, and not kept.
type lineReader struct {
	r      *bufio.Reader
	hash   hash.Hash // nil when sums are not wanted
	offset int64     // of the end of the last whole line
	line   []byte    // without its line feed
	sum    Sum
}

func newLineReader(r io.ReaderAt, offset int64, sums bool) *lineReader {
	const end = 1<<63 - 1
	l := &lineReader{r: bufio.NewReaderSize(io.NewSectionReader(r, offset, end-offset), readBuffer), offset: offset}
	if sums {
		l.hash = sha256.New()
	}
	return l
}

// next reads a line. Its error is io.EOF at the end, ErrTorn for what is there
// without a line feed, ErrLong, or what reading failed with.
func (l *lineReader) next() error {
	l.line = l.line[:0]
	if l.hash != nil {
		l.hash.Reset()
	}
	var size int64
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		size += int64(len(part))
		text := bytes.TrimSuffix(part, []byte{'\n'})
		if l.hash != nil {
			_, _ = l.hash.Write(text) // never fails
		}
		if long = long || len(l.line)+len(text) > MaxLine; !long {
			l.line = append(l.line, text...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && size > 0:
			return ErrTorn
		case err != nil:
			return err
		}
		break
	}
	l.offset += size
	if l.hash != nil {
		l.hash.Sum(l.sum[:0])
	}
	if long {
		l.line = l.line[:0]
		return ErrLong
	}
	return nil
}

// parse reads a line's text.
func parse(line []byte, e *Entry) error {
	if err := json.Unmarshal(line, e); err != nil {
		return fmt.Errorf("not a line of a journal: %w", err)
	}
	if e.Seq == 0 || e.Seq >= maxSeq || e.Type == "" {
		return errors.New("not a line of a journal: it has no number or no type")
	}
	return nil
}
