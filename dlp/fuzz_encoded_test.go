package dlp_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// quarry is every rule with a way to make what it finds, and the known values,
// which have no rule of a format.
func quarry() (out []prey, known []dlp.Known) {
	for i, l := range layouts {
		out = append(out, prey{l.prefix, func(seed uint64) string {
			bodies := l.bodies(seed + uint64(i))
			return l.prefix + bodies[seed%uint64(len(bodies))]
		}, []string{l.rule}})
	}
	for _, of := range []map[string]func(uint64) string{shapedSamples(), structural} {
		for _, rule := range slices.Sorted(maps.Keys(of)) {
			out = append(out, prey{rule, of[rule], []string{rule}})
		}
	}
	for i, class := range []string{alnum, hex, "!-~"} {
		name := fmt.Sprint("known", i)
		value := random(9e6+uint64(i), class, 40)
		known = append(known, dlp.Known{Name: name, Value: value})
		out = append(out, prey{name, func(uint64) string { return value }, nil})
	}
	return out, known
}

// innocent are what the text around a secret is composed of.
func innocent() []string {
	return []string{" ", "\n", "\r\n", "\t", "\n\n", ". ", ", ", "; ", "the ", "team ", "deployment ", "is valid until spring", "2026-01-02T03:04:05Z ",
		"{\"id\":7,", "\"name\":", "\"text\"", "[1,2,3]", "true ", "x = y + 1;\n", "func main() {\n\treturn\n}\n", "// see below\n", "<p>", "</p>", "&amp; ", "100% ", "a/b/c ",
		"C:\\dir\\file ", "https://corp.io/a?b=c ", "naïve ", "日本 ", "— ", "$HOME ", "`code` ", "it's ", "(a) ", "#1 ", "1234567 ", "0x1f ", "deadbeef ", "a_b_c ", "key: ", "* "}
}

// openers and closers are what stands right before and behind something encoded.
var (
	openers = []string{" ", "\n", "\r\n", "\"", "'", "`", "=\"", "=", ": ", "(", "[", ">", ","}
	closers = []string{" ", "\n", "\r\n", "\"", "'", "`", ")", "]", "<", ";", ", ", "?"}
)

// apart are the encoders that put something between all characters: what already
// stood there, blanks most of all, is then gone with it.
func (enc *encoder) apart() bool {
	switch enc.name {
	case "spaced", "dotted", "dashed", "zero-width", "tag characters", "concatenated", "Cyrillic", "reversed", "percent, every third":
		return true
	}
	return false
}

// inLines reports whether lines are broken anywhere.
func (enc *encoder) inLines() bool {
	return strings.Contains(enc.name, "columns") || strings.Contains(enc.name, "lines")
}

// promised reports whether a text is looked for in an encoding.
func (enc *encoder) promised(p prey, text string) bool {
	switch enc.name {
	case "reversed":
		// Read backwards is a run that ends with a long prefix without a dot.
		return p.rules == nil || len(p.name) >= 4 && strings.HasPrefix(text, p.name) && !strings.ContainsAny(text, ".~:$%")
	case "spaced", "dotted", "dashed", "tag characters", "concatenated":
		return !strings.ContainsAny(text, " \r\n")
	case "hex", "HEX", "base32", "base32 lower", "hex of base64", "gzip in hex":
		return len(text) <= 250 // what is decoded at once of such a run overlaps by that
	case "Ascii85":
		return len(text) <= 250 // so much is read behind the beginning of a frame
	case "quoted-printable":
		return strings.HasPrefix(text, p.name) || p.rules == nil // what has no prefix is told by more than a run
	}
	return true
}

// frame returns what stands right before and behind something encoded.
func (enc *encoder) frame(r *rand.Rand) (before, behind string) {
	switch {
	case strings.HasPrefix(enc.name, "quoted-printable"):
		return "\n", pick(r, closers, "") // a line of it is known by its length
	case enc.name == "concatenated":
		return "= ", ";" // a string beside is a part of it
	case enc.name == "spaced":
		return pick(r, openers, " "), pick(r, closers, " ")
	case enc.inLines() && r.IntN(2) == 0:
		return "\n\n", "\n\n" // a word in the line before, or behind, may seem to be a part
	case enc.inLines():
		return pick(r, openers, "\n"), pick(r, closers, " ")
	}
	return pick(r, openers, ""), pick(r, closers, "")
}

