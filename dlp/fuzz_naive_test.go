package dlp_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// naiveRule is a rule of one's own as naiveMatches looks for it.
type naiveRule struct {
	id, prefix, class string
	least, most       int
}

var naiveRules = []naiveRule{
	{"acme", "acme_", "A-Za-z0-9", 32, 32},
	{"acme-range", "ac:", "a-f0-9-", 20, 24},
	{"acme-open", "acmeopen", "a-z", 10, 4096},
	{"acme-path", "p/", "A-Za-z0-9/+", 15, 40},
	{"acme-dash", "ac-", "A-Z0-9-", 16, 60},
	{"acme-under", "__", "a-z_", 13, 20},
	{"acme-dollar", "$$A.", "A-Za-z0-9_", 18, 99},
}

// naiveKnown are values of which none is in another, or goes on as itself.
func naiveKnown() []dlp.Known {
	return []dlp.Known{
		{Name: "mixed", Value: random(31, alnum, 16)},
		{Name: "odd", Value: random(32, "!-/:-@", 17)},
		{Name: "hex", Value: random(33, hex, 40)},
		{Name: "prefixed", Value: "acme_" + random(34, alnum, 20)},
		{Name: "high", Value: "пароль-не-для-всех"},
		{Name: "binary", Value: "\x00\x01" + random(35, "\x00-\x1f\x80-\xfe", 30)},
		{Name: "long", Value: random(36, dashed, 384)},
		{Name: "holder", Value: random(37, "A-Z", 24), Kind: dlp.KnownPlaceholder},
	}
}

// naiveMatch is what stands in a text as it is.
type naiveMatch struct {
	from, to int
	what     string
}

// naiveMatches looks for all at every offset, byte by byte.
func naiveMatches(b []byte, known []dlp.Known) (values, tokens []naiveMatch) {
	for at := range b {
		for _, k := range known {
			if bytes.HasPrefix(b[at:], []byte(k.Value)) {
				values = append(values, naiveMatch{at, at + len(k.Value), k.Name})
			}
		}
		for _, r := range naiveRules {
			if end := r.endOf(b, at); end > 0 {
				tokens = append(tokens, naiveMatch{at, end, r.id})
			}
		}
	}
	return values, tokens
}

// endOf returns where the token that starts at b[at] ends, or 0 if none does.
func (r *naiveRule) endOf(b []byte, at int) int {
	if !bytes.HasPrefix(b[at:], []byte(r.prefix)) || !naiveStart(b, at, r.class) {
		return 0
	}
	end := at + len(r.prefix)
	for end < len(b) && inClass(r.class, b[end]) {
		end++
	}
	n := end - at - len(r.prefix)
	if n < r.least || n > r.most || end < len(b) && inClass("A-Za-z0-9_", b[end]) {
		return 0
	}
	return end
}

// naiveStart reports whether a token may start at b[at]: not inside a word, or
// behind what joins the bytes of its class, but behind an escape, or the dash that
// starts a line.
func naiveStart(b []byte, at int, class string) bool {
	if at == 0 {
		return true
	}
	isHex := func(from, n int) bool {
		for i := range n {
			if !inClass("0-9A-Fa-f", b[from+i]) {
				return false
			}
		}
		return true
	}
	switch c := b[at-1]; {
	case c == '-' && (at == 1 || b[at-2] == '\n' || at > 2 && string(b[at-3:at-1]) == `\n`):
		return true
	case !inClass("A-Za-z0-9_", c):
		return (c != '-' && c != '.') || !inClass(class, c)
	case at > 1 && b[at-2] == '\\':
		return inClass("ntrbf", c)
	case at > 2 && b[at-3] == '%':
		return isHex(at-2, 2)
	case at > 5 && string(b[at-6:at-4]) == `\u`:
		return isHex(at-4, 4)
	}
	return false
}

// inClass reports whether a byte is in a class written as in a regular expression.
func inClass(class string, c byte) bool {
	for i := 0; i < len(class); i++ {
		if i+2 < len(class) && class[i+1] == '-' {
			if class[i] <= c && c <= class[i+2] {
				return true
			}
			i += 2
		} else if class[i] == c {
			return true
		}
	}
	return false
}

