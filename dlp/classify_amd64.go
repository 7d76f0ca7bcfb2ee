package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func classifyVBMI(out *uint64, text *byte, blocks int, t *classTables)

//go:noescape
func classifyAVX2(out *uint64, text *byte, blocks int, t *classTables)

// classifyVectors is classify, if the processor has what that takes. There is a
// block.
func (m *masks) classifyVectors(k, n int, text []byte) bool {
	switch {
	case cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW:
		classifyVBMI(&m[0][k], &text[0], n, &tables)
	case cpu.X86.HasAVX2:
		classifyAVX2(&m[0][k], &text[0], n, &tables)
	default:
		return false
	}
	return true
}
