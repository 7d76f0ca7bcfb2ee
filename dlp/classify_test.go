package dlp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestClassesAreThoseOfTheTables(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, surveyBlocks*blockLen+1)
	for i := range text {
		text[i] = byte(i)
		if i > 512 {
			text[i] = byte(r.Uint32())
		}
	}
	var got, plain masks
	got.classify(1, surveyBlocks, text)
	if plain.classifyPlain(1, surveyBlocks, text); got != plain {
		t.Error("the classes without vectors are others")
	}
	for n, spec := range classSpecs {
		c := newClass(spec)
		for i := range text[:len(text)-1] {
			k := 1 + i/blockLen
			want := c[text[i]]
			if n == maskPhrase && notWords(got.of(maskLower, k), got.of(maskSlash, k))>>(i%blockLen)&1 != 0 {
				want = false
			}
			if has := got.of(n, k)>>(i%blockLen)&1 != 0; has != want {
				t.Fatalf("class %q has %q: %v", spec, text[i], has)
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	text := bytes.Repeat([]byte("some text, 0123 "), 65)
	var out masks
	b.Run("vector", func(b *testing.B) {
		b.SetBytes(1024)
		for b.Loop() {
			out.classify(0, surveyBlocks, text)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.SetBytes(1024)
		for b.Loop() {
			out.classifyPlain(0, surveyBlocks, text)
		}
	})
}
