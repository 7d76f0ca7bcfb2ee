package pack

import (
	"bufio"
	"bytes"
	"os"
)

// streamFrom is the size from which on an object is shown in pieces and is never in
// memory whole. What deltas stand on is written to a file then, out of which they take
// what they repeat.
const streamFrom = 4 << 20

// held is an object that is at hand: in memory, or, if it is large, in a file.
type held struct {
	data []byte
	file *scratch
}

func (h held) size() int64 {
	if h.file != nil {
		return h.file.size
	}
	return int64(len(h.data))
}

// scratch is a file without a name for the content of a large object.
type scratch struct {
	file *os.File
	n    int32 // the object's number; none while it is written
	size int64
	used int64 // when, by a counter
}

// maxScratch is how many there are, one more than a delta and its base need: that of
// many deltas remains while some of them have deltas of their own.
const (
	maxScratch = 3
	none       = -1
)

// inFile returns a large object that lies in a file, or nil.
func (p *Pack) inFile(n int32) *scratch {
	for _, s := range p.large {
		if s.n == n {
			p.uses++
			s.used = p.uses
			return s
		}
	}
	return nil
}

// keepLarge has an object written to a file, by run, which is given what takes the
// pieces. The file of the base stays.
func (p *Pack) keepLarge(n int32, base *scratch, run func(emit func([]byte) error) error) (*scratch, error) {
	s, err := p.emptyScratch(base)
	if err != nil {
		return nil, err
	}
	err = run(func(piece []byte) error {
		at := s.size
		s.size += int64(len(piece))
		_, err := s.file.WriteAt(piece, at)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.n = n
	return s, nil
}

// emptyScratch is a new file or the one that was not used for longest, and is not the
// base.
func (p *Pack) emptyScratch(base *scratch) (oldest *scratch, err error) {
	p.uses++
	if len(p.large) < maxScratch {
		file, err := spool(p.dir)
		if err != nil {
			return nil, err
		}
		oldest = &scratch{file: file}
		p.large = append(p.large, oldest)
	} else {
		for _, s := range p.large {
			if s != base && (oldest == nil || s.used < oldest.used) {
				oldest = s
			}
		}
	}
	oldest.n, oldest.size, oldest.used = none, 0, p.uses
	return oldest, oldest.file.Truncate(0)
}

// dropLarge gives the disk back.
func (p *Pack) dropLarge() {
	for _, s := range p.large {
		_ = s.file.Close() // it has no name, and is made again where it is needed
	}
	p.large = nil
}

// unpack decompresses a whole entry at the beginning of r in pieces, which emit may
// keep.
func (p *Pack) unpack(r *bufio.Reader, size int64, emit func([]byte) error) error {
	if err := p.inflate.start(r); err != nil {
		return err
	}
	for left := size; left > 0; {
		piece := make([]byte, min(left, windowBytes))
		left -= int64(len(piece))
		if err := p.budget.spend(int64(len(piece))); err != nil {
			return err
		}
		if err := p.inflate.fill(piece); err != nil {
			return err
		}
		if err := emit(piece); err != nil {
			return err
		}
	}
	return p.inflate.finish()
}

// isLarge reports whether an object is never in memory.
func (p *Pack) isLarge(size int64) bool { return size >= p.streamFrom }

// made is the object of a delta: whole, or to be made by run if it is large.
type made struct {
	whole []byte
	size  int64
	run   func(emit func([]byte) error) error
}

// build reads the delta of a number from the file, and makes its object if that is
// small.
func (p *Pack) build(n int32, base held) (m made, err error) {
	h, err := p.at(n)
	if err != nil {
		return m, err
	}
	if p.isLarge(h.size) {
		return p.buildLong(h, base)
	}
	if err := p.fillDelta(h, p.inflate.window); err != nil {
		return m, err
	}
	_, after, _, err := deltaSizes(p.delta)
	if err != nil {
		return m, err
	}
	if base.file == nil && !p.isLarge(after) {
		m.whole, err = p.apply(base.data, p.delta)
		return m, err
	}
	w, err := p.weave(bytes.NewReader(p.delta), base)
	if err != nil {
		return m, err
	}
	return p.collect(w)
}

// buildLong makes the object of a delta that is large itself.
func (p *Pack) buildLong(h header, base held) (m made, err error) {
	if err := p.inflate.start(p.inflate.window); err != nil {
		return m, err
	}
	w, err := p.weave(&longDelta{p: p, left: h.size}, base)
	if err != nil {
		return m, err
	}
	return p.collect(w)
}

// collect runs a weaver if its object is small.
func (p *Pack) collect(w *weaver) (m made, err error) {
	if m.size = w.left; p.isLarge(m.size) {
		m.run = w.run
		return m, nil
	}
	m.whole = make([]byte, 0, m.size)
	err = w.run(func(piece []byte) error {
		m.whole = append(m.whole, piece...)
		return nil
	})
	return m, err
}
