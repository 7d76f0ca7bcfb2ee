package dlp

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestRunMaskIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for c := range 256 {
		for lane := range 8 {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], r.Uint64())
			b[lane] = byte(c)
			var want uint64
			for i := range b {
				if runByte[b[i]] {
					want |= 1 << i
				}
			}
			if got := runMask(binary.LittleEndian.Uint64(b[:])); got != want {
				t.Fatalf("the mask of %q is %08b, want %08b", b, got, want)
			}
		}
	}
}

func TestLongRuns(t *testing.T) {
	for start := range 64 {
		for n := range 65 - start {
			m := (uint64(1)<<n - 1) << start
			want := uint64(0)
			if n >= minRun {
				want = (1<<(n-minRun+1) - 1) << start
			}
			if got := longRuns(m); got != want {
				t.Fatalf("of %d ones at %d: %b, want %b", n, start, got, want)
			}
		}
	}
}
