package dlp

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// What is left out as an ampersand of a query is none that isEntity takes for a sign.
func TestAmpersandsOfQueriesAreNoReferences(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	parts := []string{"&", "&&", "&#103;", "&#x67", "&amp;", "&amp;#103;", "&lowbar;", "amp;", ";", "#", "name", "x4", "=", "_", ".", "-", "a", "page=2", " ", "\xc3\xa9", "averylongnameofaparameter"}
	left, seen, s := 0, 0, e.NewScanner()
	for range 2000 {
		var text []byte
		for n := 1 + r.IntN(40*blockLen); len(text) < n; {
			text = append(text, parts[r.IntN(len(parts))]...)
		}
		s.Reset()
		s.buf = append(s.buf, text...)
		s.surveyAll(0, func(first, last int) {
			v := s.survey
			for k := first; k <= last; k++ {
				i := v.origin + k*blockLen
				all := v.masks.of(maskAmpersand, k)
				if i >= len(text) || all == 0 {
					continue
				}
				if seen++; !s.inQuery(all, k) {
					continue
				}
				for left++; all != 0; all &= all - 1 {
					if at := i + bits.TrailingZeros64(all); at+1 < len(text) && isEntity(text, at, at+1) {
						t.Fatalf("the ampersand at %d of %q is left out", at, text)
					}
				}
			}
		})
	}
	if left < 100 || left == seen {
		t.Errorf("of %d blocks, %d are of queries", seen, left)
	}
}
