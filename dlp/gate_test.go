package dlp

import (
	"math/rand/v2"
	"testing"
)

// Every byte has its bits in the masks, wherever it stands and whatever is beside.
func TestSurveyIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for c := range 256 {
		for at := range blockLen {
			var b [blockLen]byte
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			b[at] = byte(c)
			var run, marks, tick, high uint64
			for i, c := range b {
				if runByte[c] {
					run |= 1 << i
				}
				if c == '"' || c == '\'' || c == '\\' {
					marks |= 1 << i
				}
				if c == '`' {
					tick |= 1 << i
				}
				if c >= 0x80 {
					high = 1
				}
			}
			got := survey(&b)
			if got.run != run || transpose(got.marks)&marks != marks || transpose(ticks(&b))&tick != tick || (got.high == 0) != (high == 0) {
				t.Fatalf("the masks of %q are %+v", b, got)
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
