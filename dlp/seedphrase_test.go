package dlp

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// mnemonic makes the words of a phrase from entropy with big numbers (BIP-39).
func mnemonic(entropy []byte) []string {
	list := strings.Fields(bip39List)
	h := sha256.Sum256(entropy)
	bits := len(entropy) / 4
	n := new(big.Int).SetBytes(entropy)
	n.Lsh(n, uint(bits)).Or(n, big.NewInt(int64(h[0]>>(8-bits))))
	words := make([]string, (len(entropy)*8+bits)/11)
	for i := len(words) - 1; i >= 0; i-- {
		word := new(big.Int)
		n.DivMod(n, big.NewInt(2048), word)
		words[i] = list[word.Int64()]
	}
	return words
}

func numbered(words []string, mark, sep string) string {
	var parts []string
	for i, w := range words {
		parts = append(parts, fmt.Sprintf("%d%s%s", i+1, mark, w))
	}
	return strings.Join(parts, sep)
}

// phraseForms are how the words of a phrase are written in one field.
var phraseForms = map[string]func(words []string) string{
	"spaces":           func(w []string) string { return strings.Join(w, " ") },
	"lines":            func(w []string) string { return strings.Join(w, "\n") },
	"lines of Windows": func(w []string) string { return strings.Join(w, "\r\n") },
	"escaped lines":    func(w []string) string { return strings.Join(w, `\n`) },
	"escaped twice":    func(w []string) string { return strings.Join(w, `\\n`) },
	"commas":           func(w []string) string { return strings.Join(w, ", ") },
	"commas alone":     func(w []string) string { return strings.Join(w, ",") },
	"plus signs":       func(w []string) string { return strings.Join(w, "+") },
	"numbered":         func(w []string) string { return numbered(w, ". ", " ") },
	"numbered lines":   func(w []string) string { return numbered(w, ". ", "\n") },
	"numbered in JSON": func(w []string) string { return numbered(w, ") ", `\n`) },
	"numbered, commas": func(w []string) string { return numbered(w, ": ", ", ") },
	"an array":         func(w []string) string { return `"` + strings.Join(w, `","`) + `"` },
	"a wide array":     func(w []string) string { return `'` + strings.Join(w, `', '`) + `'` },
	"an array in text": func(w []string) string { return `\"` + strings.Join(w, `\",\"`) + `\"` },
	"indented array":   func(w []string) string { return `"` + strings.Join(w, "\",\n  \"") + `"` },
	"wrapped lines":    func(w []string) string { return strings.Join(w[:6], " ") + "\n" + strings.Join(w[6:], " ") },
}

func TestSeedPhrases(t *testing.T) {
	r := newRand(1)
	for range 20 {
		for _, size := range []int{16, 20, 24, 28, 32} {
			words := mnemonic(randomBytes(r, size))
			if len(slices.Compact(slices.Sorted(slices.Values(words)))) < len(words)-2 {
				continue
			}
			for name, form := range phraseForms {
				text := form(words)
				core := text[strings.Index(text, words[0]) : strings.LastIndex(text, words[len(words)-1])+len(words[len(words)-1])]
				for _, f := range []frame{{"", ""}, {`{"seed":"`, `"}`}, {"Seed: ", ".\n"}, {`{"x":["`, `"]}`}, {"MNEMONIC='", "'"}} {
					in := f.before + text + f.after
					start := strings.Index(in, core)
					// An engine samples a byte of each 47.
					for at := start; at+2 < start+len(core); at += 1 + r.IntN(20) {
						from, to, ok := seedPhrase([]byte(in), at)
						if !ok || in[from:to] != core {
							t.Fatalf("%s: seedPhrase(%q, %d) = %d, %d, %v", name, in, at, from, to, ok)
						}
					}
				}
			}
		}
	}
}

// A phrase in a longer row of words of the list is found too.
func TestSeedPhraseAmongWords(t *testing.T) {
	r := newRand(2)
	found := 0
	for range 100 {
		words := mnemonic(randomBytes(r, 16))
		in := "seed phrase " + strings.Join(words, " ") + " and"
		if _, _, ok := seedPhrase([]byte(in), len(in)/2); ok {
			found++
		}
	}
	if found < 99 {
		t.Errorf("%d of 100", found)
	}
}

