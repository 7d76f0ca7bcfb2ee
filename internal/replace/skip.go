package replace

import (
	"encoding/binary"
	"math/bits"
)

const (
	// block is how many bytes the skipper looks at at a time.
	block = 4
	// maxWindow bounds the beginning of a text that the skipper knows, and so
	// the bytes at the end of a piece that it cannot judge.
	maxWindow = 32
	// maxHashBits bounds its table to 64 KiB, which stays in a core's cache.
	maxHashBits = 16
)

// skipper finds the places where one of many texts may begin without reading
// every byte (Wu and Manber, "A fast algorithm for multi-pattern searching",
// 1994). It looks at the last block of a window; the block says how far the
// window may move.
type skipper struct {
	window int
	hash   int // bits to shift a hash by
	shift  []uint8
}

// newSkipper returns the zero skipper when a text is too short for it.
func newSkipper(pairs []pair) skipper {
	if len(pairs) == 0 {
		return skipper{}
	}
	s := skipper{window: maxWindow}
	for _, p := range pairs {
		s.window = min(s.window, len(p.from))
	}
	if s.window < block {
		return skipper{}
	}
	blocks := len(pairs) * (s.window - block + 1)
	hashBits := min(max(bits.Len(uint(blocks))+4, 10), maxHashBits)
	s.hash = 32 - hashBits
	s.shift = make([]uint8, 1<<hashBits)
	for i := range s.shift {
		s.shift[i] = uint8(s.window - block + 1)
	}
	for _, p := range pairs {
		for i := 0; i <= s.window-block; i++ {
			at := &s.shift[s.index([]byte(p.from[i:i+block]))]
			*at = min(*at, uint8(s.window-block-i))
		}
	}
	return s
}

func (s *skipper) index(b []byte) uint32 {
	const golden = 0x9e3779b1 // 2^32 divided by the golden ratio
	return binary.LittleEndian.Uint32(b) * golden >> s.hash
}

// candidate returns the first place at or behind i where a text may begin. The
// last bytes of p are judged by their first byte alone.
func (t *Table) candidate(p []byte, i int) int {
	if s := &t.skip; s.shift != nil {
		for i <= len(p)-s.window {
			shift := s.shift[s.index(p[i+s.window-block:])]
			if shift == 0 {
				if t.first[p[i]] != root {
					return i
				}
				shift = 1
			}
			i += int(shift)
		}
	}
	for i < len(p) && t.first[p[i]] == root {
		i++
	}
	return i
}
