package dlp

import "golang.org/x/sys/cpu"

//go:noescape
func classifyVBMI(out *blockMasks, text *byte, blocks int, t *classTables)

//go:noescape
func classifyAVX2(out *blockMasks, text *byte, blocks int, t *classTables)

// classify makes the masks of as many blocks as out has room for. It reads a byte
// behind them, as text has to have.
func classify(out []blockMasks, text []byte) {
	if len(out) == 0 {
		return
	}
	_ = text[len(out)*blockLen]
	switch {
	case cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW:
		classifyVBMI(&out[0], &text[0], len(out), &tables)
	case cpu.X86.HasAVX2:
		classifyAVX2(&out[0], &text[0], len(out), &tables)
	default:
		classifyPlain(out, text)
	}
}
