package dlp

import (
	"math/rand/v2"
	"testing"
)

// randText returns n random bytes of a class written as for newClass.
func randText(r *rand.Rand, spec string, n int) string {
	c := newClass(spec)
	var set []byte
	for i := range 256 {
		if c[i] {
			set = append(set, byte(i))
		}
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = set[r.IntN(len(set))]
	}
	return string(b)
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 9)) }

// runFound is a finding of a rule.
type runFound struct{ rule, text string }

// runsOf returns what the rules find in the runs of a text, each with as much
// around it as an engine shows.
func runsOf(text string) (found []runFound) {
	b := []byte(text)
	for i := 0; i < len(b); i++ {
		end := runByte.span(b, i, len(b))
		if end-i >= 15 {
			lo, hi := max(0, i-runContext), min(len(b), end+runContext)
			window := b[lo:hi:hi]
			if r, from, to, ok := findRun(window, i-lo, end-lo, rulesFor(window, i-lo, end-lo)); ok {
				f := runFound{r.ID, string(window[from:to])}
				if len(found) == 0 || found[len(found)-1] != f {
					found = append(found, f)
				}
			}
		}
		i = max(i, end)
	}
	return found
}

// frame is where a text stands.
type frame struct{ before, after string }

// tokenFrames are the places of a token that needs no word before it.
var tokenFrames = []frame{
	{"", ""}, {"Authorization: Bot ", "\r\n"}, {`{"x":"`, `"}`}, {`{"text":"a\n`, `\nb"}`}, {`{"text":"\u0022`, `\u0022"}`},
	{"a=%22", "%22&b=1"}, {"export X=", "\n"}, {"use ", ", please"}, {"(", ")"}, {"x,", ",y"}, {`{\"a\":\"`, `\"}`},
}

func wantRun(t *testing.T, in, rule, text string) {
	t.Helper()
	got := runsOf(in)
	if len(got) != 1 || got[0] != (runFound{rule, text}) {
		t.Errorf("in %q: %v, want %s %q", in, got, rule, text)
	}
}

func wantNoRun(t *testing.T, name, in string) {
	t.Helper()
	if got := runsOf(in); len(got) != 0 {
		t.Errorf("%s: in %q: %v", name, in, got)
	}
}
