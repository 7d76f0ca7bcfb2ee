package dlp

import (
	_ "embed"
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

// bip39Table finds the index of a word: an open-addressing table of words of at
// most eight letters at five bits each, above eleven bits of the index.
type bip39Table [bip39Slots]uint64

// bip39 makes the table at its first use.
var bip39 = sync.OnceValue(func() *bip39Table {
	t := new(bip39Table)
	for i, w := range strings.Fields(bip39List) {
		key := packWord([]byte(w))
		slot := wordSlot(key)
		for t[slot] != 0 {
			slot = (slot + 1) % bip39Slots
		}
		t[slot] = key<<11 | uint64(i)
	}
	return t
})

// index returns the index of a word of lower-case letters, or -1.
func (t *bip39Table) index(w []byte) int {
	if len(w) < minBIP39Word || len(w) > maxBIP39Word {
		return -1
	}
	key := packWord(w)
	for slot := wordSlot(key); t[slot] != 0; slot = (slot + 1) % bip39Slots {
		if t[slot]>>11 == key {
			return int(t[slot] & (bip39Words - 1))
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

// wordSlot spreads keys by multiplication (Knuth, TAOCP 6.4).
func wordSlot(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> (64 - 12) }
