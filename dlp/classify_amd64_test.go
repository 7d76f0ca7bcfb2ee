package dlp

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func TestVectorsAreAsGoodAsBytes(t *testing.T) {
	kernels := map[string]struct {
		has bool
		run func(*byte, *byte, int, *classTables)
	}{"AVX2": {cpu.X86.HasAVX2, classifyAVX2}, "AVX-512": {hasClasses512, classifyGFNI}}
	for name, kernel := range kernels {
		if !kernel.has {
			t.Log("this processor has no", name)
			continue
		}
		t.Run(name, func(t *testing.T) { testClasses(t, kernel.run) })
	}
}

// testClasses classes bytes of any value, text that has pairs of ASCII alone until its end,
// and words.
func testClasses(t *testing.T, run func(*byte, *byte, int, *classTables)) {
	const pairs, words = "x^Zz7<}]|M/K!\n abcXYZ0189", "abcdefghijklmnopqrstuvwxyz \\"
	r := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, surveyBlocks*blockLen+1)
	for round := range 1000 {
		n := 1 + round%surveyBlocks
		for i := range text {
			switch round % 3 {
			case 0:
				text[i] = byte(r.Uint32())
			case 1:
				text[i] = pairs[r.IntN(len(pairs))]
			case 2:
				text[i] = words[r.IntN(len(words))]
			}
		}
		if k := r.IntN(len(magicPairs)); round%3 == 1 {
			p := magicPairs[k]
			text[n*blockLen-1], text[n*blockLen] = p.first[0], p.second[r.IntN(len(p.second))]
		}
		var got, want masks
		want.classifyPlain(1, n, text)
		run(&got[maskBytes], &text[0], n, &tables)
		for class := range maskClasses {
			for k := 1; k <= n; k++ {
				if got, want := got.of(class, k), want.of(class, k); got != want {
					t.Fatalf("class %d of block %d of %d is %x, want %x", class, k, n, got, want)
				}
			}
		}
	}
}
