package dlp

import (
	"encoding/binary"
	"math/bits"
)

const lz4Magic = "\x04\x22\x4d\x18"

// lz4Starts reports whether b, which starts with the magic, may be the beginning of a
// frame of LZ4 (LZ4 Frame Format Description 1.6.4): by the version, the bits that are
// reserved, the size of blocks and the checksum of its descriptor, as far as they are
// there. The reference reader refuses others.
func lz4Starts(b []byte) bool {
	const (
		version, size, reserved, dictionary = 1 << 6, 1 << 3, 1 << 1, 1 << 0
		leastBlock, reservedOfBlocks        = 4 << 4, 0x8f
	)
	b = b[len(lz4Magic):]
	if len(b) > 0 && (b[0]&(3<<6) != version || b[0]&reserved != 0) || len(b) > 1 && (b[1]&reservedOfBlocks != 0 || b[1] < leastBlock) {
		return false
	}
	if len(b) == 0 {
		return true
	}
	n := 2
	if b[0]&size != 0 {
		n += 8
	}
	if b[0]&dictionary != 0 {
		n += 4
	}
	return len(b) <= n || b[n] == byte(xxh32(b[:n])>>8)
}

// xxh32 is XXH32 with the seed 0 of less than 16 bytes.
func xxh32(b []byte) uint32 {
	const p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	h := uint32(p5) + uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*p3, 17) * p4
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*p5, 11) * p1
	}
	h = (h ^ h>>15) * p2
	h = (h ^ h>>13) * p3
	return h ^ h>>16
}
