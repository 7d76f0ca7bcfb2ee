package replace

import (
	"math/rand/v2"
	"strings"
	"testing"
)

const (
	credential = "sk-ant-api03-h7Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa"
	stand      = "sk-ant-api03-PLACEHOLDERPLACEHOLDERPLACEHOLDE"
	opaque     = "h7Jq2mXz9bLw4TnRv8cYk1Ge5sPd6uQa"
	opaqueIn   = "PLACEHOLDERPLACEHOLDERPLACEHOLDE"
)

func trickle(s *Stream, text string) string {
	var out []byte
	for i := range len(text) {
		out = s.Append(out, []byte{text[i]})
		out = s.Flush(out)
		out = s.Flush(out) // a second idle moment lets nothing more out
	}
	return string(s.Close(out))
}

func TestACredentialThatTricklesIsNotLeaked(t *testing.T) {
	tests := []struct {
		name           string
		from, to, want string
	}{
		{"what value and placeholder share is no secret", credential, stand, stand},
		{"of an opaque value at most 8 bytes come through", opaque, opaqueIn, opaque[:maxFlushed] + opaqueIn[maxFlushed:]},
		{"of a short one a third", "abcdefghi", "XXXXXXXXX", "abcXXXXXX"},
		{"a shorter placeholder", opaque, "GONE-GONE-GONE", opaque[:maxFlushed] + "-GONE-GONE-GONE"[maxFlushed+1:]},
		{"one shorter than what came through", opaque, "x", opaque[:maxFlushed]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := mustTable(t, Pair{From: test.from, To: test.to}).NewStream()
			if got, want := trickle(s, "key="+test.from+" end"), "key="+test.want+" end"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if hits := s.Hits(); len(hits) != 1 || hits[0].Count != 1 {
				t.Errorf("hits %v", hits)
			}
		})
	}
}

func TestFlushLetsAChanceBeginningGo(t *testing.T) {
	s := mustTable(t, Pair{From: opaque, To: opaqueIn}).NewStream()
	out := s.Append(nil, []byte("prompt> h7J"))
	if s.Held() != 3 {
		t.Fatalf("%d bytes held", s.Held())
	}
	if out = s.Flush(out); string(out) != "prompt> h7J" || s.Held() != 0 {
		t.Errorf("after Flush %q, %d held", out, s.Held())
	}
	// It was chance: what follows comes once.
	if out = s.Append(out, []byte("unction")); string(out) != "prompt> h7Junction" {
		t.Errorf("then %q", out)
	}
}

func TestFlushKeepsALongBeginning(t *testing.T) {
	s := mustTable(t, Pair{From: opaque, To: opaqueIn}).NewStream()
	begin := opaque[:maxFlushed+1]
	out := s.Flush(s.Append(nil, []byte("x"+begin)))
	if string(out) != "x" || s.Held() != len(begin) {
		t.Errorf("%q is out, %d held", out, s.Held())
	}
	if out = s.Append(out, []byte("!")); string(out) != "x"+begin+"!" {
		t.Errorf("a beginning that was none came out as %q", out)
	}
}

func TestFlushJudgesEveryTextThatMayHaveBegun(t *testing.T) {
	// The end of the first text's shared beginning is the beginning of the
	// second, of which nothing is shared.
	s := mustTable(t, Pair{From: "common-prefix-0123456789abc", To: "common-prefix-XXXXXXXXXXXXX"},
		Pair{From: "prefix-abcdefghijklmnopqrst", To: "YYYYYYYYYYYYYYYYYYYYYYYYYYY"}).NewStream()
	out := s.Flush(s.Append(nil, []byte("common-prefix-")))
	if string(out) != "common-prefix-" {
		t.Errorf("7 bytes of the second text are no more than may go, but %q is out", out)
	}
	s = mustTable(t, Pair{From: "common-prefix-long-0123456789abc", To: "common-prefix-long-XXXXXXXXXXXXX"},
		Pair{From: "prefix-long-abcdefghijklmnopqrst", To: "YYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYY"}).NewStream()
	out = s.Flush(s.Append(nil, []byte("common-prefix-long-")))
	if string(out) != "" {
		t.Errorf("%q is out, with 12 bytes of the second text", out)
	}
}

