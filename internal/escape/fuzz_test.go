package escape_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/bidi"

	"github.com/bot-bottle/bottle/internal/escape"
)

// markRoom is the room that the mark of a cut may take however few columns
// there are.
const markRoom = 30

var hostile = []string{
	"", "GET /v1/messages?beta=true", "Grüße, мир, 世界", "\x1b[2J\x1b]52;c;cm0=\x07", "a\nb\r\tc\x00\x7f",
	"\u202egpj.exe\u2066\u200b\ufeff\u061c", "\xff\xc3(\xed\xa0\x80", `\x1b \\ \u202e \…(+9 bytes)`,
	"e\u0301\u0301\u0301\u0301\u0301\u0301", "\u0301x", "\u1112\u1161\u11ab", "\ufffd", "א/1 ٢", "\U000e0041\U0010ffff",
	"a\u0085b\u2028c\u2029d", "\u00a0\u3000\u3164\u2800", "🏴\U000e0067", "👩\u200d👩",
	"xn--bcher-kva.example", "bücher.example", "аpple.com", "xn--80ak6aa92e.com", "*.example.com", "[::1]:443",
	"xn--\u00ff.аpple.com", "good．example", "a.b (c.d)", strings.Repeat("世", 90), "XN--BCHER-KVA.example", "xn--a\u00fc",
}

// mustBeLine fails unless shown is one line of valid UTF-8 in which each rune is
// seen in its place. It knows Unicode by other tables than the package does.
func mustBeLine(t *testing.T, in, shown string) {
	t.Helper()
	if !utf8.ValidString(shown) {
		t.Fatalf("%q is shown as %q: not UTF-8", in, shown)
	}
	for i, r := range shown {
		p, _ := bidi.LookupRune(r)
		switch {
		case r == ' ':
		case unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			t.Fatalf("%q is shown as %q: %U is not seen", in, shown, r)
		case p.Class() == bidi.R || p.Class() == bidi.AL || p.Class() == bidi.AN || p.Class() >= bidi.Control:
			t.Fatalf("%q is shown as %q: %U changes the order", in, shown, r)
		case i == 0 && unicode.Is(unicode.M, r):
			t.Fatalf("%q is shown as %q: it joins what stands before it", in, shown)
		}
	}
}

// unescape is the inverse that the package comment promises.
func unescape(t *testing.T, shown string) string {
	t.Helper()
	var b strings.Builder
	number := func(s string, digits int) (uint64, string) {
		if len(s) < digits {
			t.Fatalf("an escape ends early in %q", shown)
		}
		v, err := strconv.ParseUint(s[:digits], 16, 32)
		if err != nil {
			t.Fatalf("an escape in %q: %v", shown, err)
		}
		return v, s[digits:]
	}
	for s := shown; s != ""; {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if len(s) < 2 {
			t.Fatalf("a lone backslash in %q", shown)
		}
		kind := s[1]
		s = s[2:]
		var v uint64
		switch kind {
		case '\\':
			b.WriteByte('\\')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'x':
			v, s = number(s, 2)
			b.WriteByte(byte(v))
		case 'u':
			v, s = number(s, 4)
			b.WriteRune(rune(v))
		case 'U':
			v, s = number(s, 8)
			b.WriteRune(rune(v))
		default:
			t.Fatalf("%q has an escape that is not documented: %q", shown, kind)
		}
	}
	return b.String()
}

func FuzzText(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, i*3)
	}
	f.Fuzz(func(t *testing.T, s string, columns int) {
		text, word := escape.Text(s), escape.Word(s)
		mustBeLine(t, s, text)
		mustBeLine(t, s, word)
		if back := unescape(t, text); back != s {
			t.Fatalf("Text(%q) = %q, which says %q", s, text, back)
		}
		if back := unescape(t, word); back != s || strings.Contains(word, " ") {
			t.Fatalf("Word(%q) = %q, which says %q", s, word, back)
		}
		for _, short := range []string{escape.TextMax(s, columns), escape.WordMax(s, columns)} {
			mustBeLine(t, s, short)
			if n := escape.Columns(short); columns > 0 && n > max(columns, markRoom) {
				t.Fatalf("%q in %d columns takes %d: %q", s, columns, n, short)
			}
		}
		if escape.Columns(text) <= columns && escape.TextMax(s, columns) != text {
			t.Fatalf("%q fits into %d columns and was cut: %q", s, columns, escape.TextMax(s, columns))
		}
	})
}

func FuzzHost(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, i*3)
	}
	f.Fuzz(func(t *testing.T, s string, columns int) {
		shown := escape.Host(s)
		mustBeLine(t, s, shown)
		short := escape.HostMax(s, columns)
		mustBeLine(t, s, short)
		if n := escape.Columns(short); columns > 0 && n > max(columns, markRoom) {
			t.Fatalf("%q in %d columns takes %d: %q", s, columns, n, short)
		}
		name, meant, both := strings.Cut(shown, " ")
		if strings.IndexFunc(name, func(r rune) bool { return r >= 0x80 }) >= 0 {
			t.Fatalf("Host(%q) = %q: the first form is not ASCII", s, shown)
		}
		if !both {
			if back := unescape(t, shown); back != s {
				t.Fatalf("Host(%q) = %q, which says %q", s, shown, back)
			}
			return
		}
		// Two forms: the name that is looked up, and what it means. Each label of
		// s is in one of them, and the second encodes to the first.
		meant = unescape(t, strings.TrimSuffix(strings.TrimPrefix(meant, "("), ")"))
		given, names, means := strings.Split(s, "."), strings.Split(name, "."), strings.Split(meant, ".")
		if len(names) != len(given) || len(means) != len(given) {
			t.Fatalf("Host(%q) = %q: labels are lost", s, shown)
		}
		for i, label := range given {
			if label != names[i] && label != means[i] {
				t.Fatalf("Host(%q) = %q: %q is in neither form", s, shown, label)
			}
			if ascii, err := idna.Punycode.ToASCII(means[i]); err != nil || !strings.EqualFold(ascii, names[i]) {
				t.Fatalf("Host(%q) = %q: %q encodes to %q, %v", s, shown, means[i], ascii, err)
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := json.Marshal(map[string]string{s: s})
		if err != nil {
			t.Fatal(err)
		}
		shown := escape.JSON(nil, doc)
		mustBeLine(t, s, string(shown))
		var want, got map[string]string
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(shown, &got); err != nil {
			t.Fatalf("JSON(%s) = %s: %v", doc, shown, err)
		}
		for k, v := range want {
			if got[k] != v {
				t.Fatalf("JSON(%s) = %s, which means something else", doc, shown)
			}
		}
		// What is no JSON is one of as many lines as it had.
		raw := string(escape.JSON(nil, []byte(s)))
		for i, line := range strings.Split(raw, "\n") {
			mustBeLine(t, strings.Split(s, "\n")[i], line)
		}
	})
}
