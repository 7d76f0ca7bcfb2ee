package dlp_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// tracker drives a scanner and checks its promises at every step.
type tracker struct {
	t       testing.TB
	sc      *dlp.Scanner
	written int64
	flushed int64 // offset of the last flush
	found   []dlp.Finding
}

func (tr *tracker) step(n int, call func() []dlp.Finding) {
	tr.t.Helper()
	before := tr.sc.Safe()
	tr.written += int64(n)
	for _, f := range call() {
		from := f.Offset
		switch outer, _, _ := strings.Cut(f.Path, ">"); {
		case signIsLate(f):
			from = f.Offset + int64(f.Length) - 1
		case slices.Contains(codecs, outer):
			from += 10 // the longest magic
		}
		if from < before && f.Offset >= tr.flushed && f.Kind != dlp.KindUnscanned && !tr.told(f) {
			tr.t.Fatalf("%s at %d was reported when the stream was safe up to %d", f.Rule, f.Offset, before)
		}
		if f.Length <= 0 || f.Offset+int64(f.Length) > tr.written {
			tr.t.Fatalf("%s at %d has %d bytes of %d written", f.Rule, f.Offset, f.Length, tr.written)
		}
		tr.found = append(tr.found, f)
	}
	safe := tr.sc.Safe()
	if safe < before || safe > tr.written || tr.written-safe > dlp.MaxHeld {
		tr.t.Fatalf("safe went from %d to %d of %d", before, safe, tr.written)
	}
}

// told reports whether the same was reported of the same place before, as something
// decoded in another way.
func (tr *tracker) told(f dlp.Finding) bool {
	return slices.ContainsFunc(tr.found, func(g dlp.Finding) bool {
		return f.Path != "" && f.Rule == g.Rule && f.Name == g.Name && f.Start < g.End && g.Start < f.End
	})
}

// signIsLate reports whether a finding is encoded in a way of which there may be
// no sign before some of it went out.
func signIsLate(f dlp.Finding) bool {
	early := append([]string{"", "base64", "base32", "base32hex", "hex"}, codecs...)
	return slices.ContainsFunc(strings.Split(f.Path, ">"), func(path string) bool { return !slices.Contains(early, path) })
}

// codecs are what is told by a magic.
var codecs = []string{"gzip", "zlib", "zstd", "bzip2", "zip"}

func (tr *tracker) write(p []byte) {
	tr.t.Helper()
	tr.step(len(p), func() []dlp.Finding { return tr.sc.Write(p) })
}

func (tr *tracker) flush() {
	tr.t.Helper()
	tr.step(0, tr.sc.Flush)
	if tr.sc.Safe() != tr.written {
		tr.t.Fatalf("safe is %d of %d behind a flush", tr.sc.Safe(), tr.written)
	}
	tr.flushed = tr.written
}

func (tr *tracker) close() []dlp.Finding {
	tr.t.Helper()
	tr.step(0, tr.sc.Close)
	if tr.sc.Safe() != tr.written {
		tr.t.Fatalf("safe is %d of %d at the end", tr.sc.Safe(), tr.written)
	}
	sortFindings(tr.found)
	return tr.found
}

func sortFindings(fs []dlp.Finding) {
	slices.SortFunc(fs, func(a, b dlp.Finding) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), strings.Compare(a.Rule+a.Name+a.Path, b.Rule+b.Name+b.Path), cmp.Compare(a.Length, b.Length))
	})
}

// scanChunks scans b in chunks whose sizes next returns.
func scanChunks(t testing.TB, sc *dlp.Scanner, b []byte, next func() int) []dlp.Finding {
	t.Helper()
	sc.Reset()
	tr := &tracker{t: t, sc: sc}
	for len(b) > 0 {
		n := min(len(b), max(1, next()))
		// The scanner may not keep what it was given.
		p := slices.Clone(b[:n])
		tr.write(p)
		clear(p)
		b = b[n:]
	}
	return tr.close()
}

