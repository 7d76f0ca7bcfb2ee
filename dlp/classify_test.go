package dlp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestClassesAreThoseOfTheTables(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 64*blockLen+1)
	for i := range text {
		text[i] = byte(i)
		if i > 512 {
			text[i] = byte(r.Uint32())
		}
	}
	var got, plain [64]blockMasks
	classify(got[:], text)
	classifyPlain(plain[:], text)
	if got != plain {
		for k := range got {
			for n := range got[k] {
				if got[k][n] != plain[k][n] && n <= maskPair {
					t.Errorf("block %d, class %d: %x, want %x", k, n, got[k][n], plain[k][n])
				}
			}
		}
	}
	for n, spec := range classSpecs {
		c := newClass(spec)
		for i := range text[:len(text)-1] {
			if has := got[i/blockLen][n]>>(i%blockLen)&1 != 0; has != c[text[i]] {
				t.Fatalf("class %q has %q: %v", spec, text[i], has)
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	text := bytes.Repeat([]byte("some text, 0123 "), 65)
	var out [16]blockMasks
	b.Run("vector", func(b *testing.B) {
		b.SetBytes(1024)
		for b.Loop() {
			classify(out[:], text)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(1024)
		for b.Loop() {
			classifyPlain(out[:], text)
		}
	})
}
