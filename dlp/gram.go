package dlp

import "encoding/binary"

const (
	gramBytes = 4
	// stride is the distance of the positions that are looked at. A literal has
	// grams at two neighbouring offsets, so one is met.
	stride = 2
	// maxGramOffset is how far into a literal its first gram may start.
	maxGramOffset = 5
	// maxReach bounds how many bytes of a literal must be there so that one of
	// its grams has been met.
	maxReach = maxGramOffset + 1 + gramBytes

	bitmapBits = 20
)

// filter finds where a literal may start. It is immutable.
type filter struct {
	bitmap [1 << (bitmapBits - 3)]byte
	// slots is an open-addressing table; a slot's places are
	// places[first:first+count], and a slot without places is free.
	slots  []slot
	places []place
	// starts are the literals by their first byte.
	starts [256][]int32
}

type slot struct {
	gram         uint32
	first, count uint32
}

// place says that a gram stands at an offset in a literal, -1 for the byte
// before it.
type place struct {
	literal int32
	offset  int32
}

func newFilter(literals []literal) *filter {
	grams := map[uint32][]place{}
	for i := range literals {
		literals[i].eachGram(func(gram []byte, offset int) {
			g := binary.LittleEndian.Uint32(gram)
			grams[g] = append(grams[g], place{int32(i), int32(offset)})
		})
	}
	size := 16
	for size < 2*len(grams) {
		size *= 2
	}
	f := &filter{slots: make([]slot, size)}
	for g, places := range grams {
		h := hash(g)
		f.bitmap[h>>3] |= 1 << (h & 7)
		i := int(h) & (size - 1)
		for f.slots[i].count > 0 {
			i = (i + 1) & (size - 1)
		}
		f.slots[i] = slot{g, uint32(len(f.places)), uint32(len(places))}
		f.places = append(f.places, places...)
	}
	for i := range literals {
		c := literals[i].text[0]
		f.starts[c] = append(f.starts[c], int32(i))
	}
	return f
}

// place decides where the grams of a literal are. A prefix of less than four
// bytes has them one byte before its start and at its start, so that fewer
// bytes have to be guessed than behind it.
func (l *literal) place() {
	switch n := len(l.text); {
	case n > gramBytes:
		l.gram = rarest([]byte(l.text))
	case n < gramBytes:
		l.gram = -1
	}
	l.reach = l.gram + 1 + gramBytes
}

// eachGram calls add for the grams of a literal at its two offsets. Bytes that
// it does not have itself are those that may stand before it or in its body.
func (l *literal) eachGram(add func(gram []byte, offset int)) {
	for _, o := range [...]int{l.gram, l.gram + 1} {
		if o >= 0 {
			l.widen([]byte(l.text[o:min(o+gramBytes, len(l.text))]), func(gram []byte) { add(gram, o) })
			continue
		}
		for c := range 256 {
			if mayPrecede(byte(c), l.body) {
				l.widen(append([]byte{byte(c)}, l.text...), func(gram []byte) { add(gram, o) })
			}
		}
	}
}

// widen calls add with what the beginning of a gram may become.
func (l *literal) widen(gram []byte, add func(gram []byte)) {
	if len(gram) == gramBytes {
		add(gram)
		return
	}
	for c := range 256 {
		if l.body[c] {
			l.widen(append(gram[:len(gram):len(gram)], byte(c)), add)
		}
	}
}

// rarest returns the offset of the five bytes that are most varied, which rules
// out lines of dashes.
func rarest(text []byte) int {
	best, at := 0, 0
	for o := 0; o <= maxGramOffset && o+gramBytes < len(text); o++ {
		if n := distinct(text[o : o+gramBytes+1]); n > best {
			best, at = n, o
		}
	}
	return at
}

// hash maps a gram to a bit of the bitmap by multiplication (Knuth, TAOCP 6.4).
func hash(gram uint32) uint32 { return gram * 0x9E3779B1 >> (32 - bitmapBits) }

// next returns the first of the positions i, i+2, … of b whose gram may be that
// of a literal, or the first that has less than four bytes.
func (f *filter) next(b []byte, i int) int {
	const shift = 32 - bitmapBits
	m := &f.bitmap
	for ; i+10 <= len(b); i += 8 {
		w := b[i : i+10 : i+10]
		v := binary.LittleEndian.Uint64(w)
		h0 := uint32(v) * 0x9E3779B1
		h1 := uint32(v>>16) * 0x9E3779B1
		h2 := uint32(v>>32) * 0x9E3779B1
		h3 := binary.LittleEndian.Uint32(w[6:]) * 0x9E3779B1
		b0 := m[h0>>(shift+3)] >> (h0 >> shift & 7)
		b1 := m[h1>>(shift+3)] >> (h1 >> shift & 7)
		b2 := m[h2>>(shift+3)] >> (h2 >> shift & 7)
		b3 := m[h3>>(shift+3)] >> (h3 >> shift & 7)
		if (b0|b1|b2|b3)&1 == 0 {
			continue
		}
		switch {
		case b0&1 != 0:
			return i
		case b1&1 != 0:
			return i + 2
		case b2&1 != 0:
			return i + 4
		}
		return i + 6
	}
	for ; i+gramBytes <= len(b); i += stride {
		if h := hash(binary.LittleEndian.Uint32(b[i:])); m[h>>3]>>(h&7)&1 != 0 {
			return i
		}
	}
	return i
}

// lookup returns where the gram at the start of b stands in literals.
func (f *filter) lookup(b []byte) []place {
	g := binary.LittleEndian.Uint32(b)
	mask := len(f.slots) - 1
	for i := int(hash(g)) & mask; f.slots[i].count > 0; i = (i + 1) & mask {
		if s := f.slots[i]; s.gram == g {
			return f.places[s.first : s.first+s.count]
		}
	}
	return nil
}