func naiveEngine(t testing.TB, known []dlp.Known) *dlp.Engine {
	t.Helper()
	opts := dlp.Options{Known: known, Disable: dlp.RuleIDs()}
	for _, r := range naiveRules {
		opts.Custom = append(opts.Custom, dlp.CustomRule{ID: r.id, Prefix: r.prefix, Class: "[" + r.class + "]", Min: r.least, Max: r.most})
	}
	e, err := dlp.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// naiveParts are what the texts are composed of.
func naiveParts(known []dlp.Known) []string {
	parts := []string{" ", "\n", `\n`, "%2f", `\u0022`, "-", ".", "_", "/", "=", "ac", "acme", "acmeopen", "$$", "p/p/", "a-a-", "AAAA", "0f0f0f", "____", "\x00", "\xff", "é"}
	for i, r := range naiveRules {
		for _, n := range []int{r.least, min(r.most, 80), r.most} {
			text := r.prefix + random(uint64(i+n), r.class, n)
			parts = append(parts, text, text[:len(r.prefix)+n/2], text[len(r.prefix)+n/2:])
		}
	}
	for _, k := range known {
		parts = append(parts, k.Value, k.Value[:len(k.Value)/2], k.Value[len(k.Value)/2:])
	}
	return parts
}

// FuzzNaive holds the engine, in any chunks, to a matcher that shares nothing with
// it: what stands in a text as it is, known values and rules with a prefix.
func FuzzNaive(f *testing.F) {
	addSeeds(f)
	known := naiveKnown()
	e := naiveEngine(f, known)
	parts := naiveParts(known)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		in := expand(data, parts)
		values, tokens := naiveMatches(in, known)
		r := rand.New(rand.NewPCG(seed, 4))
		most := 1 << r.IntN(13)
		got := map[naiveMatch]bool{}
		sc := e.NewScanner()
		var all []dlp.Finding
		for rest := in; len(rest) > 0; {
			n := min(1+r.IntN(most), len(rest))
			all = append(all, sc.Write(rest[:n])...)
			rest = rest[n:]
		}
		for _, found := range append(all, sc.Close()...) {
			if found.Path == "" {
				got[naiveMatch{int(found.Offset), int(found.Offset) + found.Length, cmp.Or(found.Name, found.Rule)}] = true
			}
		}
		for _, m := range values {
			if !got[m] && !overlapsOther(m, values) {
				t.Fatalf("%v is not found in %q", m, in)
			}
		}
		for _, m := range tokens {
			if !got[m] && !overlapsOther(m, values) && !overlapsOther(m, tokens) {
				t.Fatalf("%v is not found in %q", m, in)
			}
		}
		there := slices.Concat(values, tokens)
		for m := range got {
			// A value cuts the text around it: what is left may be a token.
			if !slices.Contains(there, m) && !touchesOther(m, values) {
				t.Fatalf("%v is found in %q", m, in)
			}
		}
	})
}

func overlapsOther(m naiveMatch, of []naiveMatch) bool {
	return slices.ContainsFunc(of, func(o naiveMatch) bool { return o != m && o.from < m.to && m.from < o.to })
}

func touchesOther(m naiveMatch, of []naiveMatch) bool {
	return slices.ContainsFunc(of, func(o naiveMatch) bool { return o.from <= m.to && m.from <= o.to })
}

// The naive matcher itself finds what it is made for.
func TestNaiveMatches(t *testing.T) {
	known := naiveKnown()
	for i, r := range naiveRules {
		token := r.prefix + random(uint64(i), r.class, r.least)
		in := fmt.Sprintf("x %s, %s ", token, known[i].Value)
		values, tokens := naiveMatches([]byte(in), known)
		if len(values) != 1 || len(tokens) == 0 || tokens[0] != (naiveMatch{2, 2 + len(token), r.id}) {
			t.Errorf("in %q: %v, %v", in, values, tokens)
		}
	}
}
