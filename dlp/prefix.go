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
