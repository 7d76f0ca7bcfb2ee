package dlp_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// layout says how the tokens of a form are written, once more and apart from
// the table of the package. It is a list of parts, "|" between alternatives: a
// class and a length ("hx40"), a class and the shortest and longest ("an36-251"),
// "uuid", or text as it stands, in quotes where it has blanks.
type layout struct{ rule, prefix, body string }

var layouts = slices.Concat(layoutsCloud, layoutsData, layoutsAi, layoutsCode, layoutsCi, layoutsMessage,
	layoutsPay, layoutsObserve, layoutsIdentity, layoutsWork, layoutsKeys)

var layoutClasses = map[string]string{
	"an": alnum,
	"ds": dashed,
	"hy": "A-Za-z0-9-",
	"wd": "A-Za-z0-9_",
	"b6": b64,
	"hx": hex,
	"HX": "0-9A-F",
	"up": "A-Z0-9",
	"lo": "a-z0-9",
	"dg": "0-9",
	"b3": "A-Z2-7",
	"b2": "a-z2-7",
	"bu": "AC-HJ-NP-Z02-9",
	"bl": "ac-hj-np-z02-9",
	"58": "1-9A-HJ-NP-Za-km-z",
}

var (
	layoutParts = regexp.MustCompile(`'[^']*'|\S+`)
	layoutPart  = regexp.MustCompile(`^(an|ds|hy|wd|b6|hx|HX|up|lo|dg|b3|b2|bu|bl|58)(\d+)(?:-(\d+))?$`)
)

// bodies returns a body for each alternative and for both ends of its ranges.
func (l layout) bodies(seed uint64) []string {
	var out []string
	for _, text := range strings.Split(l.body, "|") {
		for _, longest := range []bool{false, true} {
			out = append(out, layoutBody(text, seed, longest))
			if !strings.Contains(text, "-") || len(out[len(out)-1]) < 20 {
				break
			}
		}
	}
	return out
}

