package dlp

import "math/bits"

// signs tell of each block what there is to look at, by the masks of its classes and of
// those beside it.
type signs struct {
	of     [signCount][maskBlocks]uint64
	first  int
	blocks uint32 // a bit for each block that is looked at
	// some has a bit for each block from the first on that has a sign, and for some
	// behind the last.
	some [signCount]uint32
}

const (
	signStart     = iota // of a run of some length
	signEnd              // as far before the end of such a run
	signPhrase           // the start of seedStep bytes that may be of a seed phrase
	signPhraseEnd        // as far before the end of such bytes
	signBreak            // a line break behind what may be of a token
	signMark             // what may be a sign of an encoding
	signRare             // what few blocks have, as rareOf returns it
	signSingle           // what may be of single characters, between what is of no run
	signJoined           // the same between what may be of runs
	signFold             // characters that are not ASCII, in what may be text
	signWide             // the first of some controls that characters of two or four bytes may have
	signCount
)

// has returns which of the blocks from the first on have a sign.
func (f *signs) has(sign int) uint32 { return f.some[sign] & f.blocks }

// each calls look with each of the blocks that have a sign, and where they have it.
func (f *signs) each(sign int, look func(k int, m uint64)) {
	for has := f.has(sign); has != 0; has &= has - 1 {
		k := f.first + bits.TrailingZeros32(has)
		look(k, f.of[sign][k&63])
	}
}

// find looks for the signs in the blocks from first to last, surveyBlocks at most.
func (f *signs) find(m *masks, first, last int, least uint) {
	f.first, f.blocks = first, 1<<(last-first+1)-1
	if !f.findVectors(m, first, last, least) {
		f.findPlain(m, first, last, least)
	}
}

// findPlain is find without vector instructions.
func (f *signs) findPlain(m *masks, first, last int, least uint) {
	f.some = [signCount]uint32{}
	for k := first; k <= last; k++ {
		b := block{m, k}
		prev, run, next := m.of(maskRun, k-1), m.of(maskRun, k), m.of(maskRun, k+1)
		long, _ := inRow(run, next, least)
		f.note(signStart, k, long&^(run<<1|prev>>(blockLen-1)))
		f.note(signEnd, k, long&^behind(run, next, least))
		prev, words, next := m.of(maskPhrase, k-1), m.of(maskPhrase, k), m.of(maskPhrase, k+1)
		phrase, after := inRow(words, next, 16)
		phrase, after = phrase&behind(phrase, after, 16), after&(after>>16)
		phrase &= behind(phrase, after, seedStep-32)
		f.note(signPhrase, k, phrase&^(words<<1|prev>>(blockLen-1)))
		f.note(signPhraseEnd, k, phrase&^behind(words, next, seedStep))
		f.note(signBreak, k, breaksOf(b))
		f.note(signMark, k, marksOf(b))
		f.note(signRare, k, rareOf(b))
		f.note(signSingle, k, steps(run&^(run<<1)))
		joined := steps(b.of(maskJoiner))
		if long == 0 {
			joined = 0
		}
		f.note(signJoined, k, joined)
		f.note(signFold, k, foldsOf(b))
		f.note(signWide, k, widesOf(b.of(maskControl), block{m, k + 1}.of(maskControl)))
	}
}

// note notes a sign of a block.
func (f *signs) note(sign, k int, m uint64) {
	if f.of[sign][k] = m; m != 0 {
		f.some[sign] |= 1 << (k - f.first)
	}
}

// inRow returns the bytes of a block from which a number of bytes in a row, 8 to 16,
// have a bit in its mask and that of the next, and what is known of that for the next.
func inRow(m, next uint64, least uint) (uint64, uint64) {
	m, next = m&behind(m, next, 1), next&(next>>1)
	m, next = m&behind(m, next, 2), next&(next>>2)
	m, next = m&behind(m, next, 4), next&(next>>4)
	least = (least - 8) & 63
	return m & behind(m, next, least), next & (next >> least)
}

// behind returns a mask of the bytes behind which, by n, one of a mask stands, with
// that of the next block.
func behind(m, next uint64, n uint) uint64 { return m>>n | next<<(blockLen-n) }

// What the blocks beside have is mostly not asked for: where it matters, it is taken
// to be what makes a sign.
const (
	lastByte  = 1 << 63
	lastBytes = 3 << 62
	lastFour  = 15 << 60
)

// leadTo returns the bytes of ends, and those from which only bytes of through lead to
// one. Those from which eight lead, or all to the end of the block, may do so too.
func leadTo(ends, through uint64) uint64 {
	ends |= through & (ends>>1 | lastByte)
	through &= through>>1 | lastByte
	ends |= through & (ends>>2 | lastBytes)
	through &= through>>2 | lastBytes
	ends |= through & (ends>>4 | lastFour)
	return ends | through&(through>>4|lastFour)
}

