package pack

import (
	"bufio"
	"errors"
	"io"
)

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
