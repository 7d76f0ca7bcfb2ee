package replace

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzStream compares a stream in pieces with the definition. The pairs are
// lines "from>to"; the pieces are as long as the bytes of cuts say.
func FuzzStream(f *testing.F) {
	f.Add("abcd>1\nbcdef>22\ncd>", "xabcdefabcdcd", "\x01\x02\x03")
	f.Add(opaque+">"+opaqueIn, "x"+opaque+opaque[:9]+opaque, "\x05")
	f.Add("aaaa>b\naa>c\nab>d", "aaabaaaaab", "\x01")
	f.Fuzz(func(t *testing.T, spec, text, cuts string) {
		var ps []Pair
		for line := range strings.SplitSeq(spec, "\n") {
			if from, to, _ := strings.Cut(line, ">"); from != "" {
				ps = append(ps, Pair{From: from, To: to})
			}
		}
		want := naive(ps, text)
		table := mustTable(t, ps...)
		s := table.NewStream()
		var out []byte
		rest := text
		for i := 0; rest != ""; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)]))
			}
			out = s.Append(out, []byte(rest[:n]))
			rest = rest[n:]
			if held := text[len(text)-len(rest)-s.Held() : len(text)-len(rest)]; s.Held() > 0 && !begins(ps, held) {
				t.Fatalf("%q is held, which begins nothing", held)
			}
		}
		if out = s.Close(out); string(out) != want {
			t.Fatalf("got %q, want %q", out, want)
		}
	})
}

func begins(ps []Pair, text string) bool {
	for _, p := range ps {
		if strings.HasPrefix(p.From, text) {
			return true
		}
	}
	return false
}

// FuzzRedact says that no value comes through, in pieces and with pauses, and
// that lengths stay when they can. A piece's length is the low 6 bits of a byte
// of cuts, a pause the highest.
func FuzzRedact(f *testing.F) {
	f.Add(credential, []byte("a "+credential+" b"), []byte{3, 0x81})
	f.Add(opaque, []byte(opaque[:20]+opaque), []byte{0x80})
	f.Add(`p<a>s&s'w"o\r/d+`, []byte(`{"echo":"p\u003ca\u003es\u0026s'w\"o\\r\/d+"}`), []byte{0x8f, 7})
	f.Fuzz(func(t *testing.T, value string, text, cuts []byte) {
		const fill = "\x01" // not in values, so that the placeholder makes none
		if len(value) < 12 || strings.Contains(value, fill) {
			t.Skip("a value that is no credential")
		}
		table := mustTable(t, Forms(value, strings.Repeat(fill, len(value)))...)
		s := table.NewStream()
		var out []byte
		for i, rest := 0, text; len(rest) > 0; i++ {
			n, pause := len(rest), false
			if len(cuts) > 0 {
				n, pause = min(n, 1+int(cuts[i%len(cuts)]&0x3f)), cuts[i%len(cuts)]&0x80 != 0
			}
			out = s.Append(out, rest[:n])
			rest = rest[n:]
			if pause {
				out = s.Flush(out)
			}
		}
		out = s.Close(out)
		if bytes.Contains(out, []byte(value)) {
			t.Fatalf("%q let %q through: %q", text, value, out)
		}
		if table.SameLength() && len(out) != len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(out))
		}
	})
}
