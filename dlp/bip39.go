package dlp

import (
	_ "embed"
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
)

// bip39List is the English word list of BIP-39.
//
//go:embed bip39.txt
var bip39List string

const (
	bip39Words   = 2048
	minBIP39Word = 3
	maxBIP39Word = 8
	bip39Slots   = 4096
)

// bip39Table finds the index of a word.
type bip39Table struct {
	// slots is an open-addressing table of words of at most eight letters at
	// five bits each, above eleven bits of the index.
	slots [bip39Slots]uint64
	// bitmap has a bit for the hash of the bytes of each word: 94 of 100 others
	// are refused by it.
	bitmap [1 << (wordBits - 3)]byte
}

// wordBits is the logarithm of the bits of the bitmap.
const wordBits = 15

// bip39 makes the table at its first use.
var bip39 = sync.OnceValue(func() *bip39Table {
	t := new(bip39Table)
	for i, w := range strings.Fields(bip39List) {
		key := packWord([]byte(w))
		slot := wordSlot(key)
		for t.slots[slot] != 0 {
			slot = (slot + 1) % bip39Slots
		}
		t.slots[slot] = key<<11 | uint64(i)
		var raw [8]byte
		copy(raw[:], w)
		h := wordHash(binary.LittleEndian.Uint64(raw[:]))
		t.bitmap[h>>3] |= 1 << (h & 7)
	}
	return t
})

// index returns the index of a word of lower-case letters, or -1.
func (t *bip39Table) index(w []byte) int {
	if len(w) < minBIP39Word || len(w) > maxBIP39Word {
		return -1
	}
	key := packWord(w)
	for slot := wordSlot(key); t.slots[slot] != 0; slot = (slot + 1) % bip39Slots {
		if t.slots[slot]>>11 == key {
			return int(t.slots[slot] & (bip39Words - 1))
		}
	}
	return -1
}

func packWord(w []byte) (key uint64) {
	for _, c := range w {
		key = key<<5 | uint64(c&31)
	}
	return key
}

// Both hashes spread keys by multiplication (Knuth, TAOCP 6.4).
func wordSlot(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> (64 - 12) }
func wordHash(raw uint64) uint64 { return raw * 0x9E3779B97F4A7C15 >> (64 - wordBits) }

// mayBeWord reports whether a word of the list may stand at b[at]. It refuses
// nearly all else in a few instructions: from eight bytes on either side it
// tells where the letters around b[at] start and end.
func (t *bip39Table) mayBeWord(b []byte, at int) bool {
	if at < 9 || at+17 > len(b) {
		return true
	}
	left := notLower(binary.LittleEndian.Uint64(b[at-8 : at]))
	right := notLower(binary.LittleEndian.Uint64(b[at : at+8]))
	l, r := bits.LeadingZeros64(left)>>3, bits.TrailingZeros64(right)>>3
	if r == 0 {
		return wordJoint[b[at]]
	}
	if b[at-l-1] == '\\' {
		return true // the first letter may be an escape's
	}
	n := l + r
	if n < minBIP39Word || n > maxBIP39Word {
		return false
	}
	from := at - l
	h := wordHash(binary.LittleEndian.Uint64(b[from:from+8]) << (64 - 8*n) >> (64 - 8*n))
	return t.bitmap[h>>3]>>(h&7)&1 != 0
}

// wordJoint are the bytes that stand between the words of a phrase.
var wordJoint = newClass(" ,.:)+\"'\\0-9\r\n\t")

// notLower has the highest bit of each byte that is no lower-case letter.
func notLower(v uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	low := v &^ high
	lower := (low + ones*(0x80-'a')) &^ (low + ones*(0x80-'z'-1)) &^ v
	return ^lower & high
}