func TestFlushDecidesAWholeTextThatALongerOneBeginsWith(t *testing.T) {
	ps := pairs("abcdefghi>ABCDEFGHI", "abcdefghijklmnopqrstuvwxyz>THE-LONGER-ONE-OF-THE-TWO-")
	s := mustTable(t, ps...).NewStream()
	out := s.Append(nil, []byte("abcdefghi"))
	if len(out) != 0 {
		t.Fatalf("%q is out before it is known which it is", out)
	}
	if out = s.Flush(out); string(out) != "ABCDEFGHI" || s.Held() != 0 {
		t.Fatalf("%q is out, %d held", out, s.Held())
	}
	if out = s.Close(s.Append(out, []byte("j rest"))); string(out) != "ABCDEFGHIj rest" {
		t.Errorf("the shorter one: %q", out)
	}
	out = s.Flush(s.Append(nil, []byte("abcdefghi")))
	if out = s.Append(out, []byte("jklmnopqrstuvwxyz!")); string(out) != "ABCDEFGHI"+"THE-LONGER-ONE-OF-THE-TWO-"[9:]+"!" {
		t.Errorf("the longer one: %q", out)
	}
}

// TestFlushingChangesNoLengthAndLeaksLittle trickles random texts with pauses
// in random places.
func TestFlushingChangesNoLengthAndLeaksLittle(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ps := []Pair{{From: credential, To: stand}, {From: opaque, To: opaqueIn, ID: 1}, {From: "aaaaaaaaaaaaaaab", To: "XXXXXXXXXXXXXXXX", ID: 2}}
	table := mustTable(t, ps...)
	for range 2000 {
		var in strings.Builder
		for range 6 {
			from := ps[r.IntN(len(ps))].From
			switch r.IntN(3) {
			case 0:
				in.WriteString(from)
			case 1:
				in.WriteString(from[:r.IntN(len(from))])
			case 2:
				in.WriteString(token(r, r.IntN(20)))
			}
		}
		s := table.NewStream()
		var out []byte
		for rest := in.String(); rest != ""; {
			n := min(1+r.IntN(8), len(rest))
			out = s.Append(out, []byte(rest[:n]))
			rest = rest[n:]
			if r.IntN(2) == 0 {
				out = s.Flush(out)
			}
		}
		out = s.Close(out)
		if len(out) != in.Len() {
			t.Fatalf("%q became %q: another length", in.String(), out)
		}
		for _, p := range ps {
			if strings.Contains(string(out), p.From) {
				t.Fatalf("%q became %q, which holds %q", in.String(), out, p.From)
			}
		}
	}
}

// TestATextIsNamedWhenItIsFound, and not before.
func TestATextIsNamedWhenItIsFound(t *testing.T) {
	table, err := New([]Pair{{From: "PLACEHOLDER-A", To: "expected-by-a", ID: 7}, {From: "PLACEHOLDER-B", To: "", ID: 9}})
	if err != nil {
		t.Fatal(err)
	}
	var asked []int
	s := table.NewStreamTo(func(id int) string {
		asked = append(asked, id)
		return map[int]string{7: "another, longer text", 9: "b"}[id]
	})
	in := "x PLACEHOLDER-A y PLACEHOLDER- PLACEHOLDER-B PLACEHOLDER-A"
	var out []byte
	for i := range len(in) {
		out = s.Append(out, []byte(in[i:i+1]))
		if i == len("x PLACEHOLDER") && len(asked) > 0 {
			t.Error("it was asked for a text that is not found yet")
		}
	}
	out = s.Close(out)
	if want := "x another, longer text y PLACEHOLDER- b another, longer text"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if len(asked) != 3 || asked[0] != 7 || asked[1] != 9 || asked[2] != 7 {
		t.Errorf("it was asked for %v", asked)
	}
}
