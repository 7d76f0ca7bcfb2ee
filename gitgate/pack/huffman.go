package pack

import "math/bits"

// makeTable makes the table of a canonical code (RFC 1951, section 3.2.2), of which
// codes of up to first bits are looked up at once. It fails if the code is not
// complete, but for one of no symbols, or of one with one bit, as zlib does where
// there is but one distance. symbols are what the table says of each.
//
// Codes come by their lengths, so each is written once: before those of one more bit
// the table is doubled, and what is doubled without being filled is written over.
func makeTable(table []uint32, first int, lengths []byte, symbols []uint32) bool {
	var counts, places [maxCode + 2]int
	for _, n := range lengths {
		counts[n]++
	}
	left := 1
	for n := 1; n <= maxCode; n++ {
		if left = left<<1 - counts[n]; left < 0 {
			return false
		}
		places[n+1] = places[n] + counts[n]
	}
	if left != 0 {
		if len(table) == 1<<first || places[maxCode+1] != counts[1] {
			return false
		}
		table[0] = isNone
	}
	var order [288]uint16 // the symbols by their codes
	for s, n := range lengths {
		if n > 0 {
			order[places[n]] = uint16(s)
			places[n]++
		}
	}
	b := tableBuilder{table: table, first: first, free: 1 << first, left: counts, prefix: -1}
	code, last := 0, 0
	for _, s := range order[:places[maxCode]] {
		n := int(lengths[s])
		code <<= n - last
		last = n
		b.grow(min(n, first))
		if !b.put(int(bits.Reverse16(uint16(code))>>(16-n)), n, symbols[s]) {
			return false
		}
		code++
	}
	b.grow(first)
	return true
}

// tableBuilder fills a table with codes in their order.
type tableBuilder struct {
	table  []uint32
	first  int
	grown  int              // by how many bits the table is looked up so far
	free   int              // where the next second table goes
	left   [maxCode + 2]int // how many codes of a length are not in it yet
	prefix int              // of the codes that the last second table is for
	start  int              // of that
	wide   int              // how many bits it is looked up by
}

// grow doubles the table until it is looked up by so many bits.
func (b *tableBuilder) grow(wide int) {
	for ; b.grown < wide; b.grown++ {
		copy(b.table[1<<b.grown:], b.table[:1<<b.grown])
	}
}

// put puts in a code, of which the first bit is the lowest.
func (b *tableBuilder) put(code, n int, symbol uint32) bool {
	e := symbol | uint32(n)
	b.left[n]--
	if n <= b.first {
		b.table[code] = e
		return true
	}
	if prefix := code & (1<<b.first - 1); prefix != b.prefix {
		b.prefix, b.start, b.wide = prefix, b.free, b.width(n)
		b.free += 1 << b.wide
		if b.free > len(b.table) {
			return false
		}
		b.table[prefix] = uint32(b.start)<<16 | isTable | uint32(b.wide)<<8
	}
	for i := code >> b.first; i < 1<<b.wide; i += 1 << (n - b.first) {
		b.table[b.start+i] = e
	}
	return true
}

// width is how many more bits the codes have, at most, that begin like one of n
// bits which is the shortest of them.
func (b *tableBuilder) width(n int) int {
	room := 1<<(n-b.first) - 1
	for room -= b.left[n]; room > 0 && n < maxCode; {
		n++
		room = room<<1 - b.left[n]
	}
	return n - b.first
}

// symbolTable is what tables say of the symbols of the three codes.
var symbolTable = makeSymbols()

type symbols struct {
	lengths  [19]uint32
	literals [288]uint32
	dists    [32]uint32
}

// makeSymbols makes the tables of RFC 1951, section 3.2.5.
func makeSymbols() *symbols {
	t := &symbols{}
	for i := range t.lengths {
		t.lengths[i] = isLiteral | uint32(i)<<16
	}
	for i := range 256 {
		t.literals[i] = isLiteral | uint32(i)<<16
	}
	t.literals[256] = isEnd
	base := uint32(3)
	for i := 257; i < 285; i++ {
		more := uint32(max(0, (i-261)/4))
		t.literals[i] = isBase | base<<16 | more<<8
		base += 1 << more
	}
	t.literals[285] = isBase | 258<<16
	t.literals[286], t.literals[287] = isNone, isNone
	base = 1
	for i := range 30 {
		more := uint32(max(0, i/2-1))
		t.dists[i] = isBase | base<<16 | more<<8
		base += 1 << more
	}
	t.dists[30], t.dists[31] = isNone, isNone
	return t
}
