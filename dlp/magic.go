package dlp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// magicBytes is how much of the data magic looks at.
const magicBytes = 64

// magics are the beginnings of compressed data, of archives and of what is
// encrypted. Zlib has a test of its own.
var magics = [...]struct {
	text string
	kind codec
}{
	{"\x1f\x8b\x08", codecGzip},
	{"\x28\xb5\x2f\xfd", codecZstd},
	{zipMember, codecZip},
	{"BZh", codecBzip2},
	{"\xfd7zXZ\x00", codecUnknown},                                         // xz
	{"7z\xbc\xaf\x27\x1c", codecUnknown},                                   // 7-Zip
	{"Rar!\x1a\x07", codecUnknown},                                         // RAR
	{"\x04\x22\x4d\x18", codecUnknown},                                     // LZ4
	{"\xff\x06\x00\x00sNaPpY", codecUnknown},                               // Snappy
	{"\x89LZO\x00\r\n\x1a\n", codecUnknown},                                // lzop
	{"LZIP\x01", codecUnknown},                                             // lzip
	{"MSCF\x00\x00\x00\x00", codecUnknown},                                 // cabinet
	{"Salted__", codecUnknown},                                             // OpenSSL, with a password
	{"age-encryption.org/v1\n->", codecUnknown},                            // age
	{"\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff", codecUnknown}, // LZMA
}

// magic tells what the bytes at the start of b begin. It looks at magicBytes at
// most; with less, it says what they may begin.
func magic(b []byte) codec {
	b = b[:min(len(b), magicBytes)]
	if len(b) < 3 {
		return codecNone
	}
	for i := range magics {
		m := &magics[i]
		if b[0] == m.text[0] && len(b) >= len(m.text) && string(b[:len(m.text)]) == m.text && magicFits(b, m.kind) {
			return m.kind
		}
	}
	switch {
	case len(b) >= 8 && b[0]&0xf0 == 0x50 && string(b[1:4]) == "\x2a\x4d\x18": // a frame to skip
		return codecZstd
	case isZlib(b) && deflateStarts(b[2:]):
		return codecZlib
	}
	return codecNone
}

// magicFits looks behind a magic.
func magicFits(b []byte, kind codec) bool {
	switch kind {
	case codecGzip: // the flags that are reserved (RFC 1952, section 2.3.1)
		return len(b) > 3 && b[3]&0xe0 == 0
	case codecBzip2: // the size, and a block or the end
		return len(b) >= 10 && '1' <= b[3] && b[3] <= '9' && (string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90")
	case codecZip: // a version and a method that there are (APPNOTE.TXT, section 4.4)
		return len(b) < 10 || b[5] <= 3 && b[9] == 0
	case codecUnknown: // it is no text; age alone has a header that is
		return b[0] == 'a' || len(b) < leastUnknown || binaryBytes(b[wordLen:]) >= leastBinary
	}
	return true
}

// leastBinary is how many of the bytes behind a magic no text has.
const leastBinary = 8

// leastUnknown is the fewest bytes of which some are of no text where something is
// told by its magic only. Less than that holds nothing.
const leastUnknown = wordLen + 2*leastBinary

// binaryBytes counts what text in ASCII does not have.
func binaryBytes(b []byte) int {
	n := 0
	for _, c := range b {
		if c >= 0x7f || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			n++
		}
	}
	return n
}

// isZlib reports whether b starts with the header of zlib without a preset
// dictionary (RFC 1950, section 2.2).
func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&0x0f == 8 && b[0]>>4 <= 7 && b[1]&0x20 == 0 && binary.BigEndian.Uint16(b)%31 == 0
}

// magicPairs are two bytes of each magic that is looked for in the middle of
// data, as they stand side by side, and the offset of the first. Zlib is that
// with the usual window.
var magicPairs = [8]struct {
	first, second string
	at            int
}{
	{"\x1f", "\x8b", 0}, // gzip
	{"x", "\x01^\x9c\xda", 0},
	{"/", "\xfd", 2}, // zstd
	{"\xfd", "7", 0}, // xz
	{"M", "\x18", 2}, // LZ4, a frame of zstd to skip
	{"K", "\x03", 1}, // zip
	{"z", "\xbc", 1}, // 7-Zip
	{"!", "\x1a", 3}, // RAR
}

