package dlp

import "encoding/binary"

// A block of 64 bytes becomes a mask for each of some classes of bytes. Then a test
// of one byte is a test of all of them, and what stands beside what is a shift. Hardly
// a branch depends on the text before that. The classes are made of bit planes; pairs of
// bytes are found by the nibbles of both (Langdale, Lemire: Parsing Gigabytes of JSON per
// Second, section 3.1).

// masks has for each class a row of the masks of some blocks, the first byte of a block
// in the lowest bit. They are bytes, the lowest first, so that bytes of text in a row have
// bits in a row, wherever the first of them stands in its block. There is room for vectors
// of eight masks that start at any of those that are surveyed.
type masks [maskClasses*maskRow + blockLen]byte

const (
	maskBlocks = 64
	maskBytes  = blockLen / 8
	maskRow    = maskBlocks * maskBytes
)

// from returns the eight bytes of the row of a class from one on.
func (m *masks) from(class, at uint) uint64 {
	return binary.LittleEndian.Uint64(m[class*maskRow+at&(maskRow-1):])
}

// of returns the mask of a class of a block.
func (m *masks) of(class, k int) uint64 { return m.from(uint(class), uint(k)*maskBytes) }

func (m *masks) set(class, k int, v uint64) {
	binary.LittleEndian.PutUint64(m[uint(class)*maskRow+uint(k)*maskBytes&(maskRow-1):], v)
}

// of returns the mask of a class of a block.
func (b block) of(class int) uint64 { return b.masks.of(class, b.k) }

// classLanes is how many blocks may be classed at once.
const classLanes = 8

// block is one of those that masks has.
type block struct {
	masks *masks
	k     int
}

// The classes of masks.
const (
	maskUpper = iota
	maskLower
	maskDigit
	maskJoiner
	maskQuote
	maskOperator
	maskPrefix
	maskHex
	maskBlank
	maskEntity
	maskEscape
	maskControl
	maskPhrase // without words that are too short or too long
	maskRun
	maskFirst // of a group of base64 that stands for ASCII
	maskSecond
	maskThird
	maskSlash
	maskLine
	maskDot
	maskEquals
	maskPercent
	maskAmpersand
	maskTilde
	maskLess
	maskAt
	maskDash
	maskParts // those of maskJoiner that part words
	maskHigh  // from 0x80 on
	maskLead  // from 0xc0 on
	maskPair  // the first of one of magicPairs

	maskClasses = maskPair + 1
)

// classSpecs are the classes as newClass takes them.
var classSpecs = [...]string{
	maskUpper:    "A-Z",
	maskLower:    "a-z",
	maskDigit:    "0-9",
	maskJoiner:   "+/_-",        // those of runs that are no letter or digit
	maskQuote:    "\"'`",        // of strings
	maskOperator: "+.&~|",       // that join strings
	maskPrefix:   "bfruBFRUnt",  // of a string that joins another, or of an escape of white space
	maskHex:      "0-9A-Fa-fuU", // of what % and = are before
	maskBlank:    " \t\r\n",
	maskEntity:   "A-Za-z#",                    // behind an ampersand
	maskEscape:   "uUx/0-3",                    // behind the backslash of a sign
	maskControl:  "\x00-\x08\x0b\x0c\x0e-\x1f", // of what is no text
	maskSlash:    "\\", maskLine: "\n", maskDot: ".", maskEquals: "=", maskPercent: "%", maskAmpersand: "&", maskTilde: "~", maskLess: "<", maskAt: "@", maskDash: "-",
	maskParts:  "+/-",
	maskRun:    runSpec,
	maskFirst:  "A-Za-f", // of which the values (RFC 4648, section 4) lack the bit that is the top one of a byte
	maskSecond: "A-HQ-Xg-nw-z0-3",
	maskThird:  "ABEFIJMNQRUVYZcdghklopstwx014589",
	maskPhrase: "a-z0-9 \t\r\n\\.):,+\"'", // of the words of seed phrases, and between them
}

// classTables are what the classes are looked up in.
type classTables struct {
	pairs   [4][16]byte  // buckets of the first bytes of pairs by low and high nibble, and of the second
	classes [4][256]byte // of each byte, eight in each
	firsts  [256]byte
	seconds [256]byte
	turn    [blockLen]byte // where of eight rows of as many bytes the columns are
}

var tables = newClassTables()

func newClassTables() (t classTables) {
	for n, spec := range classSpecs {
		for b, ok := range newClass(spec) {
			if ok {
				t.classes[n/8][b] |= 1 << (n % 8)
			}
		}
	}
	for k, p := range magicPairs {
		for _, c := range []byte(p.first) {
			t.pairs[0][c&15] |= 1 << k
			t.pairs[1][c>>4] |= 1 << k
		}
		for _, c := range []byte(p.second) {
			t.pairs[2][c&15] |= 1 << k
			t.pairs[3][c>>4] |= 1 << k
		}
	}
	for b := range 256 {
		t.firsts[b] = t.pairs[0][b&15] & t.pairs[1][b>>4]
		t.seconds[b] = t.pairs[2][b&15] & t.pairs[3][b>>4]
	}
	for i := range t.turn {
		t.turn[i] = byte(i%8*8 + i/8)
	}
	return t
}

// classify makes the masks of n blocks of text, the first of which is block k. It reads
// a byte behind them, as text has to have. There has to be room for as many blocks as are
// a multiple of classLanes: what those behind the last then have is not told.
func (m *masks) classify(k, n int, text []byte) {
	if n == 0 {
		return
	}
	_, _ = text[n*blockLen], m[(k+((n-1)|(classLanes-1)))*maskBytes]
	if !m.classifyVectors(k, n, text) {
		m.classifyPlain(k, n, text)
	}
}

