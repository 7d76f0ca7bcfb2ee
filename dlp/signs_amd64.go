package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func findSigns(out *uint64, some *uint16, masks *uint64, least, blocks uint64)

// hasSignVectors says that there is what findSigns takes.
var hasSignVectors = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512VPOPCNTDQ

// findVectors is find, if the processor has what that takes. It may look at some blocks
// more.
func (f *signs) findVectors(m *masks, first, last int, least uint) bool {
	if !hasSignVectors {
		return false
	}
	findSigns(&f.of[0][first], &f.some[0], &m[0][first], uint64(least), uint64(last-first+1))
	return true
}
