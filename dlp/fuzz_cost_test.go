package dlp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

const (
	// costBytes is how much of a text is scanned: the time for twice as much has to
	// be no more than costGrowth times that.
	costBytes  = 16 << 10
	costGrowth = 3
	// costMost is how much longer than prose any text may take.
	costMost = 2000
	// costLittle is how much longer than prose is too little to tell a growth from.
	costLittle = 40
	// costTries is how often what took too long is measured again: on a busy machine,
	// the least time of several counts.
	costTries = 6
)

// costParts are what takes the most work: tokens, what only begins as one does, the
// signs of every encoding, and text in several of them.
func costParts() []string {
	parts := append(fragments(), innocent()...)
	token := samples[0].text(1)
	for i := range encoders {
		if enc := &encoders[i]; enc.coding == "" {
			once := enc.encode(token)
			parts = append(parts, once, once[:len(once)/2], enc.encode(" "), base64Std(once), octets(`\u%04x`, "")(base64Std(once)))
		}
	}
	return append(parts, "<~", "~>", "=3D", "=\n", "\\u0026", "&#", "%25", `\\\\\\\\`, "\" + \"", "\u200b", "\x00a\x00b", "a b c d e f ", "x\x9c", "\x1f\x8b\x08\x00", "PK\x03\x04",
		"eyJhbGciOi", "-----BEGIN ", "://", "@", "4111 1111 ", "abandon ", "DE89 ", "\"d\":\"", "AKIA", "eJwy", "H4sI")
}

// FuzzCost bounds the work for any text by its length: what is decoded is counted;
// the time must not grow faster than the text, nor be far above that of prose.
func FuzzCost(f *testing.F) {
	addSeeds(f)
	e := mustEngine(f, testKnown()...)
	parts := costParts()
	for i := range len(parts) / 2 {
		f.Add([]byte{0x80 | byte(2*i>>8), byte(2 * i), 0x80 | byte((2*i+1)>>8), byte(2*i + 1)}, uint64(i))
	}
	for _, unit := range []string{"x\x9c", "\x00\xff", "\x1f\x8b\x08\x00\x00", "\xd0\xb0\xd1\x81"} {
		f.Add([]byte(unit), uint64(1))
	}
	prose := bytes.Repeat([]byte("A text of words, which has nothing to find in it; nor does it seem so. "), 1000)[:2*costBytes]
	base := max(cost(f, e, prose, 2*costTries), time.Microsecond)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		unit := expand(data, parts)
		if seed%2 == 1 {
			unit = data // any bytes at all
		}
		if len(unit) == 0 {
			return
		}
		in := bytes.Repeat(unit, 2*costBytes/len(unit)+1)[:2*costBytes]
		var half, whole time.Duration
		for tries := range costTries {
			if whole = cost(t, e, in, 1+tries); whole < costLittle*base {
				return
			}
			if half = cost(t, e, in[:costBytes], 1+tries); whole < costGrowth*half+base && whole < costMost*base {
				return
			}
		}
		t.Fatalf("%v for a text, %v for twice as much, %v for prose", half, whole, base)
	})
}

// cost returns the least time of several scans of a text, in chunks, of which the
// work that is counted has to be within its bounds.
func cost(t testing.TB, e *dlp.Engine, text []byte, tries int) time.Duration {
	t.Helper()
	var least time.Duration
	sc := e.NewScanner()
	for range tries {
		start := cpuTime(t)
		sc.Reset()
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 8<<10)
			sc.Write(rest[:n])
			rest = rest[n:]
		}
		sc.Close()
		if took := cpuTime(t) - start; least == 0 || took < least {
			least = took
		}
		if done, allowed := sc.Work(); done > allowed {
			t.Fatalf("%d bytes were decoded of a text of %d; %d are allowed", done, len(text), allowed)
		}
	}
	return least
}
