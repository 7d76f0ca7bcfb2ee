package dlp

import (
	"bytes"
	"encoding/binary"
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
		return b[0] == 'a' || len(b) < 2*leastBinary+wordLen || binaryBytes(b[wordLen:]) >= leastBinary
	}
	return true
}

// leastBinary is how many of the bytes behind a magic no text has.
const leastBinary = 8

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

// magicNeedles are the rarest bytes of the magics that are looked for in the
// middle of data, and their offsets.
var magicNeedles = [...]struct {
	c  byte
	at int
}{
	{0x1f, 0},                       // gzip
	{0x01, 1}, {0x9c, 1}, {0xda, 1}, // zlib
	{0xfd, 3}, // zstd
	{0xfd, 0}, // xz
	{0x18, 3}, // a frame of zstd to skip, LZ4
	{0x03, 2}, // zip
	{0xbc, 2}, // 7-Zip
	{0x1a, 4}, // RAR
}

const magicBlock = 1 << 10

// findMagic returns the index of the first magic at or after i, or len(b). One
// that starts in the last magicBytes of b may not be seen for what it is.
func findMagic(b []byte, i int) int {
	first := i
	for i < len(b) {
		block := b[i:min(len(b), i+magicBlock)]
		best := len(b)
		if !plainText(block) {
			for _, n := range magicNeedles {
				best = min(best, findNeedle(b, first, i, len(block), n.c, n.at, best))
			}
		}
		best = min(best, findNeedle(b, first, i, len(block), '^', 1, best)) // zlib, at its second level
		if n := bytes.Index(b[i:min(len(b), i+magicBlock+2)], []byte("BZh")); n >= 0 && magic(b[i+n:]) != codecNone {
			best = min(best, i+n)
		}
		if best < len(b) {
			return best
		}
		i += len(block)
	}
	return len(b)
}

// findNeedle looks for a magic that has c at offset at, with c in the n bytes
// from i on, and that starts in b[first:end].
func findNeedle(b []byte, first, i, n int, c byte, at, end int) int {
	for k := i; k < i+n; k++ {
		next := bytes.IndexByte(b[k:i+n], c)
		if next < 0 {
			break
		}
		k += next
		start := k - at
		if start >= end {
			break
		}
		if start >= first && magicStart[b[start]] && magic(b[start:]) != codecNone {
			return start
		}
	}
	return end
}

// magicStart are the first bytes of the magics that findNeedle looks for. Zlib
// in the middle of data is that of the usual window only.
var magicStart = newClass("\x1f\x28\xfd7PRx\x04\x50\x51\x52\x53\x54\x55\x56\x57\x58\x59\x5a\x5b\x5c\x5d\x5e\x5f")

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
