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
		h := wordHash(rawWord([]byte(w)))
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

// wordAt returns where the word at b[at], or behind the separator there, starts
// and ends, and whether it may be one of the list. It refuses nearly all else in
// a few instructions: from eight bytes on either side it tells where the letters
// around b[at] start and end.
func (t *bip39Table) wordAt(b []byte, at int) (from, to int, ok bool) {
	if at < 9 || at+24 > len(b) {
		from, to = wordAround(b, at)
		return from, to, to > from
	}
	right := notLower(binary.LittleEndian.Uint64(b[at : at+8]))
	if right&0x80 != 0 {
		at += bits.TrailingZeros64(^right&highBits) >> 3 // the next letter
		if !isLower(b[at]) {
			return 0, 0, false
		}
		if b[at-1] == '\\' {
			at++
		}
		right = notLower(binary.LittleEndian.Uint64(b[at : at+8]))
	}
	left := notLower(binary.LittleEndian.Uint64(b[at-8 : at]))
	l, r := bits.LeadingZeros64(left)>>3, bits.TrailingZeros64(right)>>3
	from, to = at-l, at+r
	if b[from-1] == '\\' { // the first letter may be an escape's
		from, to = wordAround(b, at)
		return from, to, to > from
	}
	n := to - from
	if n < minBIP39Word || n > maxBIP39Word {
		return 0, 0, false
	}
	raw := binary.LittleEndian.Uint64(b[from:from+8]) << (64 - 8*n) >> (64 - 8*n)
	return from, to, t.hasBit(raw) && !isName(b, from, to)
}

// isName reports whether the letters b[from:to] are a part of a longer word.
func isName(b []byte, from, to int) bool {
	if c := byteAt(b, from-1); word[c] && !decimals[c] && !escaped(b[:from]) {
		return true
	}
	return word[byteAt(b, to)]
}

func (t *bip39Table) hasBit(raw uint64) bool { return t.bit(raw) != 0 }

// bit is 1 if a word may be of the list, and 0 if not.
func (t *bip39Table) bit(raw uint64) uint64 {
	h := wordHash(raw)
	return uint64(t.bitmap[h>>3] >> (h & 7) & 1)
}

// firstOf reports whether the first of the words that a mask has of a window may be of
// the list, or there is none, and returns the mask of the rest.
func (t *bip39Table) firstOf(window []byte, m uint64) (ok bool, rest uint64) {
	i := bits.TrailingZeros64(m) & (seedWindow - 1)
	n := bits.TrailingZeros64(^(m >> i)) & (blockLen - 1)
	word := binary.LittleEndian.Uint64(window[i:])
	return t.bit(word&^(^uint64(0)<<(8*n)))&^isLess(maxBIP39Word, n)|isZero(m) != 0, m &^ (1<<(i+n) - 1)
}

const highBits = 0x8080808080808080

// notLower has the highest bit of each byte that is no lower-case letter.
func notLower(v uint64) uint64 {
	const ones = 0x0101010101010101
	low := v &^ highBits
	lower := (low + ones*(0x80-'a')) &^ (low + ones*(0x80-'z'-1)) &^ v
	return ^lower & highBits
}

// inRow reports whether three words of the list may stand behind or before the
// word b[from:to], with whatever between: of a phrase, one side has six.
func (t *bip39Table) inRow(b []byte, from, to int) bool {
	const enough = 3
	i := to
	for n := 0; ; n++ {
		if n == enough {
			return true
		}
		for k := 0; k < maxSeparator && i < len(b) && (!isLower(b[i]) || b[i-1] == '\\'); k++ {
			i++
		}
		end := i
		for end < len(b) && end-i < maxBIP39Word && isLower(b[end]) {
			end++
		}
		if !t.hasBit(rawWord(b[i:end])) {
			break
		}
		i = end
	}
	i = from
	for n := 0; n < enough; n++ {
		for k := 0; k < maxSeparator && i > 0 && (!isLower(b[i-1]) || i > 1 && b[i-2] == '\\'); k++ {
			i--
		}
		end := i
		for i > 0 && end-i <= maxBIP39Word && isLower(b[i-1]) {
			i--
		}
		if i > 0 && b[i-1] == '\\' && i < end {
			if !t.hasBit(rawWord(b[i+1 : end])) {
				return false
			}
			continue
		}
		if !t.hasBit(rawWord(b[i:end])) {
			return false
		}
	}
	return true
}

func rawWord(w []byte) (raw uint64) {
	for i, c := range w[:min(len(w), 8)] {
		raw |= uint64(c) << (8 * i)
	}
	return raw
}