// wanted is what a stream of b has to give: what stands in it as it is, found by
// trying everything everywhere, and what is found in it decoded in one piece.
func wanted(e *dlp.Engine, b []byte) []dlp.Finding {
	want := e.ScanSlowly(b)
	for _, f := range e.Scan(b) {
		// A value that stands between boundaries may have one that is encoded.
		bounded := f.Kind != dlp.KindFormat && f.Length < 16 && slices.Contains([]string{"spaced", "fold", "concat", "wrapped", "html", "qp", "utf16"}, f.Path)
		if dlp.IsLook(f.Rule) || f.Kind == dlp.KindFormat && f.Path != "" || strings.Contains(f.Path, ">") || bounded {
			want = append(want, f)
		}
	}
	sortFindings(want)
	return want
}

func scanWhole(e *dlp.Engine, b []byte) []dlp.Finding {
	fs := e.Scan(b)
	sortFindings(fs)
	return fs
}

// testKnown are the known values of the engine that the chunking tests use.
// One repeats itself, so that it may start at many offsets at once.
func testKnown() []dlp.Known {
	return []dlp.Known{
		{Name: "db", Value: secretValue},
		{Name: "pin", Value: "correct-9", Kind: dlp.KnownPlaceholder},
		{Name: "again", Value: strings.Repeat("ab-", 60)},
		{Name: "gh", Value: "gh" + "p_" + random(1, alnum, 36), Kind: dlp.KnownPlaceholder},
		{Name: "ant", Value: "sk-" + "ant-api03-" + random(3, dashed, 95), Kind: dlp.KnownPlaceholder},
		{Name: "npm", Value: "np" + "m_" + random(4, alnum, 36), Kind: dlp.KnownPlaceholder},
		{Name: "url", Value: random(8, "a-z", 24), Kind: dlp.KnownPlaceholder},
		{Name: "long", Value: random(7, alnum, 900), Kind: dlp.KnownPlaceholder},
	}
}

// fragments are what the inputs of the tests are composed of: whole tokens,
// parts of them, what may surround them.
func fragments() []string {
	out := []string{" ", "\n", `\n`, `\t`, "%22", `\u0022`, "-", ".", "_", "/", "=", "@", ":", `"`, "a", "Z", "7", "eyJ", "xxxx",
		"S" + "K", "h" + "f_", "s" + "k-", "np" + "m_", "-----", "BEGIN ", "PRIVATE KEY", "postgres://", "mongodb+srv://", "db.corp.io"}
	for i, s := range samples {
		text := s.text(uint64(i))
		cut := len(s.prefix) + 5
		out = append(out, text, text[:cut], text[cut:])
	}
	for _, texts := range sortedShapes() {
		for _, text := range texts {
			out = append(out, text, text[:len(text)/2], text[len(text)/2:])
		}
	}
	for _, k := range testKnown() {
		enc := base64.StdEncoding.EncodeToString([]byte("u:" + k.Value))
		out = append(out, k.Value, k.Value[:len(k.Value)/2], k.Value[len(k.Value)/2:], enc, enc[:len(enc)/2])
	}
	return out
}

func sortedShapes() [][]string {
	m := shaped(1)
	var out [][]string
	for _, id := range dlp.RuleIDs() {
		out = append(out, m[id])
	}
	return out
}

// fewer returns how many random inputs a test looks at: some of n in a short run,
// which is what the race detector gets.
func fewer(t testing.TB, n uint64) uint64 {
	t.Helper()
	if testing.Short() {
		return n / 6
	}
	return n
}

// compose makes an input from fragments and single bytes.
func compose(r *rand.Rand, parts []string, n int) []byte {
	var b []byte
	for len(b) < n {
		if r.IntN(8) == 0 {
			b = append(b, random(r.Uint64(), " -~", r.IntN(300))...)
		}
		b = append(b, parts[r.IntN(len(parts))]...)
		if r.IntN(3) == 0 {
			b = append(b, ' ')
		}
	}
	return b
}

func TestEverySplit(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	for i, s := range samples {
		in := []byte(`{"first":"` + s.text(uint64(i)) + `","b":"\n` + s.text(uint64(i+1000)) + `"} ` + secretValue)
		everySplit(t, sc, in, wanted(e, in))
	}
	for _, texts := range sortedShapes() {
		for _, text := range texts {
			if len(text) < 1000 {
				in := []byte("a\n" + text + "\n" + base64.StdEncoding.EncodeToString([]byte("u:"+secretValue)))
				everySplit(t, sc, in, wanted(e, in))
			}
		}
	}
}

