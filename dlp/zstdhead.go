package dlp

import "encoding/binary"

// The headers of zstd say enough to tell a frame from bytes that only start as one
// does. Whatever the reference decoder reads with its largest window, and with a
// dictionary, fits.

const (
	zstdHasSum      = 1 << 2
	zstdReserved    = 1 << 3
	zstdSingle      = 1 << 5
	zstdBlockHeader = 3
	maxZstdBlock    = 128 << 10 // section 3.1.1.2.4

	// maxFrame is the largest window that there is (section 3.1.1.1.2). That of a frame
	// in a single segment is its content; what says more only starts as frames do.
	maxFrame = 1<<41 + 7<<38
)

// zstdHeaderLen returns how long the header of a frame is with its magic, by the
// descriptor (RFC 8878, section 3.1.1.1.1).
func zstdHeaderLen(descriptor byte) int {
	n := 5 + [...]int{0, 1, 2, 4}[descriptor&3] + [...]int{0, 2, 4, 8}[descriptor>>6]
	if descriptor&zstdSingle == 0 || descriptor>>6 == 0 {
		n++ // the window, or a size of one byte
	}
	return n
}

// zstdHeaderFits reports whether h, which is a header as long as its descriptor says,
// is one of a frame.
func zstdHeaderFits(h []byte) bool {
	d := h[4]
	if d&zstdReserved != 0 {
		return false
	}
	return d&zstdSingle == 0 || d>>6 != 3 || binary.LittleEndian.Uint64(h[len(h)-8:]) <= maxFrame
}

// zstdBlockOf reads the header of a block: how long the block is with it, and whether
// it is the last (section 3.1.1.2).
func zstdBlockOf(h []byte) (n int, last, ok bool) {
	v := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	n = v >> 3
	kind := v >> 1 & 3
	ok = kind != 3 && (kind != 2 || n <= maxZstdBlock) // libzstd bounds the others in streams alone
	if kind == 1 {                                     // one byte that is repeated
		n = 1
	}
	return zstdBlockHeader + n, v&1 != 0, ok
}

// zstdStarts reports whether b, which starts with the magic, may be the beginning of a
// frame: by its header, and by those of its first blocks as far as they are there.
func zstdStarts(b []byte) bool {
	if len(b) < 5 || len(b) < zstdHeaderLen(b[4]) {
		return true
	}
	n := zstdHeaderLen(b[4])
	if !zstdHeaderFits(b[:n]) {
		return false
	}
	for b = b[n:]; len(b) >= zstdBlockHeader; b = b[n:] {
		var last, ok bool
		if n, last, ok = zstdBlockOf(b); !ok || last || n > len(b) {
			return ok
		}
	}
	return true
}
