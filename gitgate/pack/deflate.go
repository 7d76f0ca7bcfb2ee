package pack

import (
	"encoding/binary"
	"hash/adler32"
	"sync"
)

// unzipper decompresses zlib data (RFC 1950, 1951) that lies in memory as a whole,
// with some bytes behind it, into memory of just the size that comes out: three
// times as fast as a decoder of streams, and most entries of a pack are that small.
// It only ever says that it did so. Whatever is unusual or wrong is left to the
// decoder of streams, which says what it is.
type unzipper struct {
	src  []byte
	at   int    // in src
	bits uint64 // that were taken from src, the next ones lowest
	n    uint   // how many there are

	own     tables
	lengths [288 + 32]byte
}

// tables are what a block is decoded by.
type tables struct {
	literal [1<<literalBits + literalExtra]uint32
	dist    [1<<distBits + distExtra]uint32
}

// Codes of more bits than these are looked up in a second step. The second tables
// of a complete code of 288 or 30 symbols with at most 15 bits fit into the rest
// (zlib's enough.c: 1334 for 10 bits, 402 for 8).
const (
	literalBits  = 10
	distBits     = 8
	lengthBits   = 7 // the longest code of lengths
	literalExtra = 1334 - 1<<literalBits
	distExtra    = 402 - 1<<distBits
	maxCode      = 15
)

// An entry of a table is the bits of the code in its lowest byte, then four bits
// that are how many more belong to it, then what it is, then a number in the upper
// half: a literal, the base of a length or distance, or where a second table is.
const (
	isLiteral = iota << 12
	isBase
	isEnd
	isTable
	isNone
	kindMask = 15 << 12
)

// spare is how many bytes must lie behind the data, which may be read but not
// used.
const spare = 8

// unzip decompresses the data at the beginning of src into all of dst, and returns
// how much it took.
func (u *unzipper) unzip(dst, src []byte) (used int, ok bool) {
	if len(src) < 2+4+spare || src[0] != 0x78 || src[1]&0x20 != 0 || (uint(src[0])<<8|uint(src[1]))%31 != 0 {
		return 0, false
	}
	u.src, u.at, u.bits, u.n = src, 2, 0, 0
	defer func() { u.src = nil }()
	for done, last := 0, false; !last; {
		if !u.refill() {
			return 0, false
		}
		last = u.take(1) == 1
		switch u.take(2) {
		case 0:
			done, ok = u.stored(dst, done)
		case 1:
			done, ok = u.block(dst, done, fixed())
		case 2:
			if ok = u.dynamicCodes(); ok {
				done, ok = u.block(dst, done, &u.own)
			}
		default:
			ok = false
		}
		if !ok || last && done != len(dst) {
			return 0, false
		}
	}
	end := u.align()
	if len(src)-end < 4 || binary.BigEndian.Uint32(src[end:]) != adler32.Checksum(dst) {
		return 0, false
	}
	return end + 4, true
}

// refill has 56 bits at least at hand.
func (u *unzipper) refill() bool {
	if u.at+8 > len(u.src) {
		return false
	}
	u.bits |= binary.LittleEndian.Uint64(u.src[u.at:]) << u.n
	u.at += int(63-u.n) >> 3
	u.n |= 56
	return true
}

func (u *unzipper) take(n uint) uint {
	v := uint(u.bits) & (1<<n - 1)
	u.bits >>= n
	u.n -= n
	return v
}

// align gives back what was taken too much, and returns where the next byte is.
func (u *unzipper) align() int {
	u.at -= int(u.n >> 3)
	u.bits, u.n = 0, 0
	return u.at
}

func (u *unzipper) stored(dst []byte, done int) (int, bool) {
	at := u.align()
	if len(u.src)-at < 4 {
		return 0, false
	}
	n, inverse := binary.LittleEndian.Uint16(u.src[at:]), binary.LittleEndian.Uint16(u.src[at+2:])
	at += 4
	if n != ^inverse || int(n) > len(u.src)-at || int(n) > len(dst)-done {
		return 0, false
	}
	copy(dst[done:], u.src[at:at+int(n)])
	u.at = at + int(n)
	return done + int(n), true
}

// literalsAtOnce is how many literals found at the first look are taken before there
// must be more bits: what is left of 56 are enough for one more look.
const literalsAtOnce = 3