// magicFirst and magicSecond have a bit for each of magicPairs.
var magicFirst, magicSecond = pairBits()

func pairBits() (first, second [256]byte) {
	for k, p := range magicPairs {
		for i := range len(p.first) {
			first[p.first[i]] |= 1 << k
		}
		for i := range len(p.second) {
			second[p.second[i]] |= 1 << k
		}
	}
	return first, second
}

const magicBlock = 1 << 10

// findMagic returns the index of the first magic at or after i, or len(b). One
// that starts in the last magicBytes of b may not be seen for what it is.
func findMagic(b []byte, i int) int { return findMagicIn(b, i, false) }

// findMagicIn is findMagic where it is known whether all of it is plain text.
func findMagicIn(b []byte, i int, plain bool) int {
	first := i
	for i < len(b) {
		end := min(len(b), i+magicBlock)
		var at int
		if plain || plainText(b[i:min(len(b), end+1)]) { // a pair may start in the last byte
			// What is left are zlib at its second level, and bzip2 by the magic
			// of its block. The next part may be none of plain text.
			at = min(findText(b, first, i, min(len(b), end+1), '^', 1), findText(b, first, i, end, '&', 7))
		} else {
			at = min(findPairs(b, first, i, end), findText(b, first, i, end, '&', 7))
		}
		if at < len(b) {
			return at
		}
		i = end
	}
	return len(b)
}

// findText looks for a magic that starts at first or behind and has c, at an
// offset, in b[i:end]. It returns its start, or len(b).
func findText(b []byte, first, i, end int, c byte, offset int) int {
	for ; i < end; i++ {
		n := bytes.IndexByte(b[i:end], c)
		if n < 0 {
			break
		}
		i += n
		if start := i - offset; start >= first && (b[start] == 'x' || b[start] == 'B') && magic(b[start:]) != codecNone {
			return start
		}
	}
	return len(b)
}

// findPairs is findText for the first bytes of magicPairs.
func findPairs(b []byte, first, i, end int) int {
	for ; i+8 <= end && i+9 <= len(b); i += 8 {
		w := b[i : i+9 : i+9]
		f, s := &magicFirst, &magicSecond
		hits := f[w[0]]&s[w[1]] | f[w[1]]&s[w[2]] | f[w[2]]&s[w[3]] | f[w[3]]&s[w[4]] |
			f[w[4]]&s[w[5]] | f[w[5]]&s[w[6]] | f[w[6]]&s[w[7]] | f[w[7]]&s[w[8]]
		if hits == 0 {
			continue
		}
		for k := i; k < i+8; k++ {
			if at := pairAt(b, first, k); at < len(b) {
				return at
			}
		}
	}
	for ; i < end; i++ {
		if at := pairAt(b, first, i); at < len(b) {
			return at
		}
	}
	return len(b)
}

// pairAt returns the start of the magic that has one of magicPairs at i, or
// len(b).
func pairAt(b []byte, first, i int) int {
	if i+1 >= len(b) {
		return len(b)
	}
	for hits := magicFirst[b[i]] & magicSecond[b[i+1]]; hits != 0; hits &= hits - 1 {
		start := i - magicPairs[bits.TrailingZeros8(hits)].at
		if start < first {
			continue
		}
		// Zlib with another window is one at the start of data only.
		if kind := magic(b[start:]); kind != codecNone && (kind != codecZlib || b[start] == 'x') {
			return start
		}
	}
	return len(b)
}

// plainText reports whether b has neither bytes from 0x80 on nor controls other
// than 0x08 to 0x0f, so no byte of magicNeedles.
func plainText(b []byte) bool {
	for len(b) >= 32 {
		w := b[:32:32]
		odd := control(binary.LittleEndian.Uint64(w)) | control(binary.LittleEndian.Uint64(w[8:])) |
			control(binary.LittleEndian.Uint64(w[16:])) | control(binary.LittleEndian.Uint64(w[24:]))
		if odd != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= 0x80 || c < 0x20 && c&0x18 != 0x08 {
			return false
		}
	}
	return true
}

// control returns the high bits of the bytes of v that plainText does not have.
func control(v uint64) uint64 {
	x := v&(0x78*lanes) ^ 0x08*lanes
	return (v | (x+0x7f*lanes)&^(x+0x60*lanes)) & highs
}
