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

const (
	firstBit = 1
	lastBit  = 1 << 63
)

// behind returns a mask of the bytes behind which one of a mask stands. Of the last
// byte that is not known.
func behind(x uint64) uint64 { return x>>8 | x>>1<<56 }

// ahead returns a mask of the bytes before which one of a mask stands. Of the
// first byte that is not known.
func ahead(x uint64) uint64 { return x<<8 | x>>56<<1&0xff }

// blockSigns are masks of the bytes of a block.
type blockSigns struct {
	run    uint64 // of runs, the first in the lowest bit; the others are as planes
	joiner uint64 // those of runs that are no letter or digit
	marks  uint64 // what may be a sign by what is beside, see survey
	lines  uint64 // line breaks, and those of JSON, behind what may be of a token
	solid  uint64 // what may be of a token, or of escapes
	high   uint64 // from 0x80 on
	zero   uint64
	binary uint64 // controls other than \t \n \r
	digits uint64 // not 0 if a word may be of digits and what is between
	odd    uint64 // those, and controls other than 0x08 to 0x0f
}

// survey makes the masks of a block. Of what may be a sign it has all there are,
// and what is in the same columns of the table of ASCII: it is looked at again.
func survey(b *[blockLen]byte) blockSigns {
	p := toPlanes(b)
	p0, p1, p2, p3, p4, p5, p6, p7 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]

	// The columns of the table.
	up := p6 | p7
	c0 := ^(up | p4 | p5)
	c2, c3 := p5&^(up|p4), p5&p4&^up
	letters := p6 &^ p7
	or21, or10, and10 := p1|p2, p1|p0, p1&p0

	high5 := p4 & p3
	letter := letters & (or10 | p2 | p3 | p4) &^ (high5 & (p2 | and10))
	last := letters & high5 & p2 &^ p5 // \ ] ^ and _
	joiner := c2&p3&p0&or21 | last&and10
	run := letter | c3&^(p3&or21) | joiner

	slash := last &^ or10
	quote := c2&p1&^(p3|(p2^p0)) | letters&p5&^(p4|p3|p2|or10) // " ' and `
	control := c0 & p3

	// A quotation mark behind a character, and before white space, an operator or
	// another; a backslash before u U x / 0 to 3.
	solid := run | slash | c2&p3&p2&p1 | c3&p3
	edge := ahead(solid | control)
	bar := letters & high5 & p2 & p5 &^ p0 // | and ~
	joins := slash | quote | control | c2&(p1|^p3) | bar
	escape := letters&(p0|p3|p4&p1) | c2&p3 | c3&^p3
	visible := (p5 | p6) &^ (p7 | c2&^(p3|or21|p0))
	marks := quote & (behind(joins) | lastBit) & (ahead(visible) | firstBit)
	breaks := letters & p5 & p1 & (p3&p2&^p4 | p4&^(p3|p2)) &^ p0 // n and r
	marks |= slash & (behind(escape&^breaks) | lastBit)
	// An equals or percent sign before digits in hex, white space or a backslash.
	hex := c3 | letters&(^(p4|p3)|p4&p2&p0&^p1) | control | slash // and u
	marks |= (c3&p3&p2&p0&^p1 | c2&p2&p0&^(p1|p3)) & (behind(hex) | lastBit)
	// A line break, plain or escaped, behind what is of a token.
	lines := (slash&behind(breaks) | control&p1&^p2&^p0) & (edge | firstBit)
	// An ampersand before a letter or #, a < before ~.
	marks |= c2 & p2 & p1 &^ (p0 | p3) & (behind(letters|c2) | lastBit)
	marks |= c3 & p3 & p2 &^ or10 & (behind(bar) | lastBit)
	// A bit for each word whose bytes are all in the columns of digits.
	words := c2 | c3
	words &= words >> 32
	words &= words >> 16
	words &= words >> 8
	binary := ^(p5 | up) &^ (control & (p0&^p1 | p1&^(p2|p0)))
	return blockSigns{transpose(run), joiner, marks, lines, solid, p7, c0 &^ (p3 | or21 | p0), binary, words & 0xff, p7 | ^(p5|p6)&^(p3&^p4)}
}
