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
	base, err := rc.content(rc.entries[n].base)
	if err != nil {
		return err
	}
	if err := rc.readDelta(n); err != nil {
		return err
	}
	return rc.resolve(n, base)
}

// readDelta reads a delta in the file.
func (p *Pack) readDelta(n int32) error {
	h, err := p.at(n)
	if err != nil {
		return err
	}
	return p.fillDelta(h, p.inflate.window)
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

// content returns an object that was resolved before: from the cache, or made again
// from the nearest object below that is there.
func (p *Pack) content(n int32) ([]byte, error) {
	p.chain = p.chain[:0]
	at := p.cache.get(n)
	for ; at == nil && p.entries[n].base != noBase; at = p.cache.get(n) {
		p.chain = append(p.chain, n)
		n = p.entries[n].base
	}
	if at == nil {
		b, err := p.readWhole(n)
		if err != nil {
			return nil, err
		}
		at = p.cache.keep(n, b)
	}
	for _, n := range slices.Backward(p.chain) {
		if err := p.readDelta(n); err != nil {
			return nil, err
		}
		b, err := p.apply(at.data, p.delta)
		if err != nil {
			return nil, err
		}
		at = p.cache.keep(n, b)
	}
	return at.data, nil
}

// readWhole reads an object in the file that is no delta.
func (p *Pack) readWhole(n int32) ([]byte, error) {
	h, err := p.at(n)
	if err != nil {
		return nil, err
	}
	if err := p.budget.spend(h.size); err != nil {
		return nil, err
	}
	b := make([]byte, h.size)
	return b, p.inflate.into(b, p.inflate.window)
}
