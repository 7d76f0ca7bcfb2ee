package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func findSignsAVX512(out *uint64, some *uint32, masks *byte, least, blocks uint64, consts *signConsts)

//go:noescape
func findSignsAVX2(out *uint64, some *uint32, masks *byte, least, blocks uint64, consts *signConsts)

// hasSigns512 says that there is what findSignsAVX512 takes.
var hasSigns512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512VPOPCNTDQ

// findVectors is find, if the processor has what that takes. It may look at some blocks
// more.
func (f *signs) findVectors(m *masks, first, last int, least uint) bool {
	f.some = [signCount]uint32{}
	out, some, in := &f.of[0][first], &f.some[0], &m[first*maskBytes]
	switch blocks := uint64(last - first + 1); {
	case hasSigns512:
		findSignsAVX512(out, some, in, uint64(least), blocks, &signOperands)
	case cpu.X86.HasAVX2:
		findSignsAVX2(out, some, in, uint64(least), blocks, &signOperands)
	default:
		return false
	}
	return true
}

// signConsts are operands in each lane of a vector.
type signConsts [signOperandCount][8]uint64

const (
	signOne = iota
	signLast
	signLastTwo
	signLastFour
	signFewDigits
	signBroken
	signFive   // one less than steps looks for
	signNibble // of each byte the low one
	signCounts // the bits that each nibble has
	signOperandCount
)

var signOperands = newSignConsts()

func newSignConsts() (t signConsts) {
	for lane := range t[0] {
		t[signOne][lane] = 1
		t[signLast][lane], t[signLastTwo][lane], t[signLastFour][lane] = lastByte, lastBytes, lastFour
		t[signFewDigits][lane], t[signBroken][lane], t[signFive][lane] = minDigits-1, maxBroken, 5
		t[signNibble][lane] = 0x0f * lanes
		t[signCounts][lane] = [...]uint64{0x0302020102010100, 0x0403030203020201}[lane%2]
	}
	return t
}
