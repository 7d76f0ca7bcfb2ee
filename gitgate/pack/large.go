package pack

import (
	"bufio"
	"bytes"
	"errors"
	"io"
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

// weaver makes an object of a delta in pieces, where the object, its base or the delta
// is large.
type weaver struct {
	budget *budget
	base   held
	ops    *bufio.Reader // the delta behind its sizes
	left   int64         // what is not made yet
	window []byte        // of the base
	at     int64         // where window is in it
}

// aheadBytes is how much of a base is read at once for instructions that take less:
// most take what lies behind what the one before took.
const aheadBytes = 16 << 10

// weave begins a delta whose instructions come from r.
func (p *Pack) weave(r io.Reader, base held) (*weaver, error) {
	if p.weaver == nil {
		p.weaver = &weaver{budget: &p.budget, ops: bufio.NewReaderSize(nil, windowBytes)}
	}
	w := p.weaver
	w.base, w.window = base, w.window[:0]
	w.ops.Reset(r)
	head, cause := w.ops.Peek(maxSizes) // there may be less
	before, after, rest, err := deltaSizes(head)
	if err != nil {
		return nil, deltaError(cause, err)
	}
	if before != base.size() {
		return nil, errDelta
	}
	if err := p.budget.fits(after); err != nil {
		return nil, err
	}
	w.left = after
	_, err = w.ops.Discard(len(head) - len(rest))
	return w, err
}

// maxSizes is what the sizes that a delta begins with may take.
const maxSizes = 18

// run makes the object. emit may keep the pieces.
func (w *weaver) run(emit func([]byte) error) error {
	piece := make([]byte, 0, min(w.left, windowBytes))
	for {
		op, err := w.ops.ReadByte()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		from, n, err := w.operands(op)
		if err != nil {
			return err
		}
		for w.left -= int64(n); n > 0; {
			k := min(n, cap(piece)-len(piece))
			part := piece[len(piece) : len(piece)+k]
			if err := w.fill(part, op, from); err != nil {
				return err
			}
			piece, from, n = piece[:len(piece)+k], from+int64(k), n-k
			if len(piece) < cap(piece) {
				continue
			}
			if err := w.emit(piece, emit); err != nil {
				return err
			}
			piece = make([]byte, 0, min(w.left+int64(n), windowBytes))
		}
	}
	if w.left != 0 {
		return errDelta
	}
	return nil
}

func (w *weaver) emit(piece []byte, emit func([]byte) error) error {
	if len(piece) == 0 {
		return nil
	}
	if err := w.budget.spend(int64(len(piece))); err != nil {
		return err
	}
	return emit(piece)
}

// operands reads what stands behind an instruction, and checks it.
func (w *weaver) operands(op byte) (from int64, n int, err error) {
	if op&0x80 == 0 {
		if n = int(op); n == 0 || int64(n) > w.left {
			return 0, 0, errDelta
		}
		return 0, n, nil
	}
	args, cause := w.ops.Peek(7) // there may be less
	at, n, rest, ok := copyRange(op, args)
	size := w.base.size()
	if !ok {
		return 0, 0, deltaError(cause, errDelta)
	}
	if int64(at) > size || int64(n) > size-int64(at) || int64(n) > w.left {
		return 0, 0, errDelta
	}
	_, err = w.ops.Discard(len(args) - len(rest))
	return int64(at), n, err
}

// fill reads what an instruction gives.
func (w *weaver) fill(dst []byte, op byte, from int64) error {
	if op&0x80 == 0 {
		_, err := io.ReadFull(w.ops, dst)
		return deltaError(err, errDelta)
	}
	if w.base.file == nil {
		copy(dst, w.base.data[from:])
		return nil
	}
	return w.ofFile(dst, from)
}

func (w *weaver) ofFile(dst []byte, from int64) error {
	if from >= w.at && from+int64(len(dst)) <= w.at+int64(len(w.window)) {
		copy(dst, w.window[from-w.at:])
		return nil
	}
	if err := w.budget.spend(0); err != nil { // a call is some work
		return err
	}
	if len(dst) >= aheadBytes {
		_, err := w.base.file.file.ReadAt(dst, from)
		return err
	}
	w.window = grow(w.window[:0], int(min(aheadBytes, w.base.size()-from)))
	w.at = from
	_, err := w.base.file.file.ReadAt(w.window, from)
	copy(dst, w.window)
	return err
}

// deltaError is one of reading a delta, or atEnd where that has ended.
func deltaError(err, atEnd error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return atEnd
	}
	return err
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

// longDelta reads a delta that is decompressed meanwhile.
type longDelta struct {
	p    *Pack
	left int64
}

func (d *longDelta) Read(b []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	n, err := d.p.inflate.z.Read(b[:min(int64(len(b)), d.left)])
	d.left -= int64(n)
	switch {
	case n > 0: // an error comes again
		return n, d.p.budget.spend(int64(n))
	case errors.Is(err, io.EOF):
		return 0, errDelta
	}
	return 0, unzip(err)
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