// breaksWords reports whether a line break is between what seems to be words, of
// letters that change to capitals nowhere: those are not joined.
func breaksWords(text string) bool {
	const letters = 16
	wordy := func(s string) bool {
		for i := range len(s) {
			if strings.IndexByte("0123456789_+=", s[i]) >= 0 || i > 0 && 'A' <= s[i] && s[i] <= 'Z' && 'a' <= s[i-1] && s[i-1] <= 'z' {
				return false
			}
		}
		return true
	}
	parts := strings.Split(strings.ReplaceAll(text, `\n`, "\n"), "\n")
	for i := range len(parts) - 1 {
		left, right := strings.TrimSuffix(parts[i], "\r"), parts[i+1]
		if wordy(left[max(0, len(left)-letters):]) && wordy(right[:min(len(right), letters)]) {
			return true
		}
	}
	return false
}

// pick returns one of the texts that has none of some bytes.
func pick(r *rand.Rand, texts []string, but string) string {
	for {
		if text := texts[r.IntN(len(texts))]; !strings.ContainsAny(text, but) {
			return text
		}
	}
}

// FuzzEncoded hides what a rule finds in each of the encodings, anywhere in a text,
// which stands anywhere in another: it is found, in any chunks.
func FuzzEncoded(f *testing.F) {
	preys, known := quarry()
	e := mustEngine(f, known...)
	words := innocent()
	for i := range encoders {
		for k := range 3 {
			f.Add(uint8(i), uint16(97*i+31*k), []byte{0x80, byte(3 * i), ' ', 0x80, byte(5*i + k)}, []byte{0x80, byte(7*i + k), 'a', 0x80, byte(i)}, uint64(i+k))
		}
	}
	f.Fuzz(func(t *testing.T, how uint8, what uint16, inner, outer []byte, seed uint64) {
		enc, p := &encoders[int(how)%len(encoders)], preys[int(what)%len(preys)]
		r := rand.New(rand.NewPCG(seed, 3))
		in := enc.hide(e, p, p.text(seed%64), expand(inner, words), expand(outer, words), r)
		if in == "" {
			return
		}
		if !p.caught(scanned(t, e, in, enc.coding)) {
			t.Fatalf("%s of %s: not found in %q", enc.name, p.name, in)
		}
		most := 1 << r.IntN(10)
		if enc.coding == "" && !p.caught(scanChunks(t, e.NewScanner(), []byte(in), func() int { return 1 + r.IntN(most) })) {
			t.Fatalf("%s of %s: not found in chunks up to %d of %q", enc.name, p.name, most, in)
		}
	})
}

// hide returns a text in which another is encoded, with words around it both within
// and without; "" if nothing is promised of it.
func (enc *encoder) hide(e *dlp.Engine, p prey, text string, inner, outer []byte, r *rand.Rand) string {
	if !enc.promised(p, text) {
		return ""
	}
	if !enc.apart() {
		switch enc.name {
		case "Ascii85", "base64 in percent":
			inner = inner[:min(len(inner), 64)] // not so much is read before and behind a sign
		}
		text = string(inner) + pick(r, openers, "") + text + pick(r, closers, "")
	}
	if !p.caught(e.Scan([]byte("\n" + text + "\n"))) {
		return "" // it looks like a filler, or is something else with what stands around it
	}
	body := enc.encode(text)
	if enc.coding != "" {
		return body
	}
	left := r.IntN(len(outer) + 1)
	before, behind := enc.frame(r)
	if !p.caught(e.Scan([]byte(before+text+behind))) || enc.inLines() && breaksWords(body) {
		return ""
	}
	return string(outer[:left]) + before + body + behind + string(outer[left:])
}
