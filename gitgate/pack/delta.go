package pack

import "math/bits"

// errDelta is for a delta that does not fit its base or itself.
var errDelta = corrupt("a delta is none")

// number reads a size at the beginning of b.
func number(b []byte) (n int64, rest []byte, ok bool) {
	for i := 0; i < len(b) && i < 9; i++ {
		n |= int64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// deltaSizes reads the sizes that a delta begins with: that of its base, and that
// of what it makes.
func deltaSizes(delta []byte) (base, result int64, ops []byte, err error) {
	base, rest, ok := number(delta)
	if ok {
		result, rest, ok = number(rest)
	}
	if !ok {
		return 0, 0, nil, errDelta
	}
	return base, result, rest, nil
}

// applyDelta makes dst, all of it, of a base by the instructions of a delta.
func applyDelta(dst, base, ops []byte) error {
	at := 0
	for len(ops) > 0 {
		op := ops[0]
		ops = ops[1:]
		if op&0x80 == 0 {
			n := int(op)
			if n == 0 || n > len(ops) || n > len(dst)-at {
				return errDelta
			}
			copy(dst[at:], ops[:n])
			at, ops = at+n, ops[n:]
			continue
		}
		from, n, rest, ok := copyRange(op, ops)
		if !ok || from > len(base) || n > len(base)-from || n > len(dst)-at {
			return errDelta
		}
		copy(dst[at:], base[from:from+n])
		at, ops = at+n, rest
	}
	if at != len(dst) {
		return errDelta
	}
	return nil
}

// copyRange reads what a copy instruction names: four bytes of an offset and
// three of a length, of which those that are zero are left out.
func copyRange(op byte, ops []byte) (from, n int, rest []byte, ok bool) {
	if bits.OnesCount8(op&0x7f) > len(ops) {
		return 0, 0, nil, false
	}
	from, rest = sparse(op&0x0f, ops)
	n, rest = sparse(op>>4&7, rest)
	if n == 0 {
		n = 0x10000
	}
	return from, n, rest, true
}

// sparse reads the bytes of a number that a mask says are there, the lowest first.
func sparse(mask byte, b []byte) (n int, rest []byte) {
	for shift := uint(0); mask != 0; mask, shift = mask>>1, shift+8 {
		if mask&1 != 0 {
			n |= int(b[0]) << shift
			b = b[1:]
		}
	}
	return n, b
}