func layoutBody(text string, seed uint64, longest bool) string {
	var b strings.Builder
	for i, part := range layoutParts.FindAllString(text, -1) {
		seed := 1000*seed + uint64(i)
		m := layoutPart.FindStringSubmatch(part)
		switch {
		case part == "uuid":
			h := random(seed, hex, 32)
			fmt.Fprintf(&b, "%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
		case m == nil:
			b.WriteString(strings.Trim(part, "'"))
		default:
			n, _ := strconv.Atoi(m[2])
			if longest && m[3] != "" {
				n, _ = strconv.Atoi(m[3])
			}
			b.WriteString(random(seed, layoutClasses[m[1]], n))
		}
	}
	return b.String()
}

// Each form finds its tokens, each as one finding of its rule and whole. A few
// random bodies look like fillers or names, which is the price of the checks.
func TestLayouts(t *testing.T) {
	const rounds = 40
	e := mustEngine(t)
	lost, total := 0, 0
	for i, l := range layouts {
		missed, tried := 0, 0
		for round := range uint64(rounds) {
			seed := uint64(i)*rounds + round
			for _, body := range l.bodies(seed) {
				in := `{"k":"` + l.prefix + body + `"}`
				got := e.Scan([]byte(in))
				tried++
				switch {
				case len(got) == 0:
					missed++
				case len(got) != 1 || got[0].Rule != l.rule || got[0].Offset != 6:
					t.Errorf("%s %s: Scan(%q) = %v", l.rule, l.prefix, in, ruleLines(got))
				case got[0].Length != len(strings.TrimRight(l.prefix+body, "=")) && got[0].Length != len(l.prefix+body):
					t.Errorf("%s %s: %d of %d bytes of %q", l.rule, l.prefix, got[0].Length, len(l.prefix+body), in)
				}
			}
		}
		if 10*missed > tried {
			t.Errorf("%s %s: %d of %d were not found, such as %q", l.rule, l.prefix, missed, tried, l.prefix+l.bodies(uint64(i) * rounds)[0])
		}
		lost, total = lost+missed, total+tried
	}
	t.Logf("%d of %d samples of %d forms were found (%.2f%%)", total-lost, total, len(layouts), 100*float64(total-lost)/float64(total))
	if 200*lost > total {
		t.Errorf("%d of %d samples were not found", lost, total)
	}
}

// sampleOf returns a token that is found and the end of its body's bytes.
func (l layout) sampleOf(t *testing.T, e *dlp.Engine, i int) string {
	for seed := range uint64(20) {
		text := l.prefix + l.bodies(uint64(i) + 977*seed)[0]
		if got := e.Scan([]byte(text)); len(got) == 1 && got[0].Rule == l.rule {
			return text
		}
	}
	t.Errorf("%s %s: no sample is found", l.rule, l.prefix)
	return ""
}

func TestNotLayouts(t *testing.T) {
	e := mustEngine(t)
	for i, l := range layouts {
		text := l.sampleOf(t, e, i)
		if text == "" {
			continue
		}
		body := strings.TrimRight(text[len(l.prefix):], "=")
		mutants := map[string]string{
			"glued to a letter":  "x" + text,
			"glued to a digit":   "7" + text,
			"glued to a _":       "_" + text,
			"without its prefix": body,
			"without its body":   l.prefix + " " + body,
			"filled with x":      l.prefix + strings.Repeat("x", len(body)),
			"filled with A":      l.prefix + strings.Repeat("A", len(body)),
			"filled with zeros":  l.prefix + strings.Repeat("0", len(body)),
		}
		if wrong := swapCase(l.prefix); wrong != l.prefix {
			mutants["in the wrong case"] = wrong + body
		}
		if least, most := dlp.FormBounds(l.rule, l.prefix); most > 0 {
			last := body[len(body)-1:]
			at := least / 2
			mutants["one byte too short"] = l.prefix + body[:least-1-max(0, least-len(body))]
			mutants["one byte too long"] = l.prefix + body + strings.Repeat(last, most+1-len(body))
			mutants["with a byte that no token has"] = l.prefix + body[:at] + `"` + body[at+1:]
			if least >= 12 {
				mutants["of an example"] = l.prefix + body[:at-3] + "EXAMPLE" + body[min(len(body), at+4):]
			}
			for _, b := range l.bodies(uint64(i)) {
				if len(strings.TrimRight(b, "=")) > most || len(b) < least {
					t.Errorf("%s %s: the layout has %d bytes, the form %d to %d", l.rule, l.prefix, len(b), least, most)
				}
			}
		}
		for name, in := range mutants {
			for _, f := range e.Scan([]byte(in)) {
				if f.Rule == l.rule && f.Path == "" && f.Offset == int64(strings.Index(in, l.prefix)) {
					t.Errorf("%s %s %s is found: %q", l.rule, l.prefix, name, in)
				}
			}
		}
	}
}

// All tokens in one stream are the same findings however it is cut.
func TestChunksOfLayouts(t *testing.T) {
	e := mustEngine(t, testKnown()...)
	sc := e.NewScanner()
	var in []byte
	for i, l := range layouts {
		for _, body := range l.bodies(uint64(i)) {
			in = append(in, l.prefix+body+[]string{"\n", `\n`, " ", `","`, ". ", "&k="}[i%6]...)
		}
	}
	want := e.ScanSlowly(in)
	sortFindings(want)
	seen := map[string]bool{}
	for _, f := range want {
		seen[f.Rule] = true
	}
	for _, l := range layouts {
		if !seen[l.rule] {
			t.Errorf("%s never occurred", l.rule)
		}
	}
	if got := scanWhole(e, in); !slices.Equal(got, want) {
		t.Fatalf("whole: %s", difference(got, want))
	}
	r := rand.New(rand.NewPCG(5, 5))
	for _, most := range []int{1, 7, 100, 3000, 20000} {
		if got := scanChunks(t, sc, in, func() int { return 1 + r.IntN(most) }); !slices.Equal(got, want) {
			t.Fatalf("chunks up to %d: %s", most, difference(got, want))
		}
	}
}

// A random text of the exact length stays one finding where two rules share a
// prefix.
func TestRulesDoNotOverlap(t *testing.T) {
	e := mustEngine(t)
	r := rand.New(rand.NewPCG(4, 4))
	for _, l := range layouts {
		for range 60 {
			classes := []string{hex, alnum, dashed, "a-z0-9", "A-Z0-9"}
			in := l.prefix + random(r.Uint64(), classes[r.IntN(len(classes))], 8+r.IntN(100))
			if got := e.Scan([]byte(in)); len(got) > 1 {
				t.Errorf("Scan(%q) = %v", in, ruleLines(got))
			}
		}
	}
}

// Every form has a layout, so that none is listed that never finds anything.
func TestEveryFormHasLayout(t *testing.T) {
	covered := map[string]bool{}
	for _, l := range layouts {
		covered[l.rule+" "+l.prefix] = true
	}
	for rule := range shaped(1) {
		covered[rule] = true
	}
	ids := map[string]bool{}
	for _, f := range dlp.Forms() {
		for _, g := range dlp.Forms() {
			if f != g && f[0] == g[0] && strings.HasPrefix(f[1], g[1]) && (f[0] != "openai-key" || g[1] != "sk-") {
				t.Errorf("in %s, %s starts with %s", f[0], f[1], g[1])
			}
		}
		if !covered[f[0]+" "+f[1]] && !covered[f[0]] {
			t.Errorf("the form %s of %s has no layout", f[1], f[0])
		}
		delete(covered, f[0]+" "+f[1])
		ids[f[0]] = true
	}
	for rule := range shaped(1) {
		delete(covered, rule)
	}
	for form := range covered {
		t.Errorf("the layout of %s is of no form", form)
	}
	if len(ids) < 220 {
		t.Errorf("there are %d rules, want at least 220", len(ids))
	}
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for id := range ids {
		if !kebab.MatchString(id) {
			t.Errorf("the ID %q is not in kebab case", id)
		}
	}
	t.Logf("%d rules, %d forms", len(ids), len(dlp.Forms()))
}

// A stretch of letters, digits and + / _ - is what a search may go by: each
// token has one of 15 bytes or more, with at most 32 bytes before it.
func TestEveryTokenHasARun(t *testing.T) {
	run := regexp.MustCompile(`^[A-Za-z0-9_.:/$+-]{0,32}?[A-Za-z0-9+/_-]{15}`)
	for i, l := range layouts {
		for _, body := range l.bodies(uint64(i)) {
			if !run.MatchString(l.prefix + body) {
				t.Errorf("%s: %q has no run", l.rule, l.prefix+body)
			}
		}
	}
}
