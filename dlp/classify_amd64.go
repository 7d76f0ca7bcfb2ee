package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func classifyVBMI(out *blockMasks, text *byte, blocks int, t *classTables)

//go:noescape
func classifyAVX2(out *blockMasks, text *byte, blocks int, t *classTables)

// classifyVectors is classify, if the processor has what that takes. There is a
// block.
func classifyVectors(out []blockMasks, text []byte) bool {
	switch {
	case cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW:
		classifyVBMI(&out[0], &text[0], len(out), &tables)
	case cpu.X86.HasAVX2:
		classifyAVX2(&out[0], &text[0], len(out), &tables)
	default:
		return false
	}
	return true
}
