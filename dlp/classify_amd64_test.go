package dlp

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func TestVectorsAreAsGoodAsBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, surveyBlocks*blockLen+1)
	for round := range 64 {
		for i := range text {
			text[i] = byte(r.Uint32())
		}
		n := 1 + round%surveyBlocks
		var want masks
		want.classifyPlain(1, n, text)
		for name, kernel := range map[string]struct {
			has bool
			run func(*uint64, *byte, int, *classTables)
		}{"AVX2": {cpu.X86.HasAVX2, classifyAVX2}, "AVX-512 VBMI": {cpu.X86.HasAVX512VBMI, classifyVBMI}} {
			if !kernel.has {
				t.Log("this processor has no", name)
				continue
			}
			var got masks
			kernel.run(&got[0][1], &text[0], n, &tables)
			for class := range got {
				clear(got[class][1+n : 2+((n-1)|(classLanes-1))])
			}
			if got != want {
				t.Error(name, "makes other masks of", n, "blocks")
			}
		}
	}
}