func everySplit(t *testing.T, sc *dlp.Scanner, in []byte, want []dlp.Finding) {
	t.Helper()
	if len(want) < 2 {
		t.Fatalf("only %v in %q", ruleLines(want), in)
	}
	for cut := range len(in) + 1 {
		sizes := []int{cut, len(in)}
		got := scanChunks(t, sc, in, func() int {
			n := sizes[0]
			sizes = sizes[1:]
			if n == 0 {
				n, sizes = sizes[0], sizes[1:]
			}
			return n
		})
		if !slices.Equal(got, want) {
			t.Fatalf("cut at %d of %q: %v, want %v", cut, in, ruleLines(got), ruleLines(want))
		}
	}
	if got := scanChunks(t, sc, in, func() int { return 1 }); !slices.Equal(got, want) {
		t.Fatalf("byte by byte of %q: %v, want %v", in, ruleLines(got), ruleLines(want))
	}
}

func TestChunksOfComposedStreams(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	parts := fragments()
	seen := map[string]bool{}
	for seed := range fewer(t, 90) {
		r := rand.New(rand.NewPCG(seed, 2))
		in := compose(r, parts, 1+r.IntN(30000))
		want := wanted(e, in)
		for _, f := range want {
			seen[f.Rule] = true
		}
		if got := scanWhole(e, in); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %s", seed, difference(got, want))
		}
		most := 1 << r.IntN(15)
		if got := scanChunks(t, sc, in, func() int { return 1 + r.IntN(most) }); !slices.Equal(got, want) {
			t.Fatalf("seed %d, chunks up to %d: %s", seed, most, difference(got, want))
		}
	}
	want := []string{dlp.RuleKnown, dlp.RulePlaceholder}
	for _, s := range samples {
		want = append(want, s.rule)
	}
	for _, id := range append(want, slices.Collect(maps.Keys(shaped(1)))...) {
		if !seen[id] && !testing.Short() {
			t.Errorf("%s never occurred", id)
		}
	}
}

func difference(got, want []dlp.Finding) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("missing %+v", want[i])
		case i >= len(want):
			return fmt.Sprintf("too many: %+v", got[i])
		case got[i] != want[i]:
			return fmt.Sprintf("got %+v, want %+v", got[i], want[i])
		}
	}
	return "none"
}

// What a stream holds without flushes is found with them, at the same place
// though perhaps only up to the flush.
func TestFlushesLoseNothing(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	parts := fragments()
	for seed := range fewer(t, 60) {
		r := rand.New(rand.NewPCG(seed, 3))
		in := compose(r, parts, 1+r.IntN(12000))
		checkFlushes(t, e, in, func() (int, bool) { return 1 + r.IntN(400), r.IntN(3) == 0 })
	}
}

func checkFlushes(t testing.TB, e *dlp.Engine, in []byte, next func() (size int, flush bool)) {
	t.Helper()
	tr := &tracker{t: t, sc: e.NewScanner()}
	for rest := in; len(rest) > 0; {
		n, flush := next()
		n = min(n, len(rest))
		tr.write(rest[:n])
		rest = rest[n:]
		if flush {
			tr.flush()
		}
	}
	got := tr.close()
	type match struct {
		rule, name, path string
		offset           int64
	}
	times := map[match]int{}
	for _, f := range got {
		times[match{f.Rule, f.Name, f.Path, f.Offset}]++
	}
	for m, n := range times {
		if n > 1 {
			t.Fatalf("%v was reported %d times", m, n)
		}
	}
	for _, f := range wanted(e, in) {
		if times[match{f.Rule, f.Name, f.Path, f.Offset}] > 0 || overlapsKnown(f, got) || goesOn(f, got) {
			continue
		}
		t.Fatalf("%+v is lost with flushes", f)
	}
}

