package dlp

import "encoding/binary"

// Sixty-four bytes are turned into eight words of one bit of each: then a test of
// one byte is a test of all of them, and a class is a few operations (parallel bit
// streams: Cameron, Lin). The bit for byte i of a block is at 8*(i%8) + i/8, as it
// comes out of three steps less; transpose brings the masks that need it in order.

// planes has bit k of each byte of a block in its word k.
type planes [8]uint64

// toPlanes turns a matrix of 8x8 bits in each lane of eight words.
func toPlanes(b *[blockLen]byte) (p planes) {
	w0, w1 := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:])
	w2, w3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	w4, w5 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:])
	w6, w7 := binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])

	w0, w4 = exchange(w0, w4, 4, 0x0f*lanes)
	w1, w5 = exchange(w1, w5, 4, 0x0f*lanes)
	w2, w6 = exchange(w2, w6, 4, 0x0f*lanes)
	w3, w7 = exchange(w3, w7, 4, 0x0f*lanes)

	w0, w2 = exchange(w0, w2, 2, 0x33*lanes)
	w1, w3 = exchange(w1, w3, 2, 0x33*lanes)
	w4, w6 = exchange(w4, w6, 2, 0x33*lanes)
	w5, w7 = exchange(w5, w7, 2, 0x33*lanes)

	w0, w1 = exchange(w0, w1, 1, 0x55*lanes)
	w2, w3 = exchange(w2, w3, 1, 0x55*lanes)
	w4, w5 = exchange(w4, w5, 1, 0x55*lanes)
	w6, w7 = exchange(w6, w7, 1, 0x55*lanes)
	return planes{w0, w1, w2, w3, w4, w5, w6, w7}
}

// exchange swaps the bits of a, n above those of a mask, with those of b in it
// (Warren, Hacker's Delight, 7-3).
func exchange(a, b uint64, n uint, mask uint64) (uint64, uint64) {
	t := (a>>n ^ b) & mask
	return a ^ t<<n, b ^ t
}

// transpose brings the bits of a mask made of planes in the order of the bytes.
func transpose(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

// behindLane returns a mask of the bytes behind which one of a mask stands. Of the last
// byte that is not known.
func behindLane(x uint64) uint64 { return x>>8 | x>>1<<56 }
