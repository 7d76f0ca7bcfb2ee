package dlp

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func TestSignsOfVectors(t *testing.T) {
	kernels := map[string]struct {
		has bool
		run func(*uint64, *uint32, *byte, uint64, uint64, *signConsts)
	}{"AVX2": {cpu.X86.HasAVX2, findSignsAVX2}, "AVX-512": {hasSigns512, findSignsAVX512}}
	for name, kernel := range kernels {
		if !kernel.has {
			t.Log("this processor has no", name)
			continue
		}
		t.Run(name, func(t *testing.T) { testSigns(t, kernel.run) })
	}
}

func testSigns(t *testing.T, run func(*uint64, *uint32, *byte, uint64, uint64, *signConsts)) {
	r := rand.New(rand.NewPCG(5, 6))
	parts := []string{"word", "Name", "x4Kd92mQz7Lp3RtY8w", "\\n", "\n", "\r\n", "  ", "\"", "\" + \"", "%67", "&amp;", "&#103;", "<~", "=67", "=\n", "-----", "4111 1111", "a b c d e f", "abandon ability able about above ", "\\u0067", "\x1f\x8b", "\xe2\x80\x8b", "@", ".", "A&A", "a-b-c-d-e-f-g"}
	for round := range 3000 {
		var text []byte
		for len(text) <= surveyBlocks*blockLen {
			if text = append(text, parts[r.IntN(len(parts))]...); round%3 == 0 {
				text = append(text, byte(r.Uint32()))
			}
		}
		var m masks
		m.classify(2, surveyBlocks, text[:surveyBlocks*blockLen+1])
		first, last, least := 1+r.IntN(2), 2+r.IntN(surveyBlocks-1), uint(8+r.IntN(9))
		var got, want signs
		run(&got.of[0][first], &got.some[0], &m[first*maskBytes], uint64(least), uint64(last-first+1), &signOperands)
		for sign := range got.some {
			got.some[sign] &= uint32(1<<(last-first+1) - 1)
		}
		want.first = first
		want.findPlain(&m, first, last, least)
		if got.some != want.some {
			t.Fatalf("round %d: %x, want %x", round, got.some, want.some)
		}
		for sign := range signCount {
			for k := first; k <= last; k++ {
				if got.of[sign][k] != want.of[sign][k] {
					t.Fatalf("round %d, sign %d, block %d: %x, want %x", round, sign, k, got.of[sign][k], want.of[sign][k])
				}
			}
		}
	}
}