// overlapsKnown reports whether a known value that ended at a flush was found
// instead, or right before: what it leaves of a key may end at a flush.
func overlapsKnown(f dlp.Finding, got []dlp.Finding) bool {
	return slices.ContainsFunc(got, func(g dlp.Finding) bool {
		return g.Kind != dlp.KindFormat && g.Offset < f.Offset+int64(f.Length) && f.Offset <= g.Offset+int64(g.Length)
	})
}

// goesOn reports whether f is what a known value leaves of a key whose beginning
// was reported: a flush came in the middle of that value, before it was one.
func goesOn(f dlp.Finding, got []dlp.Finding) bool {
	const longest = 200 // of what is looked at of a key, with its header
	return slices.ContainsFunc(got, func(g dlp.Finding) bool {
		return g.Rule == f.Rule && g.Path == f.Path && g.Offset < f.Offset && f.Offset < g.Offset+longest && overlapsKnown(g, got)
	})
}

func TestTokenAtFlush(t *testing.T) {
	e := mustEngine(t)
	for i, s := range samples {
		text := []byte(s.text(uint64(i)))
		for _, before := range []string{"word", "words", "x", "", "an", "hex"} {
			tr := &tracker{t: t, sc: e.NewScanner()}
			tr.write([]byte(before))
			tr.flush()
			tr.write(text)
			tr.flush()
			if len(tr.found) != 1 || tr.found[0].Offset != int64(len(before)) || tr.found[0].Length != len(text) {
				t.Errorf("%s as a message behind %q: %+v", s.rule, before, tr.found)
			}
			if got := tr.close(); len(got) != 1 {
				t.Errorf("%s is reported again: %v", s.rule, got)
			}
		}
	}
}

func TestSafe(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "db", Value: secretValue})
	gh := "gh" + "p_" + random(1, alnum, 36)
	tests := []struct {
		name, in string
		held     int
	}{
		{"text is not held", "nothing to see here.", 0},
		{"text in JSON is not held", `{"role":"user","content":"hello"}`, 0},
		{"the beginning of a prefix is held", "token gh", 2},
		{"a prefix is held", "token ghp_", 4},
		{"a prefix inside a word is held as what may be base64", "tokenxghp_", 10},
		{"a body that goes on is held", "token " + gh[:20], 20},
		{"a token that may go on is held", "token " + gh, len(gh)},
		{"a token that ended is not", "token '" + gh + "', ", 0},
		{"a body that ended early is not", "token '" + gh[:20] + "', ", 0},
		{"the beginning of a known value is held", "xxx" + secretValue[:15], 15},
		{"a known value is not", "xxx" + secretValue + "~", 0},
		{"a header of a key is held", "-----BEGIN " + "PRIVATE KEY-----\n", 28},
		{"a certificate is not", "-----BEGIN CERTIFICATE-----\n ", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := e.NewScanner()
			sc.Write([]byte(tt.in))
			if held := len(tt.in) - int(sc.Safe()); held != tt.held {
				t.Errorf("%d bytes are held, want %d", held, tt.held)
			}
		})
	}
}

func TestReversed(t *testing.T) {
	e := mustEngine(t)
	sc := e.NewScanner()
	for i, s := range samples {
		text := []byte(s.text(uint64(i)))
		slices.Reverse(text)
		in := append(append([]byte(`{"a":"`), text...), `"}`...)
		for _, size := range []int{1, 7, len(in)} {
			found := scanChunks(t, sc, in, func() int { return size })
			if len(s.prefix) >= 4 && !strings.Contains(s.prefix, ".") && !slices.ContainsFunc(found, func(f dlp.Finding) bool {
				return f.Rule == s.rule && f.Path == "reversed" && f.Offset == 6 && f.Length == len(text)
			}) {
				t.Errorf("%s in chunks of %d: %+v", s.rule, size, found)
			}
		}
	}
}

