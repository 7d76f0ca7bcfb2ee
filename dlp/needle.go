package dlp

import "encoding/binary"

// Fixed texts, which are the known values in their encodings and a few that are
// part of a format, are found by grams of eight bytes. Every stride-th position
// of the stream is looked up in a bitmap, then in an exact table. A text has
// the grams at its first stride offsets in there, so one of them is met.

const (
	gramBytes = 8
	maxStride = 9
	// minBitmap and maxBitmap bound the bitmap in bits; gramShare is how many bits
	// there are for a gram, so that few positions pass by chance.
	minBitmap = 16
	maxBitmap = 22
	gramShare = 64
)

// needles finds where a literal may start. It is immutable.
type needles struct {
	stride int
	// run is how long a run has a gram of each needle at its start, or 0 if some needle may stand where there is no such run.
	run    int
	shift  uint // of the hash, to an index of the bitmap
	bitmap []byte
	// slots is an open-addressing table; a slot's places are
	// places[first:first+count], and a slot without places is free.
	slots  []slot
	places []place
	// starts are the literals by their first byte, and by the first two where the
	// second is there.
	starts [256][]int32
	pairs  map[[2]byte][]int32
}

type slot struct {
	gram         uint64
	first, count uint32
}

// place says that a gram stands at an offset in a literal, or in the writing of a
// tracked value whose index is the complement.
type place struct {
	literal int32
	offset  int32
}

// newNeedles makes a filter of the literals that are needles. Each has at least
// gramBytes bytes.
func newNeedles(literals []literal, texts []writing) *needles {
	n := &needles{stride: maxStride, pairs: map[[2]byte][]int32{}}
	if len(texts) > 0 {
		n.stride = pieceStride
	}
	for i := range literals {
		if l := &literals[i]; l.trigger == byGram {
			n.stride = min(n.stride, len(l.text)-gramBytes+1)
			n.starts[l.text[0]] = append(n.starts[l.text[0]], int32(i))
			pair := [2]byte{l.text[0], l.text[1]}
			n.pairs[pair] = append(n.pairs[pair], int32(i))
		}
	}
	grams := map[uint64][]place{}
	for i := range literals {
		l := &literals[i]
		for o := 0; l.trigger == byGram && o < n.stride; o++ {
			g := binary.LittleEndian.Uint64([]byte(l.text[o : o+gramBytes]))
			grams[g] = append(grams[g], place{int32(i), int32(o)})
		}
	}
	addPieces(grams, texts)
	n.index(grams)
	n.run = n.runOf(literals, texts)
	return n
}

// runOf returns the run that all needles start with.
func (n *needles) runOf(literals []literal, texts []writing) int {
	least := n.stride + gramBytes - 1
	for i := range literals {
		if l := &literals[i]; l.trigger == byGram && runByte.span([]byte(l.text), 0, len(l.text)) < least {
			return 0
		}
	}
	for i := range texts {
		if runByte.span([]byte(texts[i].text), 0, len(texts[i].text)) < len(texts[i].text) {
			return 0
		}
	}
	return least
}

func (n *needles) index(grams map[uint64][]place) {
	size, bitmap := 16, minBitmap
	for size < 2*len(grams) {
		size *= 2
	}
	for bitmap < maxBitmap && 1<<bitmap < gramShare*len(grams) {
		bitmap++
	}
	n.shift = uint(64 - bitmap)
	n.bitmap = make([]byte, 1<<(bitmap-3))
	n.slots = make([]slot, size)
	for g, places := range grams {
		h := n.hash(g)
		n.bitmap[h>>3] |= 1 << (h & 7)
		i := int(h) & (size - 1)
		for n.slots[i].count > 0 {
			i = (i + 1) & (size - 1)
		}
		n.slots[i] = slot{g, uint32(len(n.places)), uint32(len(places))}
		n.places = append(n.places, places...)
	}
}

const hashFactor = 0x9E3779B97F4A7C15

// hash maps a gram to a bit of the bitmap by multiplication (Knuth, TAOCP 6.4).
func (n *needles) hash(gram uint64) uint64 { return gram * hashFactor >> n.shift }

// next returns the first of the positions i, i+stride, … of b whose gram may be
// that of a literal, or the first that has less than gramBytes bytes.
func (n *needles) next(b []byte, i int) int {
	m, shift, d := n.bitmap, n.shift&63, n.stride
	for ; i+3*d+gramBytes <= len(b); i += 4 * d {
		h0 := binary.LittleEndian.Uint64(b[i:]) * hashFactor >> shift
		h1 := binary.LittleEndian.Uint64(b[i+d:]) * hashFactor >> shift
		h2 := binary.LittleEndian.Uint64(b[i+2*d:]) * hashFactor >> shift
		h3 := binary.LittleEndian.Uint64(b[i+3*d:]) * hashFactor >> shift
		b0 := m[h0>>3] >> (h0 & 7)
		b1 := m[h1>>3] >> (h1 & 7)
		b2 := m[h2>>3] >> (h2 & 7)
		b3 := m[h3>>3] >> (h3 & 7)
		if (b0|b1|b2|b3)&1 == 0 {
			continue
		}
		switch {
		case b0&1 != 0:
			return i
		case b1&1 != 0:
			return i + d
		case b2&1 != 0:
			return i + 2*d
		}
		return i + 3*d
	}
	for ; i+gramBytes <= len(b); i += d {
		if h := binary.LittleEndian.Uint64(b[i:i+gramBytes:i+gramBytes]) * hashFactor >> shift; m[h>>3]>>(h&7)&1 != 0 {
			return i
		}
	}
	return i
}

// has reports whether the gram at the start of b may be that of a literal.
func (n *needles) has(b []byte) bool {
	h := n.hash(binary.LittleEndian.Uint64(b))
	return n.bitmap[h>>3]>>(h&7)&1 != 0
}

// startsAt returns the literals that may start as b does.
func (n *needles) startsAt(b []byte) []int32 {
	if len(b) == 1 || len(n.starts[b[0]]) == 0 {
		return n.starts[b[0]]
	}
	return n.pairs[[2]byte{b[0], b[1]}]
}

// lookup returns where the gram at the start of b stands in literals.
func (n *needles) lookup(b []byte) []place {
	g := binary.LittleEndian.Uint64(b)
	mask := len(n.slots) - 1
	for i := int(n.hash(g)) & mask; n.slots[i].count > 0; i = (i + 1) & mask {
		if s := n.slots[i]; s.gram == g {
			return n.places[s.first : s.first+s.count]
		}
	}
	return nil
}
