package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func classifyGFNI(out *byte, text *byte, blocks int, t *classTables)

//go:noescape
func classifyAVX2(out *byte, text *byte, blocks int, t *classTables)

// hasClasses512 says that there is what classifyGFNI takes.
var hasClasses512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512GFNI && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasAVX512BW

// classifyVectors is classify, if the processor has what that takes. There is a
// block.
func (m *masks) classifyVectors(k, n int, text []byte) bool {
	switch {
	case hasClasses512:
		classifyGFNI(&m[k*maskBytes], &text[0], n, &tables)
	case cpu.X86.HasAVX2:
		classifyAVX2(&m[k*maskBytes], &text[0], n, &tables)
	default:
		return false
	}
	return true
}
