package dlp

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func TestVectorsAreAsGoodAsBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, surveyBlocks*blockLen+1)
	for range 64 {
		for i := range text {
			text[i] = byte(r.Uint32())
		}
		var want masks
		want.classifyPlain(1, surveyBlocks, text)
		for name, kernel := range map[string]struct {
			has bool
			run func(*uint64, *byte, int, *classTables)
		}{"AVX2": {cpu.X86.HasAVX2, classifyAVX2}, "AVX-512 VBMI": {cpu.X86.HasAVX512VBMI, classifyVBMI}} {
			if !kernel.has {
				t.Log("this processor has no", name)
				continue
			}
			var got masks
			if kernel.run(&got[0][1], &text[0], surveyBlocks, &tables); got != want {
				t.Error(name, "makes other masks")
			}
		}
	}
}
