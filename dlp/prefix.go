package dlp

// prefixes finds the forms whose prefix may start with two given bytes. It is
// immutable.
type prefixes struct {
	// first is an index of lists by the two bytes, which are ASCII; list 0 is
	// empty.
	first [1 << 14]uint16
	lists [][]prefixed
	// single are the bytes that a prefix starts with.
	single class
	// starts has a bit for the hash of the first three bytes of each prefix, ends
	// for those of prefixes that are looked for backwards.
	starts, ends [1 << (startBits - 3)]byte
}

// startBits is the logarithm of the bits of starts: few of the beginnings of words
// have one by chance.
const startBits = 15

// startHash maps three bytes by multiplication (Knuth, TAOCP 6.4).
func startHash(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9E3779B1 >> (32 - startBits)
}

// startBit is a bit that is set if a prefix may start with the first three bytes of b.
func (p *prefixes) startBit(b []byte) uint8 {
	h := startHash(b[0], b[1], b[2])
	return p.starts[h>>3] >> (h & 7) & 1
}

// endBit is a bit that is set if the first three bytes of b may be the start of a
// prefix that is looked for backwards.
func (p *prefixes) endBit(b []byte) uint8 {
	h := startHash(b[2], b[1], b[0])
	return p.ends[h>>3] >> (h & 7) & 1
}

// note sets the bits of a prefix.
func (p *prefixes) note(text string) {
	third := []byte{0}
	if len(text) > 2 {
		third[0] = text[2]
	} else {
		third = third[:0]
		for c := range 256 {
			third = append(third, byte(c))
		}
	}
	for _, c := range third {
		h := startHash(text[0], text[1], c)
		p.starts[h>>3] |= 1 << (h & 7)
		if isReversible(text) {
			p.ends[h>>3] |= 1 << (h & 7)
		}
	}
}

// prefixed is a literal with the third byte of its prefix, or 0.
type prefixed struct {
	literal int32
	third   byte
}

// newPrefixes makes an index of the literals that start in or before a run.
func newPrefixes(literals []literal) *prefixes {
	p := &prefixes{lists: [][]prefixed{nil}}
	for i := range literals {
		if l := &literals[i]; l.trigger == byRun {
			p.single[l.text[0]] = true
			p.note(l.text)
			k := pairKey(l.text[0], l.text[1])
			if p.first[k] == 0 {
				p.first[k] = uint16(len(p.lists))
				p.lists = append(p.lists, nil)
			}
			e := prefixed{literal: int32(i)}
			if len(l.text) > 2 {
				e.third = l.text[2]
			}
			p.lists[p.first[k]] = append(p.lists[p.first[k]], e)
		}
	}
	return p
}

func pairKey(a, b byte) int { return int(a&0x7f)<<7 | int(b&0x7f) }

// at returns the literals that may start with a and b.
func (p *prefixes) at(a, b byte) []prefixed { return p.lists[p.first[pairKey(a, b)]] }
