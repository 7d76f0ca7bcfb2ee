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
// texts: by the hash of its first three bytes, by what all texts of that hash have in
// common, up to eight bytes of it, and by the byte behind that.
type beginnings struct {
	slots [1 << slotBits]uint16 // an index of common
	// common has what the texts of a slot have in common. The first is nothing.
	common []beginning
}

type maskedWord struct{ value, mask uint64 }

// beginning is a word of eight bytes, the first lowest, which of its bits count, and a
// set of what may follow those: of the lowest six bits of the byte at shift.
type beginning struct {
	maskedWord
	next  uint64
	shift uint8
}

// nothing is what no word begins with: what counts is none of its bits.
var nothing = beginning{maskedWord: maskedWord{value: 1}}

// slotBits is the logarithm of the slots: few texts have one in common by chance.
const slotBits = 12

// slotOf maps the lowest three bytes of a word by multiplication (Knuth, TAOCP 6.4).
func slotOf(w uint64) uint32 { return uint32(w<<8) * 0x9E3779B1 >> (32 - slotBits) }

// wordBit is 1 if text may begin so that starts with a word, and 0 if not.
func (t *beginnings) wordBit(w uint64) uint64 {
	c := &t.common[t.slots[slotOf(w)]]
	next := c.follows(w)
	if w&c.mask == c.value {
		return next
	}
	return 0
}

// has reports whether a text has the first three bytes of a word, or the same hash.
func (t *beginnings) has(w uint64) bool { return t.slots[slotOf(w)] != 0 }

// follows is 1 if what a word has behind the beginning may follow it, and 0 if not.
func (c *beginning) follows(w uint64) uint64 {
	return c.next >> (w >> (c.shift & 63) & 63) & 1
}

// of reports whether a word, of which bytes are known, may begin so.
func (m *maskedWord) of(w uint64, bytes int) bool {
	return (w&m.mask^m.value)<<(8*uint(wordLen-bytes)) == 0
}

// beginOf returns how a text begins.
func beginOf(text string) maskedWord {
	return maskedWord{firstWord([]byte(text[:min(len(text), wordLen)])), wordMask(len(text))}
}

// mayStart reports whether a prefix may start with b, of which there may be too little
// to tell.
func (p *prefixes) mayStart(b []byte) bool {
	return len(b) < wordLen || p.starts.wordBit(binary.LittleEndian.Uint64(b)) != 0
}

// mayEnd reports whether b may end with the start of a prefix that is looked for
// backwards.
func (p *prefixes) mayEnd(b []byte) bool {
	return len(b) < wordLen || p.ends.wordBit(binary.BigEndian.Uint64(b[len(b)-wordLen:])) != 0
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

// add adds a text of two bytes or more, behind which one of a set follows.
func (t *beginnings) add(text string, next *class) {
	if len(text) > 2 {
		t.addTo(newBeginning(text, next))
		return
	}
	for c, ok := range next {
		if ok {
			t.addTo(newBeginning(text+string([]byte{byte(c)}), anyByte))
		}
	}
}

func newBeginning(text string, next *class) beginning {
	b := beginning{maskedWord: beginOf(text)}
	b.cut(len(text))
	if len(text) < wordLen {
		b.next = 0
		for c, ok := range next {
			if ok {
				b.next |= 1 << (c & 63)
			}
		}
	}
	return b
}

// cut leaves the first n bytes of a beginning. What may follow is the next of them.
func (c *beginning) cut(n int) {
	if n = min(n, wordLen); n == wordLen {
		c.next, c.shift = ^uint64(0), 0
		return
	}
	if mask := wordMask(n); mask != c.mask {
		c.next = 1 << (c.value >> (8 * n) & 63)
		c.mask = mask
		c.value &= mask
	}
	c.shift = uint8(8 * n)
}

// addTo adds a beginning to those of its slot.
func (t *beginnings) addTo(w beginning) {
	i := &t.slots[slotOf(w.value)]
	if *i == 0 {
		*i = uint16(len(t.common))
		t.common = append(t.common, w)
		return
	}
	c := &t.common[*i]
	same := bits.TrailingZeros64((c.value^w.value)|^(c.mask&w.mask)) / 8
	c.cut(same)
	w.cut(same)
	c.next |= w.next
}

// anyByte are all bytes.
var anyByte = newClass("\x00-\xff")

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
	p.starts.common, p.ends.common = []beginning{nothing}, []beginning{nothing}
	for i := range literals {
		if l := &literals[i]; l.trigger == byRun {
			p.single[l.text[0]] = true
			next := anyByte
			if l.form.shape == nil && l.form.min > 0 {
				next = l.form.body
			}
			p.starts.add(l.text, next)
			if isReversible(l.text) {
				p.ends.add(l.text, next)
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
