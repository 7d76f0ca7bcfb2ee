package dlp

// deflateStarts reports whether b may be the beginning of a deflate stream (RFC
// 1951): whether the header of its first block, and as much of a block with
// fixed codes as is there, can be read.
func deflateStarts(b []byte) bool {
	r := bitReader{b: b}
	r.bits(1)
	switch r.bits(2) {
	case 0:
		return storedStarts(b)
	case 1:
		return fixedStarts(&r)
	case 2:
		return dynamicStarts(&r)
	}
	return r.short
}

// storedStarts compares a length with its complement.
func storedStarts(b []byte) bool {
	return len(b) < 5 || b[1] == ^b[3] && b[2] == ^b[4]
}

// dynamicStarts looks at the counts and at whether the code of the code lengths
// is complete (section 3.2.7).
func dynamicStarts(r *bitReader) bool {
	literals, distances, lengths := r.bits(5), r.bits(5), r.bits(4)+4
	if !r.short && (literals > 29 || distances > 29) {
		return false
	}
	space := 0
	for range lengths {
		if n := r.bits(3); n > 0 {
			space += 1 << (7 - n)
		}
	}
	return r.short || space == 1<<7
}

// fixedStarts reads symbols (section 3.2.6) and refuses those that do not exist
// and distances to before the start.
func fixedStarts(r *bitReader) bool {
	for out := 0; ; {
		s := r.fixed()
		switch {
		case r.short || s == 256:
			return true
		case s < 256:
			out++
			continue
		case s > 285:
			return false
		}
		out += lengthOf(r, s)
		d := int(reverse5[r.bits(5)])
		if d > 29 {
			return false
		}
		distance := d + 1
		if d >= 4 {
			extra := d/2 - 1
			distance = (2+d&1)<<extra + r.bits(extra) + 1
		}
		if r.short {
			return true
		}
		if distance > out {
			return false
		}
	}
}

// lengthOf returns the length that a symbol from 257 on stands for.
func lengthOf(r *bitReader, s int) int {
	s -= 257
	switch {
	case s < 8:
		return 3 + s
	case s == 28:
		return 258
	}
	extra := s/4 - 1
	return (4+s&3)<<extra + r.bits(extra) + 3
}

// bitReader reads bits, the lowest of a byte first. Behind the end, it is short
// and reads zeros.
type bitReader struct {
	b     []byte
	at    int
	short bool
}

func (r *bitReader) bits(n int) int {
	v := 0
	for i := range n {
		if r.at>>3 >= len(r.b) {
			r.short = true
			return 0
		}
		v |= int(r.b[r.at>>3]>>(r.at&7)&1) << i
		r.at++
	}
	return v
}

// code reads n bits of a code, the highest first.
func (r *bitReader) code(n int) int {
	v := 0
	for range n {
		v = v<<1 | r.bits(1)
	}
	return v
}

// fixed reads a symbol of the fixed code.
func (r *bitReader) fixed() int {
	v := r.code(7)
	if v < 24 { // 0000000 to 0010111
		return 256 + v
	}
	v = v<<1 | r.code(1)
	switch {
	case v < 192: // 00110000 to 10111111
		return v - 48
	case v < 200: // 11000000 to 11000111
		return 280 + v - 192
	}
	return 144 + (v<<1 | r.code(1)) - 400
}

// reverse5 turns five bits around.
var reverse5 = [32]byte{
	0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30,
	1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31,
}