// marksOf returns the bytes of a block that may be signs by the two behind them. What
// the next block has matters for backslashes, which are frequent.
func marksOf(b block) uint64 {
	slash, blank, hex := b.of(maskSlash), b.of(maskBlank), b.of(maskHex)
	// A backslash before what no encoder has a reason to write so.
	marks := slash & behind(b.of(maskEscape), block{b.masks, b.k + 1}.of(maskEscape), 1)
	// An equals or percent sign before digits in hex, or at the end of a line.
	ends := b.of(maskLine) | slash&((b.of(maskPrefix)|slash)>>1|lastByte)
	marks |= (b.of(maskEquals) | b.of(maskPercent)) & (hex>>1&(hex>>2) | ends>>1 | blank>>1&((blank|ends)>>2) | lastBytes)
	marks |= b.of(maskAmpersand)&(b.of(maskEntity)>>1|lastByte) | b.of(maskLess)&(b.of(maskTilde)>>1|lastByte)
	// A quotation mark before another, with what joins strings between, and no blank
	// before it, where strings begin.
	quote := b.of(maskQuote)
	join := b.of(maskOperator) | blank | slash
	next := leadTo(quote, join|b.of(maskPrefix)) & (quote | join)
	begins := blank<<1 | blank<<2&(slash<<1)
	return marks | quote&^begins&(next>>1|lastByte)
}

// breaksOf returns the line breaks of a block, plain or escaped, between what may be
// of a token. Before them stand eight bytes that are not all small letters. A dot may
// stand between, and the backslashes of a break and its carriage return. Behind them an
// indent may.
func breaksOf(b block) uint64 {
	slash, line, dot, lower := b.of(maskSlash), b.of(maskLine), b.of(maskDot), b.of(maskLower)
	prev := block{b.masks, b.k - 1}
	token := b.of(maskRun) | dot | b.of(maskEquals)
	left, eight := inRow(prev.of(maskRun)|prev.of(maskDot)|prev.of(maskEquals), token, 8)
	leftSmall, small := inRow(prev.of(maskLower), lower, 8)
	sentence := ahead(prev.of(maskDot), dot, 1)
	reach := ahead(left, eight, 8) &^ (ahead(leftSmall, small, 8)&^sentence | ahead(leftSmall, small, 9)&sentence)
	through := ahead(prev.of(maskSlash)|prev.of(maskBlank), slash|b.of(maskBlank)&(line>>1|lastByte), 1)
	reach |= through & (reach<<1 | 1)
	reach |= through & (reach<<1 | 1)
	reach |= through & (reach<<1 | 1)
	tab := slash & (b.of(maskPrefix)&b.of(maskThird)&lower>>1 | lastByte) // of \t
	next := leadTo(token, b.of(maskBlank)&^line|tab|tab<<1|1)
	letter := b.of(maskPrefix) &^ b.of(maskHex) &^ b.of(maskThird) // n or r
	ends := (letter>>1|lastByte)&(next>>2|lastBytes) | (letter&^b.of(maskSecond)>>1|lastByte)&(slash>>2|lastBytes)
	return (line&(next>>1|lastByte) | slash&ends) & reach
}

// ahead returns a mask of the bytes before which, by n, one of a mask stands, with that
// of the block before.
func ahead(prev, m uint64, n uint) uint64 { return m<<n | prev>>(blockLen-n) }

// rareOf returns the bytes of a block that may be, or be near, what few blocks have:
// dashes as in the headers of keys, numbers, URLs with a password, compressed data.
func rareOf(b block) uint64 {
	dashes := b.of(maskDash)
	return dashes&(dashes>>1|lastByte) | b.of(maskAt) | numbersIn(b) | startsOf(b)
}

// foldsOf returns the beginnings of characters that are not ASCII, but for those near a
// control, as isBinary says, and those among too many that are none. What the next
// block has is not known here.
func foldsOf(b block) uint64 {
	lead := b.of(maskLead) & ((b.of(maskHigh)&^b.of(maskLead))>>1 | lastByte)
	if bits.OnesCount64(b.of(maskLead)&^lead) > maxBroken {
		return 0 // no text has so many beginnings of characters that are none
	}
	near := b.of(maskControl)
	left := near | near>>1
	left |= left >> 2
	left |= left >> 4
	near |= near << 1
	near |= near << 2
	near |= near << 4
	return lead &^ (near | near<<8 | near<<9 | left | left>>8)
}

// widesOf returns the bytes of a block from which four controls stand, each four behind
// the last, with the controls of the next: in UTF-16 and UTF-32, those are zeros.
func widesOf(m, next uint64) uint64 {
	m, next = m&behind(m, next, 4), next&(next>>4)
	return m & behind(m, next, 8)
}

// maxBroken is how many bytes of a block may start a character and have none of it
// behind them.
const maxBroken = 4

// steps returns at which bits of a mask six start, each as far behind the last, at
// a distance at which single characters or bytes in hex may stand.
func steps(m uint64) uint64 {
	p2, p3, p4, p5, p6 := m&(m>>2), m&(m>>3), m&(m>>4), m&(m>>5), m&(m>>6)
	p2, p3, p4, p5, p6 = p2&(p2>>2), p3&(p3>>3), p4&(p4>>4), p5&(p5>>5), p6&(p6>>6)
	return p2&(p2>>6) | p3&(p3>>9) | p4&(p4>>12) | p5&(p5>>15) | p6&(p6>>18)
}