// block decompresses up to the end of a block by the tables. A symbol with all that
// belongs to it has at most 48 bits.
func (u *unzipper) block(dst []byte, done int, t *tables) (int, bool) {
	src, at, have, n := u.src, u.at, u.bits, u.n
symbols:
	for {
		if at+8 > len(src) {
			return 0, false
		}
		have |= binary.LittleEndian.Uint64(src[at:]) << n
		at += int(63-n) >> 3
		n |= 56
		e := t.literal[have&(1<<literalBits-1)]
		for i := 0; e&kindMask == isLiteral; i++ {
			if done == len(dst) {
				return 0, false
			}
			dst[done] = byte(e >> 16)
			done++
			have >>= e & 0xff
			n -= uint(e & 0xff)
			if i == literalsAtOnce-1 {
				continue symbols
			}
			e = t.literal[have&(1<<literalBits-1)]
		}
		if n < 48 {
			if at+8 > len(src) {
				return 0, false
			}
			have |= binary.LittleEndian.Uint64(src[at:]) << n
			at += int(63-n) >> 3
			n |= 56
		}
		if e&kindMask == isTable {
			e = t.literal[uint(e>>16)+uint(have>>literalBits)&(1<<(e>>8&15)-1)]
		}
		have >>= e & 0xff
		n -= uint(e & 0xff)
		switch e & kindMask {
		case isLiteral:
			if done == len(dst) {
				return 0, false
			}
			dst[done] = byte(e >> 16)
			done++
			continue
		case isEnd:
			u.at, u.bits, u.n = at, have, n
			return done, true
		case isNone:
			return 0, false
		}
		more := uint(e >> 8 & 15)
		length := int(e>>16) + int(have&(1<<more-1))
		have >>= more
		n -= more

		e = t.dist[have&(1<<distBits-1)]
		if e&kindMask == isTable {
			e = t.dist[uint(e>>16)+uint(have>>distBits)&(1<<(e>>8&15)-1)]
		}
		if e&kindMask != isBase {
			return 0, false
		}
		have >>= e & 0xff
		more = uint(e >> 8 & 15)
		back := int(e>>16) + int(have&(1<<more-1))
		have >>= more
		n -= uint(e&0xff) + more
		if back > done || length > len(dst)-done {
			return 0, false
		}
		if back >= 8 && length <= maxWords && done+maxWords+8 <= len(dst) {
			copyWords(dst[done-back:], dst[done:], length)
		} else {
			repeat(dst, done, back, length)
		}
		done += length
	}
}

// maxWords is the longest match in bytes that is copied in words.
const maxWords = 32

// copyWords copies n bytes or up to seven more, which what follows writes over.
func copyWords(from, to []byte, n int) {
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
	}
}

// repeat copies what was written so far back, which may run into itself.
func repeat(dst []byte, at, back, length int) {
	to := dst[at : at+length]
	for len(to) > back {
		copy(to, dst[at-back:at])
		to, at = to[back:], at+back
		back *= 2 // what stands there now repeats by twice as many, too
	}
	copy(to, dst[at-back:at])
}

// codeOrder is how the lengths of the codes of lengths are ordered.
var codeOrder = [19]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicCodes reads the tables of a block.
func (u *unzipper) dynamicCodes() bool {
	literals, dists, codes := int(u.take(5))+257, int(u.take(5))+1, int(u.take(4))+4
	if literals > 286 || dists > 30 {
		return false
	}
	var lengths [19]byte
	for i := range codes {
		if u.n < 3 && !u.refill() {
			return false
		}
		lengths[codeOrder[i]] = byte(u.take(3))
	}
	if !makeTable(u.own.literal[:1<<lengthBits], lengthBits, lengths[:], symbolTable.lengths[:]) || !u.readLengths(literals+dists) || u.lengths[256] == 0 {
		return false
	}
	return makeTable(u.own.literal[:], literalBits, u.lengths[:literals], symbolTable.literals[:]) &&
		makeTable(u.own.dist[:], distBits, u.lengths[literals:literals+dists], symbolTable.dists[:])
}

// readLengths reads so many lengths by the code in the table of literals.
func (u *unzipper) readLengths(count int) bool {
	for i := 0; i < count; {
		if u.n < 14 && !u.refill() {
			return false
		}
		e := u.own.literal[u.bits&(1<<lengthBits-1)]
		u.take(uint(e & 0xff))
		symbol := byte(e >> 16)
		if symbol < 16 {
			u.lengths[i] = symbol
			i++
			continue
		}
		var n int
		var value byte
		switch symbol {
		case 16:
			if i == 0 {
				return false
			}
			n, value = 3+int(u.take(2)), u.lengths[i-1]
		case 17:
			n = 3 + int(u.take(3))
		default:
			n = 11 + int(u.take(7))
		}
		if n > count-i {
			return false
		}
		for range n {
			u.lengths[i] = value
			i++
		}
	}
	return true
}

// fixed returns the tables of blocks without their own.
var fixed = sync.OnceValue(func() *tables {
	var l [288]byte
	var five [32]byte
	for i := range l {
		switch {
		case i < 144, i >= 280:
			l[i] = 8
		case i < 256:
			l[i] = 9
		default:
			l[i] = 7
		}
	}
	for i := range five {
		five[i] = 5
	}
	t := &tables{}
	makeTable(t.literal[:], literalBits, l[:], symbolTable.literals[:])
	makeTable(t.dist[:], distBits, five[:], symbolTable.dists[:])
	return t
})
