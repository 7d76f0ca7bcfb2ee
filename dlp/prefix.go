package dlp

import (
	"encoding/binary"
	"math/bits"
)

// prefixes finds the forms whose prefix may start with two given bytes. It is
// immutable.
type prefixes struct {
	// first is an index of lists by the two bytes, which are ASCII; list 0 is
	// empty.
	first [1 << 14]uint16
	lists [][]prefixed
	// single are the bytes that a prefix starts with.
	single class
	// starts tells of text whether one starts with it, ends of text that is read
	// backwards, of those that are looked for so.
	starts, ends beginnings
}

// beginnings tells without a branch whether text may begin with one of a number of
// texts: by the hash of its first three bytes, and by what all texts of that hash have
// in common, up to eight bytes of it.
type beginnings struct {
	slots [1 << slotBits]uint16 // an index of common
	// common has the beginnings of the texts of a slot as a word of eight bytes, the
	// first lowest, and which of its bits count. The first is nothing.
	common []maskedWord
}

type maskedWord struct{ value, mask uint64 }

// nothing is what no word begins with: what counts is none of its bits.
var nothing = maskedWord{value: 1}

// slotBits is the logarithm of the slots: few texts have one in common by chance.
const slotBits = 12

// slotOf maps the lowest three bytes of a word by multiplication (Knuth, TAOCP 6.4).
func slotOf(w uint64) uint32 { return uint32(w<<8) * 0x9E3779B1 >> (32 - slotBits) }

// bit is 1 if text may begin so that starts with a word, of which bytes are known, and
// 0 if not. Three of them must be.
func (t *beginnings) bit(w uint64, bytes int) uint8 {
	if t.common[t.slots[slotOf(w)]].of(w, bytes) {
		return 1
	}
	return 0
}

// wordBit is bit of a word that is known whole.
func (t *beginnings) wordBit(w uint64) uint64 {
	if c := &t.common[t.slots[slotOf(w)]]; w&c.mask == c.value {
		return 1
	}
	return 0
}

// of reports whether a word, of which bytes are known, may begin so.
func (m *maskedWord) of(w uint64, bytes int) bool {
	return (w&m.mask^m.value)<<(8*uint(wordLen-bytes)) == 0
}

// beginOf returns how a text begins.
func beginOf(text string) maskedWord {
	return maskedWord{firstWord([]byte(text[:min(len(text), wordLen)])), wordMask(len(text))}
}

// startBit is 1 if a prefix may start with b, of which there are three bytes or more.
func (p *prefixes) startBit(b []byte) uint8 {
	return p.starts.bit(firstWord(b), min(len(b), wordLen))
}

// endBit is 1 if b, of which there are three bytes or more, may end with the start of a
// prefix that is looked for backwards.
func (p *prefixes) endBit(b []byte) uint8 {
	if len(b) >= wordLen {
		return p.ends.bit(binary.BigEndian.Uint64(b[len(b)-wordLen:]), wordLen)
	}
	var last [wordLen]byte
	copy(last[wordLen-len(b):], b)
	return p.ends.bit(binary.BigEndian.Uint64(last[:]), len(b))
}

// firstWord is the word that starts with the bytes of b.
func firstWord(b []byte) uint64 {
	if len(b) >= wordLen {
		return binary.LittleEndian.Uint64(b)
	}
	var w [wordLen]byte
	copy(w[:], b)
	return binary.LittleEndian.Uint64(w[:])
}

// add adds a text of two bytes or more.
func (t *beginnings) add(text string) {
	w := beginOf(text)
	if len(text) > 2 {
		t.addTo(slotOf(w.value), w)
		return
	}
	for c := range uint64(256) {
		t.addTo(slotOf(w.value|c<<16), w)
	}
}

// addTo adds a beginning to those of a slot.
func (t *beginnings) addTo(slot uint32, w maskedWord) {
	i := &t.slots[slot]
	if *i == 0 {
		*i = uint16(len(t.common))
		t.common = append(t.common, w)
		return
	}
	c := &t.common[*i]
	same := bits.TrailingZeros64((c.value^w.value)|^(c.mask&w.mask)) / 8
	c.mask = wordMask(same)
	c.value &= c.mask
}

// wordMask has the bits of the first n bytes of a word.
func wordMask(n int) uint64 { return ^uint64(0) >> (8 * (wordLen - min(n, wordLen))) }

// prefixed is a literal with the beginning of its prefix.
type prefixed struct {
	begin   maskedWord
	literal int32
}

// newPrefixes makes an index of the literals that start in or before a run.
func newPrefixes(literals []literal) *prefixes {
	p := &prefixes{lists: [][]prefixed{nil}}
	p.starts.common, p.ends.common = []maskedWord{nothing}, []maskedWord{nothing}
	for i := range literals {
		if l := &literals[i]; l.trigger == byRun {
			p.single[l.text[0]] = true
			p.starts.add(l.text)
			if isReversible(l.text) {
				p.ends.add(l.text)
			}
			k := pairKey(l.text[0], l.text[1])
			if p.first[k] == 0 {
				p.first[k] = uint16(len(p.lists))
				p.lists = append(p.lists, nil)
			}
			p.lists[p.first[k]] = append(p.lists[p.first[k]], prefixed{beginOf(l.text), int32(i)})
		}
	}
	return p
}

func pairKey(a, b byte) int { return int(a&0x7f)<<7 | int(b&0x7f) }

// at returns the literals that may start with a and b.
func (p *prefixes) at(a, b byte) []prefixed { return p.lists[p.first[pairKey(a, b)]] }
