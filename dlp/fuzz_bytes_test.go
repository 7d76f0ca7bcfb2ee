package dlp_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// FuzzBytes gives any bytes to a scanner with everything on: nothing panics, Safe
// keeps its promises with flushes and pauses between, and the stream comes out of a
// Redactor as long as it has to be.
func FuzzBytes(f *testing.F) {
	known := testKnown()
	e, err := dlp.New(dlp.Options{Known: known, Sessions: true, Custom: []dlp.CustomRule{{ID: "own", Prefix: "own_", Class: "[a-z0-9]", Length: 20}}})
	if err != nil {
		f.Fatal(err)
	}
	for i := range encoders {
		token := samples[i%len(samples)].text(uint64(i))
		f.Add([]byte("a "+encoders[i].encode(token)+" b"), uint64(i))
	}
	for _, texts := range sortedShapes() {
		for _, text := range texts {
			f.Add([]byte(text), uint64(len(text)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		in := data[:min(len(data), 64<<10)]
		r := rand.New(rand.NewPCG(seed, 5))
		most := 1 << r.IntN(13)
		sc := e.NewScanner()
		sc.Attach(dlp.NewSession(e))
		checkStream(t, sc, in, most, r)
		// With no more than the chunks, and with none.
		sc.Attach(nil)
		whole := textFindings(scanWhole(e, in))
		if got := textFindings(scanChunks(t, sc, in, func() int { return 1 + r.IntN(most) })); !slices.Equal(got, whole) {
			t.Fatalf("in chunks up to %d: %v, in one %v", most, got, whole)
		}
		checkLet(t, e, in, most, r)
	})
}

// checkStream writes a stream in chunks, with all that may come between.
func checkStream(t *testing.T, sc *dlp.Scanner, in []byte, most int, r *rand.Rand) {
	t.Helper()
	tr := &tracker{t: t, sc: sc}
	for rest := in; len(rest) > 0; {
		n := min(1+r.IntN(most), len(rest))
		tr.write(rest[:n])
		rest = rest[n:]
		switch r.IntN(8) {
		case 0:
			tr.flush()
		case 1:
			tr.step(0, sc.Idle)
			tr.flushed = tr.written
		}
	}
	tr.close()
}

// textFindings are the findings of what is no compressed data, of which only
// roughly is known where it came from.
func textFindings(found []dlp.Finding) []dlp.Finding {
	return slices.DeleteFunc(found, func(f dlp.Finding) bool {
		return f.Kind == dlp.KindUnscanned || strings.Contains(f.Path, "z") || strings.Contains(f.Path, "br")
	})
}

// checkLet has a Redactor that changes nothing let the stream out as it is.
func checkLet(t *testing.T, e *dlp.Engine, in []byte, most int, r *rand.Rand) {
	t.Helper()
	red := dlp.NewRedactor(e.NewScanner(), dlp.RedactOptions{Decide: func(dlp.Finding) dlp.Action { return dlp.Warn }})
	var out []byte
	var err error
	for rest := in; len(rest) > 0 && err == nil; {
		n := min(1+r.IntN(most), len(rest))
		if out, _, err = red.Write(out, rest[:n]); err == nil && r.IntN(8) == 0 {
			out, _, err = red.Flush(out)
		}
		rest = rest[n:]
	}
	if err == nil {
		out, _, err = red.Close(out)
	}
	if err != nil || !slices.Equal(out, in) {
		t.Fatalf("%v, %d bytes came out of %d", err, len(out), len(in))
	}
}