// Who waits between the pieces of a known value does not get it out.
func TestIdle(t *testing.T) {
	e := mustEngine(t, dlp.Known{Name: "db", Value: secretValue})
	sc := e.NewScanner()
	var found []dlp.Finding
	for i := 0; i < len(secretValue); i += 6 {
		found = append(found, sc.Write([]byte(secretValue[i:min(len(secretValue), i+6)]))...)
		found = append(found, sc.Idle()...)
		if safe := sc.Safe(); safe > 6 && len(found) == 0 {
			t.Fatalf("%d bytes are out", safe)
		}
	}
	if len(found) != 1 || found[0].Name != "db" {
		t.Errorf("found %+v", found)
	}
	sc.Reset()
	sc.Write([]byte("hello"))
	sc.Idle()
	if sc.Safe() != 5 {
		t.Errorf("a word is held: %d", sc.Safe())
	}
}

// The buffer is cut when a long chunk comes. What stands before a token that
// just began is still there to tell its boundary.
func TestTokenAcrossTheCutOfTheBuffer(t *testing.T) {
	e := mustEngine(t)
	long := strings.Repeat("lorem ipsum ", 1500)
	for _, token := range []string{samples[0].text(1), "h" + "f_" + random(1, "A-Za-z", 34), shaped(1)["private-key"][0]} {
		for _, before := range []string{`\u0022`, `%22`, `\n`, " "} {
			in := before + token
			for cut := range len(in) {
				for _, filler := range []string{long[:400], long[:401]} {
					first := []byte(filler + in[:cut])
					sc := e.NewScanner()
					sc.Write(first)
					found := slices.Concat(slices.Clone(sc.Write([]byte(in[cut:]+"\n"+long))), sc.Close())
					if len(found) != 1 || found[0].Offset != int64(len(filler)+len(before)) {
						t.Fatalf("cut at %d of %q: %+v", cut, in, found)
					}
				}
			}
		}
	}
}

// A stream goes on at any depth, however long it is.
func TestLongStreamsInEncodings(t *testing.T) {
	e := mustEngine(t)
	in := []byte(strings.Repeat("lorem ipsum dolor sit amet. ", 4000))
	for range 4 {
		in = []byte(base64.StdEncoding.EncodeToString(in))
	}
	e.Scan(in)
}

// However much is found, little is remembered.
func TestMemoryIsBounded(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	parts := fragments()
	r := rand.New(rand.NewPCG(9, 9))
	for range 100 {
		sc.Write(compose(r, parts, 5000))
		if n := sc.Remembered(); n > 200 {
			t.Fatalf("%d things are remembered", n)
		}
	}
}

// What Write found may be looked at with what Close found.
func TestResultsOfWriteOutliveClose(t *testing.T) {
	e := mustEngine(t)
	sc := e.NewScanner()
	for range 2 { // the second time, the slices are used again
		sc.Reset()
		in := []byte(samples[0].text(1) + " " + samples[10].text(2))
		results := [2][]dlp.Finding{sc.Write(in), sc.Close()}
		if w, c := results[0], results[1]; len(w) != 1 || w[0].Rule != samples[0].rule || len(c) != 1 || c[0].Rule != samples[10].rule {
			t.Fatalf("Write found %v, Close %v", ruleLines(w), ruleLines(c))
		}
	}
}

// A scanner whose stream was full of everything starts anew after Reset.
func TestReset(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	r := rand.New(rand.NewPCG(4, 4))
	parts := fragments()
	in := []byte("S" + "K" + random(1, hex, 32))
	for range 50 {
		sc.Write(compose(r, parts, 3000))
		sc.Reset()
		if sc.Safe() != 0 {
			t.Fatalf("Safe is %d", sc.Safe())
		}
		found := slices.Concat(slices.Clone(sc.Write(in)), sc.Close())
		if len(found) != 1 || found[0].Rule != "twilio-key" || found[0].Offset != 0 {
			t.Fatalf("found %+v", found)
		}
	}
}

func TestEngineIsConcurrent(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	parts := fragments()
	in := compose(rand.New(rand.NewPCG(5, 5)), parts, 20000)
	want := e.Scan(in)
	if len(want) == 0 {
		t.Fatal("nothing to find")
	}
	done := make(chan []dlp.Finding)
	for range 8 {
		go func() { done <- e.Scan(in) }()
	}
	for range 8 {
		if got := <-done; !slices.Equal(got, want) {
			t.Errorf("got %s", difference(got, want))
		}
	}
}
