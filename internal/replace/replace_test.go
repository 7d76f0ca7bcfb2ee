package replace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func mustTable(t testing.TB, pairs ...Pair) *Table {
	t.Helper()
	table, err := New(pairs)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// pairs builds pairs from "from>to" texts, with IDs from 0.
func pairs(specs ...string) (out []Pair) {
	for i, s := range specs {
		from, to, _ := strings.Cut(s, ">")
		out = append(out, Pair{From: from, To: to, ID: i})
	}
	return out
}

func whole(table *Table, text string) string {
	s := table.NewStream()
	return string(s.Close(s.Append(nil, []byte(text))))
}

// naive is the definition: at each place the longest text that stands there,
// of equal ones the first.
func naive(pairs []Pair, text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		best := -1
		for k, p := range pairs {
			if strings.HasPrefix(text[i:], p.From) && (best < 0 || len(p.From) > len(pairs[best].From)) {
				best = k
			}
		}
		if best < 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(pairs[best].To)
		i += len(pairs[best].From)
	}
	return out.String()
}

func TestReplacement(t *testing.T) {
	tests := []struct {
		name  string
		pairs []Pair
		in    string
		want  string
	}{
		{"no pairs change nothing", nil, "anything", "anything"},
		{"a text is replaced each time", pairs("secret>XXXXXX"), "a secret, secretsecret", "a XXXXXX, XXXXXXXXXXXX"},
		{"the leftmost of overlapping texts wins", pairs("bcdef>2", "abcd>1"), "abcdef", "1ef"},
		{"of texts at the same place the longest wins", pairs("abc>1", "abcdef>2"), "abcdef abcde", "2 1de"},
		{"a longer text that does not complete gives the shorter its place", pairs("abc>1", "abcdefgh>2", "def>3"), "abcdefg", "13g"},
		{"a longer text that began earlier wins over one inside", pairs("xabcx>1", "abc>2"), "xabcx xabcy", "1 x2y"},
		{"what was put in is not looked at again", pairs("a>b", "b>a"), "abab", "baba"},
		{"a text may be a single byte", pairs("/>\\/"), "a/b", "a\\/b"},
		{"a text may become nothing", pairs("gone>"), "it is gone.", "it is ."},
		{"of equal texts the first counts", pairs("same>1", "same>2"), "same", "1"},
		{"a repetition is matched from the left", pairs("aaa>1"), "aaaaa", "1aa"},
		{"bytes beyond ASCII are bytes", pairs("\xff\x00\xff>x"), "\xff\xff\x00\xff\x00\xff", "\xffx\x00\xff"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := whole(mustTable(t, test.pairs...), test.in); got != test.want {
				t.Errorf("%q became %q, want %q", test.in, got, test.want)
			}
			if got := naive(test.pairs, test.in); got != test.want {
				t.Errorf("the definition says %q", got)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(pairs("a>b", ">x")); err == nil {
		t.Error("an empty From was accepted")
	}
	if _, err := New([]Pair{{From: strings.Repeat("x", maxPatternBytes+1)}}); err == nil || !strings.Contains(err.Error(), "4 MiB") {
		t.Errorf("more than the limit: %v", err)
	}
}

func TestSameLength(t *testing.T) {
	if !mustTable(t, pairs("abc>xyz", "d>e")...).SameLength() {
		t.Error("pairs of the same lengths")
	}
	if mustTable(t, pairs("abc>xyz", "d>ee")...).SameLength() {
		t.Error("a pair that grows")
	}
	if !mustTable(t).SameLength() {
		t.Error("no pairs")
	}
}

func TestHitsAreCountedByID(t *testing.T) {
	table := mustTable(t, Pair{"aa", "x", 7}, Pair{"bb", "x", 3}, Pair{"cc", "x", 7}, Pair{"dd", "x", 1})
	s := table.NewStream()
	if s.Hits() != nil {
		t.Error("hits before anything was read")
	}
	s.Append(nil, []byte("aabbccaa"))
	if got, want := s.Hits(), []Hit{{7, 3}, {3, 1}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOnlyTheBeginningOfATextIsHeld(t *testing.T) {
	table := mustTable(t, pairs("ghp_secret>XXXXXXXXXX", "token-0123456789>YYYYYYYYYYYYYYYY")...)
	tests := []struct {
		in   string
		held int
	}{
		{"", 0}, {"g", 1}, {"ghp_secre", 9}, {"ghp_secret", 0}, {"ghp_secrex", 0}, {"ghp_gh", 2}, {"xxxx ghp", 3},
		{"long text without anything in it, and then toke", 4}, {"token-012345678g", 1}, {"ghp_secretto", 2},
	}
	for _, test := range tests {
		s := table.NewStream()
		out := s.Append(nil, []byte(test.in))
		if s.Held() != test.held || len(out) != len(test.in)-test.held {
			t.Errorf("%q: %d bytes held, %d out, want %d held", test.in, s.Held(), len(out), test.held)
		}
		if s.Close(nil); s.Held() != 0 {
			t.Errorf("%q: %d bytes held after Close", test.in, s.Held())
		}
	}
}

func TestACompleteTextIsNotHeld(t *testing.T) {
	s := mustTable(t, pairs("abcdef>123456")...).NewStream()
	if got := string(s.Append(nil, []byte("xxabcdef"))); got != "xx123456" {
		t.Errorf("got %q", got)
	}
}

func TestAppendKeepsWhatDstHolds(t *testing.T) {
	s := mustTable(t, pairs("abc>xyz")...).NewStream()
	out := s.Append([]byte("before "), []byte("abc ab"))
	out = s.Flush(out)
	if out = s.Close(out); string(out) != "before xyz ab" {
		t.Errorf("got %q", out)
	}
}

func TestACloseBeginsAnew(t *testing.T) {
	s := mustTable(t, pairs("abc>xyz")...).NewStream()
	out := s.Close(s.Append(nil, []byte("ab")))
	if out = s.Close(s.Append(out, []byte("c abc"))); string(out) != "abc xyz" {
		t.Errorf("got %q", out)
	}
}

// TestAnyChunkingIsTheWhole compares with the definition, over texts and pairs
// from a small alphabet, so that all kinds of overlap come up.
func TestAnyChunkingIsTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	for round := range 3000 {
		alphabet := "abcdefgh"[:1+r.IntN(8)]
		shortest := 1 + r.IntN(8)
		var ps []Pair
		for range 1 + r.IntN(5) {
			ps = append(ps, Pair{From: word(alphabet, shortest+r.IntN(8)), To: word("XYZ", r.IntN(9))})
		}
		var text strings.Builder
		for text.Len() < 300 {
			switch r.IntN(3) {
			case 0:
				text.WriteString(word(alphabet+"  ", r.IntN(30)))
			case 1:
				p := ps[r.IntN(len(ps))].From
				text.WriteString(p[:r.IntN(len(p)+1)])
			case 2:
				text.WriteString(ps[r.IntN(len(ps))].From)
			}
		}
		in, want := text.String(), naive(ps, text.String())
		s := mustTable(t, ps...).NewStream()
		var out []byte
		fed := 0
		for rest := in; rest != ""; {
			n := min(1+r.IntN(60), len(rest))
			before := len(out)
			out = s.Append(out, []byte(rest[:n]))
			rest = rest[n:]
			fed += n
			checkHeld(t, s, ps, in[:fed])
			if before > len(out) {
				t.Fatal("output was taken back")
			}
		}
		if out = s.Close(out); string(out) != want {
			t.Fatalf("round %d: %q with %v became %q, want %q", round, in, ps, out, want)
		}
	}
}

// checkHeld says that what is held is the beginning of a text.
func checkHeld(t *testing.T, s *Stream, ps []Pair, sofar string) {
	t.Helper()
	held := sofar[len(sofar)-s.Held():]
	if !slices.ContainsFunc(ps, func(p Pair) bool { return strings.HasPrefix(p.From, held) }) {
		t.Fatalf("%q is held, which begins none of %v", held, ps)
	}
}

func BenchmarkClean(b *testing.B) {
	for _, size := range []struct{ secrets, length int }{{1, 40}, {4, 40}, {20, 40}, {20, 12}, {20, 8}} {
		b.Run(fmt.Sprintf("secrets=%d/length=%d", size.secrets, size.length), func(b *testing.B) {
			r := rand.New(rand.NewPCG(3, 4))
			var ps []Pair
			for range size.secrets {
				ps = append(ps, Forms(token(r, size.length), token(r, size.length))...)
			}
			table := mustTable(b, ps...)
			for _, data := range []struct {
				name string
				text []byte
			}{{"json", jsonText(1 << 20)}, {"base64", []byte(token(r, 1<<20))}} {
				b.Run(data.name, func(b *testing.B) {
					b.SetBytes(int64(len(data.text)))
					b.ReportAllocs()
					s := table.NewStream()
					out := make([]byte, 0, 64<<10)
					for b.Loop() {
						for rest := data.text; len(rest) > 0; {
							n := min(32<<10, len(rest))
							out = s.Append(out[:0], rest[:n])
							rest = rest[n:]
						}
					}
				})
			}
		})
	}
}

func token(r *rand.Rand, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func jsonText(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"type":"message","role":"assistant","content":[{"type":"text","text":"The answer to question %d is in the file src/main_%d.go, line %d."}]},`, i, i*7, i%13, i*3)
	}
	return b.Bytes()[:n]
}

func TestAppendDoesNotAllocate(t *testing.T) {
	s := mustTable(t, Forms("ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX")...).NewStream()
	text := append(jsonText(64<<10), "ghp_0123456789abcdefghijABCDEFGHIJ012345 ghp_0123"...)
	out := make([]byte, 0, 128<<10)
	if n := testing.AllocsPerRun(10, func() { out = s.Close(s.Flush(s.Append(out[:0], text))) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAlmost has a stream full of beginnings of a text that is its own
// repetition, the worst for an automaton that starts anew at each byte.
func BenchmarkAlmost(b *testing.B) {
	table := mustTable(b, Pair{From: strings.Repeat("a", 4000) + "b", To: "x"})
	text := bytes.Repeat([]byte(strings.Repeat("a", 3999)+"c"), 64)
	b.SetBytes(int64(len(text)))
	out := make([]byte, 0, 2*len(text))
	s := table.NewStream()
	for b.Loop() {
		out = s.Append(out[:0], text)
	}
}