func TestNotSeedPhrases(t *testing.T) {
	r := newRand(3)
	list := strings.Fields(bip39List)
	for range 50 {
		words := mnemonic(randomBytes(r, 16))
		if len(slices.Compact(slices.Sorted(slices.Values(words)))) < 11 {
			continue
		}
		wrong := slices.Clone(words)
		for isValid(wrong) {
			wrong[5] = list[r.IntN(len(list))]
		}
		var blocks []string
		for _, w := range words {
			blocks = append(blocks, `{"type":"`+w+`"}`)
		}
		for name, in := range map[string]string{
			"wrong checksum":    strings.Join(wrong, " "),
			"eleven words":      strings.Join(words[:11], " "),
			"another word":      strings.Join(words[:6], " ") + " bottles " + strings.Join(words[6:], " "),
			"upper case":        strings.ToUpper(strings.Join(words, " ")),
			"a sentence":        strings.Join(words[:6], " ") + ". " + strings.Join(words[6:], " "),
			"values of objects": "[" + strings.Join(blocks, ",") + "]",
			"two fields":        `{"a":"` + strings.Join(words[:6], " ") + `","b":"` + strings.Join(words[6:], " ") + `"}`,
			"glued":             strings.Join(words, ""),
			"snake case":        strings.Join(words, "_"),
			"two spaces":        strings.Join(words, "  "),
			"mixed":             strings.Join(words[:6], ", ") + "+" + strings.Join(words[6:], ", "),
		} {
			for at := range in {
				if from, to, ok := seedPhrase([]byte(in), at); ok {
					t.Errorf("%s: seedPhrase(%q, %d) = %q", name, in, at, in[from:to])
					break
				}
			}
		}
	}
	for at := 0; at < len(bip39List); at += 47 {
		if from, to, ok := seedPhrase([]byte(bip39List), at); ok {
			t.Errorf("the list of words: %q", bip39List[from:to])
		}
	}
}

func isValid(words []string) bool {
	row := make([]phraseWord, len(words))
	for i, w := range words {
		row[i].index = uint16(bip39().index([]byte(w)))
	}
	return judgePhrase(row) != phraseNone
}

// Published vectors, made from the entropy that BIP-39 repeats.
// Twelve frequent words in a long list of such are no phrase by chance alone; a list of
// their own is one.
func TestPhraseInListOfWords(t *testing.T) {
	words := `"` + strings.Join(mnemonic(randomBytes(newRand(7), 16)), "\",\n    \"") + `"`
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]int{
		"words = [\n    \"economies\",\n    " + words + ",\n    \"interests\"\n]": 0,
		"words = [\n    " + words + ",\n    \"interests\"\n]":                     1,
		"words = [\n    " + words + "\n]":                                         1,
	} {
		if found := e.Scan([]byte(in)); len(found) != want {
			t.Errorf("Scan(%q) = %v, want %d", in, found, want)
		}
	}
}

func TestPublishedPhrases(t *testing.T) {
	for _, size := range []int{16, 24, 32} {
		for _, c := range []byte{0, 0x7f, 0x80, 0xff} {
			in := strings.Join(mnemonic(slices.Repeat([]byte{c}, size)), " ")
			for at := range in {
				if _, _, ok := seedPhrase([]byte(in), at); ok {
					t.Errorf("seedPhrase(%q, %d)", in, at)
					break
				}
			}
		}
	}
	for _, in := range []string{
		strings.Repeat("test ", 11) + "junk",
		"scheme spot photo card baby mountain device kick cradle pact join " + "borrow",
		"myth like bonus scare over problem client lizard pioneer submit female " + "collect",
	} {
		if _, _, ok := seedPhrase([]byte(in), 20); ok {
			t.Errorf("seedPhrase(%q)", in)
		}
	}
}

func TestBIP39Table(t *testing.T) {
	list := strings.Fields(bip39List)
	if len(list) != bip39Words {
		t.Fatalf("%d words", len(list))
	}
	index := map[string]int{}
	for i, w := range list {
		index[w] = i
		if got := bip39().index([]byte(w)); got != i {
			t.Errorf("index(%s) = %d, want %d", w, got, i)
		}
	}
	r := newRand(4)
	for range 100000 {
		w := randText(r, "a-z", r.IntN(10))
		want, ok := index[w]
		if !ok {
			want = -1
		}
		if got := bip39().index([]byte(w)); got != want {
			t.Errorf("index(%s) = %d, want %d", w, got, want)
		}
	}
	if got := bip39().index([]byte("abandonabandon")); got != -1 {
		t.Errorf("index of a long word = %d", got)
	}
}

func BenchmarkSeedPhrase(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	list := strings.Fields(bip39List)
	var row []string
	for range 200 {
		row = append(row, list[r.IntN(len(list))])
	}
	for name, in := range map[string]string{
		"other word": "whenever there were others whose bottles stood between them",
		"word":       "there was the ability of the others was between these bottles",
		"row":        strings.Join(row, " "),
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(in)
			b.ReportAllocs()
			for b.Loop() {
				seedPhrase(text, 16)
			}
		})
	}
}
