package dlp_test

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// expand lets a fuzzer compose streams of whole tokens: a byte from 0x80 on
// stands for a fragment, repeated as the next byte says.
func expand(in []byte, parts []string) []byte {
	const most = 12 << 10
	var b []byte
	for i := 0; i < len(in) && len(b) < most; i++ {
		switch c := in[i]; {
		case c < 0x80:
			b = append(b, c)
		case c < 0xf8 && i+1 < len(in):
			b = append(b, parts[(int(c&0x7f)<<8|int(in[i+1]))%len(parts)]...)
			i++
		case i+1 < len(in):
			for range int(in[i+1]) * int(c&7) {
				b = append(b, in[max(0, i-1)]&0x7f)
			}
			i++
		}
	}
	return b
}

func addSeeds(f *testing.F) {
	f.Add([]byte("nothing to see"), uint64(1))
	f.Add([]byte{0x80, 0x20, ' ', 0x80, 0x30, '\n', 0x80, 0x81}, uint64(2))
	f.Add([]byte{'a', 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, ' ', 0x80, 0xa0}, uint64(3))
	for i := range byte(40) {
		f.Add([]byte{0x80, 5 * i, ' ', 0x80, 5*i + 1, 0x80, 5*i + 2, '"', 0x80, 5*i + 3, 0x80, 5*i + 4}, uint64(i))
	}
}

// FuzzChunking holds the scanner, in any chunks, to what trying every literal
// at every offset finds.
func FuzzChunking(f *testing.F) {
	addSeeds(f)
	e := mustEngine(f, testKnown()...)
	parts := fragments()
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		in := expand(data, parts)
		want := wanted(e, in)
		if got := scanWhole(e, in); !slices.Equal(got, want) {
			t.Fatalf("whole: %s", difference(got, want))
		}
		r := rand.New(rand.NewPCG(seed, 0))
		most := 1 << r.IntN(13)
		if got := scanChunks(t, e.NewScanner(), in, func() int { return 1 + r.IntN(most) }); !slices.Equal(got, want) {
			t.Fatalf("chunks up to %d: %s", most, difference(got, want))
		}
	})
}

// FuzzSafe checks at every step, with flushes between, that Safe keeps its
// promises and that no flush loses or repeats a match.
func FuzzSafe(f *testing.F) {
	addSeeds(f)
	e := mustEngine(f, testKnown()...)
	parts := fragments()
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		most := 1 << r.IntN(13)
		checkFlushes(t, e, expand(data, parts), func() (int, bool) { return 1 + r.IntN(most), r.IntN(4) == 0 })
	})
}