// classifyPlain is classify without vector instructions: from bit planes.
func (m *masks) classifyPlain(k, n int, text []byte) {
	var of [maskClasses]uint64
	for i := range n {
		b := (*[blockLen + 1]byte)(text[i*blockLen:])
		planeClasses(&of, toPlanes((*[blockLen]byte)(b[:blockLen])))
		of[maskPair] = pairsIn(b)
		for c, v := range of {
			if v != 0 && c != maskPair { // as few are
				v = transpose(v)
			}
			m.set(c, k+i, v)
		}
		m.set(maskPhrase, k+i, m.of(maskPhrase, k+i)&^notWords(m.of(maskLower, k+i), m.of(maskSlash, k+i)))
	}
}

// notWords returns where words of small letters start that are shorter or longer than
// those of a phrase, as far as the block tells. An escape before a word may make it
// longer, and be a letter on its own.
func notWords(lower, slash uint64) uint64 {
	short := lower &^ (lower<<1 | 1) &^ ((lower>>1 | lastByte) & (lower>>2 | lastBytes)) &^ (slash<<1 | 1)
	return short | eightInRow(lower)&(lower>>8)&(lower>>9)
}

func pairsIn(b *[blockLen + 1]byte) (m uint64) {
	for i := 0; i < blockLen; i += wordLen {
		w := (*[wordLen + 1]byte)(b[i:])
		f, s := &tables.firsts, &tables.seconds
		if f[w[0]]&s[w[1]]|f[w[1]]&s[w[2]]|f[w[2]]&s[w[3]]|f[w[3]]&s[w[4]]|f[w[4]]&s[w[5]]|f[w[5]]&s[w[6]]|f[w[6]]&s[w[7]]|f[w[7]]&s[w[8]] == 0 {
			continue
		}
		for k := range wordLen {
			if f[w[k]]&s[w[k+1]] != 0 {
				m |= 1 << (i + k)
			}
		}
	}
	return m
}

// planeClasses makes the masks of the classes, as planes are.
func planeClasses(m *[maskClasses]uint64, p planes) {
	p0, p1, p2, p3, p4, p5, p6, p7 := p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
	// The rows of the table of ASCII, by the high nibble.
	r0, r1, r2, r3 := ^(p7 | p6 | p5 | p4), p4&^(p7|p6|p5), p5&^(p7|p6|p4), p5&p4&^(p7|p6)
	r4, r5, r6, r7 := p6&^(p7|p5|p4), p6&p4&^(p7|p5), p6&p5&^(p7|p4), p6&p5&p4&^p7
	r46, r57 := r4|r6, r5|r7
	// Columns, by the low one.
	c0 := ^(p3 | p2 | p1 | p0)
	c2, c4, c5, c6 := p1&^(p3|p2|p0), p2&^(p3|p1|p0), p2&p0&^(p3|p1), p2&p1&^(p3|p0)
	c8, cA, cB := p3&^(p2|p1|p0), p3&p1&^(p2|p0), p3&p1&p0&^p2
	cC, cD, cE, cF := p3&p2&^(p1|p0), p3&p2&p0&^p1, p3&p2&p1&^p0, p3&p2&p1&p0
	c9D, upTo9, upToA := p3&p0&^p1, ^(p3 & (p2 | p1)), ^(p3 & (p2 | p1&p0))
	white := c9D | cA // \t \r \n of r0

	m[maskUpper] = r4&^c0 | r5&upToA
	m[maskLower] = r6&^c0 | r7&upToA
	m[maskDigit] = r3 & upTo9
	m[maskParts] = r2 & p3 & p0 & (p2 | p1)
	m[maskJoiner] = m[maskParts] | r5&cF
	quote := r2 & p1 &^ (p3 | (p2 ^ p0)) // " and '
	m[maskQuote] = quote | r6&c0
	m[maskOperator] = r2&(cB|cE|c6) | r7&(cC|cE)
	m[maskPrefix] = r46&(c2|c6) | r57&(c2|c5) | r6&cE | r7&c4
	m[maskHex] = m[maskDigit] | r46&^(p3|c0|p2&p1&p0) | r57&c5
	m[maskBlank] = r2&c0 | r0&white
	m[maskEntity] = m[maskUpper] | m[maskLower] | r2&p1&p0&^(p3|p2)
	m[maskEscape] = r57&c5 | r7&c8 | r2&cF | r3&^(p3|p2)
	m[maskControl] = r1 | r0&^white
	m[maskSlash], m[maskLine], m[maskDot], m[maskEquals] = r5&cC, r0&cA, r2&cE, r3&cD
	m[maskPercent], m[maskAmpersand], m[maskTilde] = r2&c5, r2&c6, r7&cE
	m[maskLess], m[maskAt], m[maskDash] = r3&cC, r4&c0, r2&cD
	m[maskRun] = m[maskUpper] | m[maskLower] | m[maskDigit] | m[maskJoiner]
	m[maskFirst] = m[maskUpper] | m[maskLower]&^r7&^(p3|p2&p1&p0)
	m[maskSecond] = m[maskUpper]&(p3^(p2|p1|p0)) | m[maskLower]&(p3^p2&p1&p0) | m[maskDigit]&^(p3^p2)
	m[maskThird] = m[maskUpper]&(p1^p0) | m[maskLower]&^(p1^p0) | m[maskDigit]&^p1
	m[maskPhrase] = m[maskLower] | m[maskDigit] | m[maskBlank] | m[maskSlash] | quote | r2&(c9D&^p2|cB|cC|cE) | r3&cA
	m[maskHigh], m[maskLead] = p7, p7&p6
}
