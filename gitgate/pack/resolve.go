package pack

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
)

// resolveRest makes the objects whose deltas arrived when their base was not at
// hand: deltas of one base follow each other, and what stands on an object follows
// it while it is in the cache.
func (rc *receiver) resolveRest() error {
	if rc.resolved == len(rc.entries) {
		return nil
	}
	for _, base := range slices.Sorted(maps.Keys(rc.waiting)) {
		if rc.entries[base].kind != 0 {
			if err := rc.resolveOn(base); err != nil {
				return err
			}
		}
	}
	for base := range int32(len(rc.entries)) {
		if len(rc.wanted) > 0 && rc.entries[base].kind != 0 {
			if err := rc.resolveOn(base); err != nil {
				return err
			}
		}
	}
	if left := len(rc.entries) - rc.resolved; left > 0 {
		return fmt.Errorf("%w: %d of %d objects cannot be made", ErrThin, left, len(rc.entries))
	}
	return nil
}

// resolveOn resolves all deltas that wait for an object, and those that wait for
// them.
func (rc *receiver) resolveOn(base int32) error {
	for stack := rc.standOn(nil, base); len(stack) > 0; {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if err := rc.resolveAt(n); err != nil {
			return err
		}
		stack = rc.standOn(stack, n)
	}
	return nil
}

// standOn appends the deltas that waited for an object.
func (rc *receiver) standOn(stack []int32, base int32) []int32 {
	stack = append(stack, rc.waiting[base]...)
	delete(rc.waiting, base)
	if len(rc.wanted) == 0 {
		return stack
	}
	id := rc.ID(int(base))
	for _, n := range rc.wanted[id] {
		rc.entries[n].base = base
		stack = append(stack, n)
	}
	delete(rc.wanted, id)
	return stack
}

// resolveAt resolves a delta that lies in the file.
func (rc *receiver) resolveAt(n int32) error {
	if err := rc.deepen(n); err != nil {
		return err
	}
	e := &rc.entries[n]
	base, err := rc.ready(e.base)
	if err != nil {
		return err
	}
	m, err := rc.build(n, base)
	if err != nil {
		return err
	}
	if m.run == nil {
		return rc.showMade(n, m.whole)
	}
	e.kind, e.size = rc.entries[e.base].kind, m.size
	if len(rc.waiting[n]) == 0 && len(rc.wanted) == 0 {
		return rc.inPieces(n, m.run)
	}
	return rc.inPieces(n, func(emit func([]byte) error) error {
		_, err := rc.keepLarge(n, base.file, func(keep func([]byte) error) error {
			return m.run(func(piece []byte) error {
				if err := keep(piece); err != nil {
					return err
				}
				return emit(piece)
			})
		})
		return err
	})
}

// fillDelta decompresses the delta at the beginning of r.
func (p *Pack) fillDelta(h header, r *bufio.Reader) (err error) {
	if err := p.budget.spend(h.size); err != nil {
		return err
	}
	if cap(p.delta) > windowBytes && h.size <= windowBytes {
		p.delta = nil // that of a large object
	}
	p.delta, err = p.inflate.all(p.delta, h.size, r)
	return err
}

// ready returns an object that was resolved before: one that is at hand, or made again
// from the nearest object below that is.
func (p *Pack) ready(n int32) (held, error) {
	p.chain = p.chain[:0]
	at, ok := p.atHand(n)
	for !ok && p.entries[n].base != noBase {
		p.chain = append(p.chain, n)
		n = p.entries[n].base
		at, ok = p.atHand(n)
	}
	if !ok {
		var err error
		if at, err = p.readWhole(n); err != nil {
			return at, err
		}
	}
	for _, n := range slices.Backward(p.chain) {
		m, err := p.build(n, at)
		if err != nil {
			return at, err
		}
		if at, err = p.hold(n, at.file, m); err != nil {
			return at, err
		}
	}
	return at, nil
}

func (p *Pack) atHand(n int32) (held, bool) {
	if b := p.cache.get(n); b != nil {
		return held{data: b.data}, true
	}
	s := p.inFile(n)
	return held{file: s}, s != nil
}

// hold keeps an object, where its base is in a file beside that.
func (p *Pack) hold(n int32, base *scratch, m made) (held, error) {
	if m.run == nil {
		return held{data: p.cache.keep(n, m.whole).data}, nil
	}
	s, err := p.keepLarge(n, base, m.run)
	return held{file: s}, err
}

// readWhole reads an object in the file that is no delta.
func (p *Pack) readWhole(n int32) (held, error) {
	m, err := p.whole(n)
	if err != nil {
		return held{}, err
	}
	return p.hold(n, nil, m)
}

func (p *Pack) whole(n int32) (m made, err error) {
	h, err := p.at(n)
	if err != nil {
		return m, err
	}
	if m.size = h.size; p.isLarge(h.size) {
		m.run = func(emit func([]byte) error) error { return p.unpack(p.inflate.window, h.size, emit) }
		return m, nil
	}
	if err := p.budget.spend(h.size); err != nil {
		return m, err
	}
	m.whole = make([]byte, h.size)
	return m, p.inflate.into(m.whole, p.inflate.window)
}

// pieces gives an object to emit, in one or many. A large one is not kept for that.
func (p *Pack) pieces(n int32, emit func([]byte) error) error {
	if !p.isLarge(p.entries[n].size) {
		at, err := p.ready(n)
		if err != nil {
			return err
		}
		return emit(at.data)
	}
	m, err := p.made(n)
	if err != nil {
		return err
	}
	return m.run(emit)
}

// made begins to make a large object.
func (p *Pack) made(n int32) (m made, err error) {
	base := p.entries[n].base
	if base == noBase {
		return p.whole(n)
	}
	at, err := p.ready(base)
	if err != nil {
		return m, err
	}
	return p.build(n, at)
}
