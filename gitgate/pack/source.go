package pack

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// source is what arrives: it is written to a file and summed up while it is read.
type source struct {
	*bufio.Reader
	r      io.Reader
	file   *os.File
	budget *budget
	sum    hash.Hash
	tail   []byte // the last bytes, which may be the check sum
	err    error  // of the client or the disk, that the parser may have taken for its own
}

// windowBytes is how much of a pack is read at once.
const windowBytes = 64 << 10

func newSource(r io.Reader, file *os.File, b *budget, sum hash.Hash) *source {
	s := &source{r: r, file: file, budget: b, sum: sum}
	s.Reader = bufio.NewReaderSize(readFunc(s.fill), windowBytes)
	return s
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// offset is where the parser is.
func (s *source) offset() int64 { return s.budget.received - int64(s.Buffered()) }

// fill reads from the client. The time that takes is not that of work.
func (s *source) fill(p []byte) (int, error) {
	s.budget.leave()
	n, err := s.r.Read(p)
	s.budget.enter()
	if counted := s.budget.receive(int64(n)); counted != nil {
		s.err = counted
		return 0, s.err
	}
	if err != nil && err != io.EOF {
		s.err = fmt.Errorf("receive a pack: %w", err)
	}
	if _, wrote := s.file.Write(p[:n]); wrote != nil {
		s.err = fmt.Errorf("keep a pack: %w", wrote)
		return 0, s.err
	}
	s.add(p[:n])
	return n, err
}

// add sums up all but the last bytes.
func (s *source) add(p []byte) {
	out := len(s.tail) + len(p) - s.sum.Size()
	if out <= 0 {
		s.tail = append(s.tail, p...)
		return
	}
	old := min(out, len(s.tail))
	s.sum.Write(s.tail[:old])
	s.sum.Write(p[:out-old])
	s.tail = append(s.tail[:copy(s.tail, s.tail[old:])], p[out-old:]...)
}

// end reads what stands behind the last entry: the sum of all before it, and
// nothing more.
func (s *source) end() error {
	want := make([]byte, s.sum.Size())
	if _, err := io.ReadFull(s, want); err != nil {
		return s.blame(err)
	}
	if _, err := s.ReadByte(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = corrupt("there is something behind its end")
		}
		return s.blame(err)
	}
	if got := s.sum.Sum(nil); string(got) != string(want) || string(s.tail) != string(want) {
		return corrupt("its check sum is another")
	}
	return nil
}

// blame returns the error behind one of the parser.
func (s *source) blame(err error) error {
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return corrupt("it ends too early")
	}
	return err
}
