package dlp

import "encoding/binary"

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
	{"\xfd7zXZ\x00", codecUnknown},       // xz
	{"7z\xbc\xaf\x27\x1c", codecUnknown}, // 7-Zip
	{"Rar!\x1a\x07", codecUnknown},       // RAR
	{lz4Magic, codecUnknown},
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
	if len(b) < 3 || !mayStartBlob(uint32(b[0])<<16|uint32(b[1])<<8) {
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

// magicFits looks behind a magic. What is not decoded has to tell more than that: bytes
// without meaning have one of four bytes in every 4 GB.
func magicFits(b []byte, kind codec) bool {
	switch kind {
	case codecGzip: // the flags that are reserved (RFC 1952, section 2.3.1)
		return len(b) > 3 && b[3]&0xe0 == 0
	case codecZstd:
		return zstdStarts(b)
	case codecBzip2: // the size, and a block or the end
		return len(b) >= 10 && '1' <= b[3] && b[3] <= '9' && (string(b[4:10]) == "1AY&SY" && blockFits(b) || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90")
	case codecZip: // a version and a method that there are (APPNOTE.TXT, section 4.4)
		return len(b) < 10 || b[5] <= 3 && b[9] == 0
	case codecUnknown: // it is no text; age alone has a header that is
		if b[0] == lz4Magic[0] {
			return lz4Starts(b)
		}
		return b[0] == 'a' || len(b) < leastUnknown || binaryBytes(b[wordLen:]) >= leastBinary
	}
	return true
}

// blockFits reports whether the first block of bzip2 may have where its text starts, of
// 24 bits behind a checksum and a flag: within the block. It does not in text, which a
// decoder would take megabytes for.
func blockFits(b []byte) bool {
	const at = 14
	if len(b) < at+wordLen {
		return true
	}
	start := binary.BigEndian.Uint64(b[at:]) << 1 >> 40
	return start < uint64(b[3]-'0')*100_000
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
// data, as they stand side by side. Zlib is that with the usual window. They are
// found by the nibbles of both, so that others are, too.
var magicPairs = [8]struct{ first, second string }{
	{"\x1f", "\x8b"}, // gzip
	{"x", "\x01\x9c"},
	{"x", "^\xda"},
	{"/", "\xfd"},      // zstd
	{"\xfdz", "7\xbc"}, // xz, 7-Zip
	{"M", "\x18"},      // LZ4, a frame of zstd to skip
	{"K", "\x03"},      // zip
	{"!", "\x1a"},      // RAR
}

// magicBack has for the first byte of each of magicPairs how far before it the magic
// starts, and more than a magic for other bytes.
var magicBack = func() (t [256]uint8) {
	for c := range t {
		t[c] = magicBytes
	}
	for text, n := range map[string]uint8{"\x1fx\xfd": 0, "Kz": 1, "/M": 2, "!": 3, "&": bzip2Back} {
		for _, c := range []byte(text) {
			t[c] = n
		}
	}
	return t
}()

// bzip2Back is how far before the ampersand of "BZh91AY&SY" it starts: hardly any
// text has one between capitals.
const bzip2Back = 7

// hasMagic reports whether data that is looked for in the middle of other starts
// with b. Zlib with another window is one at the start of a stream only.
func hasMagic(b []byte) bool {
	kind := magic(b)
	return kind != codecNone && (kind != codecZlib || b[0] == 'x')
}
