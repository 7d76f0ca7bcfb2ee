// Package packtest writes the parts of packs (gitformat-pack) for tests, also of packs
// that git would not write.
package packtest

// AppendHead begins an entry of a kind that says it has so many bytes.
func AppendHead(dst []byte, kind byte, size int) []byte {
	c := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		dst = append(dst, c|0x80)
		c = byte(size & 0x7f)
	}
	return append(dst, c)
}

// AppendDistance writes how far back, in bytes, the base of a delta is.
func AppendDistance(dst []byte, back int) []byte {
	digits := []byte{byte(back & 0x7f)}
	for back >>= 7; back > 0; back >>= 7 {
		back--
		digits = append([]byte{byte(back&0x7f) | 0x80}, digits...)
	}
	return append(dst, digits...)
}

// AppendSize writes one of the two sizes that a delta begins with.
func AppendSize(dst []byte, n int) []byte {
	for ; n > 0x7f; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// Take is the instruction of a delta that takes n bytes of its base, fewer than 16 MiB.
func Take(from, n int) []byte {
	return []byte{0xff, byte(from), byte(from >> 8), byte(from >> 16), byte(from >> 24), byte(n), byte(n >> 8), byte(n >> 16)}
}
