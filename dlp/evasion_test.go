package dlp_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"unicode/utf16"

	"github.com/bot-bottle/bottle/dlp"
)

// full has the accuracy measured in full, which takes minutes.
var full = flag.Bool("full", false, "measure accuracy in full")

// table prints rows so that they stand below each other, with -v or -full.
func table(title string, rows [][]string) {
	if !*full && !testing.Verbose() {
		return
	}
	fmt.Printf("\n%s\n", title)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

// prey is something to hide: the columns of the matrix.
type prey struct {
	name string
	text func(seed uint64) string
	// rules are those that find it; of a known value there are none.
	rules []string
}

// hidden are the columns of the matrix. A known value is made once for each
// seed.
var hidden = []prey{
	{"github", layoutPrey("github-token"), []string{"github-token"}},
	{"gh pat", layoutPrey("github-fine-grained-token"), []string{"github-fine-grained-token"}},
	{"aws", layoutPrey("aws-access-key-id"), []string{"aws-access-key-id"}},
	{"anthropic", layoutPrey("anthropic-key"), []string{"anthropic-key"}},
	{"openai", layoutPrey("openai-key"), []string{"openai-key"}},
	{"slack", layoutPrey("slack-token"), []string{"slack-token"}},
	{"gitlab", layoutPrey("gitlab-token"), []string{"gitlab-token"}},
	{"stripe", layoutPrey("stripe-key"), []string{"stripe-key"}},
	{"known", func(seed uint64) string { return random(9e6+seed, alnum, 40) }, nil},
	{"known hex", func(seed uint64) string { return random(9e6+seed, hex, 40) }, nil},
	{"known punct.", func(seed uint64) string { return random(9e6+seed, `!#-&(-\[-~`, 40) }, nil},
}

// layoutPrey makes the tokens of a rule, one layout after the other.
func layoutPrey(rule string) func(uint64) string {
	return func(seed uint64) string {
		var of []layout
		for _, l := range layouts {
			if l.rule == rule && !strings.HasSuffix(l.prefix, "xox") { // which has no digits at times
				of = append(of, l)
			}
		}
		l := of[seed%uint64(len(of))]
		bodies := l.bodies(seed)
		return l.prefix + bodies[seed/uint64(len(of))%uint64(len(bodies))]
	}
}

// contexts are where the encoded text stands. What is no text stands there as it
// is.
var contexts = []struct {
	name string
	wrap func(s string, binary bool) string
}{
	{"bare", func(s string, _ bool) string { return s }},
	{"JSON", asJSON},
	{"ASCII JSON", func(s string, binary bool) string {
		if s = asJSON(s, binary); binary {
			return s
		}
		return runes(func(r rune) string {
			if r < 0x80 {
				return string(r)
			}
			return octets16(r)
		})(s)
	}},
	{"JSON in JSON", func(s string, binary bool) string {
		if binary {
			return asJSON(s, binary)
		}
		return asJSON(asJSON(s, false), false)
	}},
}

func octets16(r rune) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(&b, `\u%04x`, u)
	}
	return b.String()
}

// asJSON puts a text into a request in JSON.
func asJSON(s string, binary bool) string {
	quoted := []byte(`"` + s + `"`)
	if !binary {
		quoted, _ = json.Marshal("What is " + s + "?")
	}
	return `{"model":"m-4","max_tokens":1024,"messages":[{"role":"user","content":[{"type":"text","text":` + string(quoted) + `}]}],"stream":true}`
}

// scanned returns what is found in a body.
func scanned(t *testing.T, e *dlp.Engine, body, coding string) []dlp.Finding {
	if coding == "" {
		return e.Scan([]byte(body))
	}
	sc := e.NewScanner()
	var found []dlp.Finding
	d, err := dlp.NewDecoder(coding, dlp.DecodeLimits{}, func(p []byte) { found = append(found, sc.Write(p)...) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return append(found, sc.Close()...)
}

func (p prey) caught(found []dlp.Finding) bool {
	return slices.ContainsFunc(found, func(f dlp.Finding) bool {
		if p.rules == nil {
			return f.Rule == dlp.RuleKnown
		}
		return slices.Contains(p.rules, f.Rule)
	})
}

// Each encoding of each secret is seen through, bare and in JSON.
func TestEvasionMatrix(t *testing.T) {
	rounds := uint64(3)
	if *full {
		rounds = 40
	}
	var known []dlp.Known
	for i, p := range hidden {
		for seed := range rounds {
			if p.rules == nil {
				known = append(known, dlp.Known{Name: fmt.Sprintf("%d-%d", i, seed), Value: p.text(seed)})
			}
		}
	}
	e := mustEngine(t, known...)
	rows := [][]string{{"encoding"}}
	for _, p := range hidden {
		rows[0] = append(rows[0], p.name)
	}
	cells, whole := 0, 0
	for _, enc := range encoders {
		row := []string{enc.name}
		for _, p := range hidden {
			got := make([]uint64, len(contexts))
			lost, least := "", rounds
			for k, c := range contexts {
				for seed := range rounds {
					body := c.wrap(enc.encode(p.text(seed)), enc.binary)
					if enc.coding != "" {
						body = enc.encode(c.wrap(p.text(seed), false))
					}
					if p.caught(scanned(t, e, body, enc.coding)) {
						got[k]++
					} else if lost == "" {
						lost = c.name + ": " + body
					}
				}
				least = min(least, got[k])
			}
			cells++
			cell := "100"
			if least == rounds {
				whole++
			} else {
				cell = ""
				for k := range contexts {
					cell += fmt.Sprintf("/%d", 100*got[k]/rounds)
				}
				cell = cell[1:]
				t.Errorf("%s of %s: %s %% are found, not %.900q", enc.name, p.name, cell, lost)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	table(fmt.Sprintf("Secrets that are found in an encoding, in %% (bare/in JSON/in ASCII JSON/in JSON in JSON); %d of %d cells at 100, %d samples each", whole, cells, rounds*uint64(len(contexts))), rows)
}
