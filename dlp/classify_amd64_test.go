package dlp

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func TestVectorsAreAsGoodAsBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, 256*blockLen+1)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	var want, got [256]blockMasks
	classifyPlain(want[:], text)
	for name, kernel := range map[string]struct {
		has bool
		run func(*blockMasks, *byte, int, *classTables)
	}{"AVX2": {cpu.X86.HasAVX2, classifyAVX2}, "AVX-512 VBMI": {cpu.X86.HasAVX512VBMI, classifyVBMI}} {
		if !kernel.has {
			t.Log("this processor has no", name)
			continue
		}
		kernel.run(&got[0], &text[0], len(got), &tables)
		if got != want {
			t.Error(name, "makes other masks")
		}
	}
}
