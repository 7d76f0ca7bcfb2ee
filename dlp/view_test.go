package dlp

import (
	"bytes"
	"encoding/ascii85"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

// Texts that a view has to read, put together from parts.
var viewTokens = []string{
	"gh" + "p_" + "a8Kd02mQ7zXv5LrT1nYb9WcE3uHs6PfJ4gRo",
	"sk-" + "ant-" + "api03-Zk4v8Qm2Wn6Xr0Ty5Lp9Cb3Hd7Jf1Gs_A-x",
	"AK" + "IA" + "2Q7Z5XV3LKT6NYB4",
	"SG" + "." + "k2J9xQ4mZ7vB1nL8pW5tR3" + "." + "yH6cF0dG2sA9kJ4mN7bV1xZ5qW8eR3tY6uI0oP2aS4d",
}

func viewNamed(t testing.TB, path string) textView {
	t.Helper()
	for _, v := range textViews {
		if v.path == path {
			return v
		}
	}
	t.Fatalf("no view %q", path)
	return textView{}
}

// each encodes every character of a text.
func each(enc func(r rune) string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteString(enc(r))
		}
		return b.String()
	}
}

// nth encodes every n-th character, the second first.
func nth(n int, enc func(r rune) string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i, r := range s {
			if i%n == 1 {
				b.WriteString(enc(r))
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
}

func verb(format string) func(rune) string {
	return func(r rune) string { return fmt.Sprintf(format, r) }
}

func join(sep string) func(string) string {
	return func(s string) string { return strings.Join(strings.Split(s, ""), sep) }
}

func cut(n int, sep string) func(string) string {
	return func(s string) string {
		var parts []string
		for len(s) > n {
			parts, s = append(parts, s[:n]), s[n:]
		}
		return strings.Join(append(parts, s), sep)
	}
}

func utf16Of(order byte) func(string) string {
	return func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if order == 'L' {
				b = append(b, byte(u), byte(u>>8))
			} else {
				b = append(b, byte(u>>8), byte(u))
			}
		}
		return string(b)
	}
}

func quotedPrintable(s string) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.Repeat("x", 60) + s))
	_ = w.Close()
	return b.String()[60:]
}

func mathLetters(s string) string {
	return each(func(r rune) string {
		switch {
		case 'A' <= r && r <= 'Z':
			return string(0x1d5d4 + r - 'A')
		case 'a' <= r && r <= 'z':
			return string(0x1d5ee + r - 'a')
		case '0' <= r && r <= '9':
			return string(0x1d7ec + r - '0')
		}
		return string(r)
	})(s)
}

var cyrillic = strings.NewReplacer("a", "а", "c", "с", "e", "е", "o", "о", "p", "р", "x", "х", "A", "А", "B", "В", "T", "Т", "k", "к", "y", "у")

func adobe85(s string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return "<~" + string(b[:ascii85.Encode(b, []byte(s))]) + "~>"
}

type viewCase struct {
	path, name string
	encode     func(string) string
}

var viewCases = []viewCase{
	{"percent", "every character", each(verb("%%%02X"))},
	{"percent", "every third character in lower case", nth(3, verb("%%%02x"))},
	{"percent", "the escape of JavaScript", nth(5, verb("%%u%04x"))},
	{"json", "code units", each(verb(`\u%04x`))},
	{"json", "one code unit in seven", nth(7, verb(`\u%04X`))},
	{"json", "hex", each(verb(`\x%02x`))},
	{"json", "octal", nth(3, verb(`\%03o`))},
	{"json", "braces", nth(4, verb(`\u{%x}`))},
	{"json", "braces behind x", nth(4, verb(`\x{%x}`))},
	{"json", "long", nth(4, verb(`\U%08x`))},
	{"html", "decimal", each(verb("&#%d;"))},
	{"html", "hex", nth(3, verb("&#x%X;"))},
	{"html", "zeros", nth(3, verb("&#00%03d;"))},
	{"html", "names", func(s string) string {
		return strings.NewReplacer("_", "&lowbar;", "-", "&hyphen;", ".", "&period;", "2", "&#50;").Replace(s)
	}},
	{"qp", "every character", each(verb("=%02X"))},
	{"qp", "one in five", nth(5, verb("=%02X"))},
	{"qp", "a soft break", quotedPrintable},
	{"fold", "zero-width space", join("\u200b")},
	{"fold", "joiners", nth(3, verb("\u2060\u200d%c\ufeff"))},
	{"fold", "soft hyphens", join("\u00ad")},
	{"fold", "variation selectors", join("\ufe0f")},
	{"fold", "tags", each(func(r rune) string { return string(0xe0000 + r) })},
	{"fold", "fullwidth", each(func(r rune) string { return string(r - '!' + 0xff01) })},
	{"fold", "mathematical", mathLetters},
	{"fold", "Cyrillic", func(s string) string { return cyrillic.Replace(s) }},
	{"utf16", "little endian", utf16Of('L')},
	{"utf16", "big endian", utf16Of('B')},
	{"utf16", "32 bits, little endian", join("\x00\x00\x00")},
	{"utf16", "32 bits, big endian", func(s string) string { return "\x00\x00\x00" + join("\x00\x00\x00")(s) }},
	{"spaced", "spaces", join(" ")},
	{"spaced", "dots", join(".")},
	{"spaced", "dashes", join("-")},
	{"spaced", "lines", join("\n")},
	{"spaced", "escaped lines", join(`\n`)},
	{"spaced", "two spaces", join("  ")},
	{"spaced", "a list", join(", ")},
	{"spaced", "an array", join(`","`)},
	{"spaced", "an array with spaces", join(`", "`)},
	{"concat", "plus", cut(7, `" + "`)},
	{"concat", "plus between single characters", cut(1, `"+"`)},
	{"concat", "side by side", cut(5, `' '`)},
	{"concat", "ampersand", cut(5, `" & "`)},
	{"concat", "bars", cut(5, `' || '`)},
	{"concat", "two dots", cut(5, `"..'`)},
	{"concat", "escaped lines", cut(5, `\"\n  + \"`)},
	{"concat", "shell", cut(5, `''`)},
	{"concat", "dot", cut(9, `" . "`)},
	{"concat", "a continued line", cut(9, "' \\\n    '")},
	{"concat", "lines in JSON", cut(9, `\" +\n  \"`)},
	{"concat", "Python", cut(9, "'\n    f'")},
	{"wrapped", "16 columns", cut(16, "\n")},
	{"wrapped", "20 columns", cut(20, "\r\n")},
	{"wrapped", "indented", cut(12, "\n    ")},
	{"wrapped", "a continued line", cut(12, "\\\n")},
	{"spaced", "colons", each2("%02x", ":")},
	{"spaced", "spaces", each2("%02X", " ")},
	{"spaced", "a list of numbers", each2("0x%02x", ", ")},
	{"spaced", "a tight list of numbers", each2("0x%02x", ",")},
	{"spaced", "a list of pairs", each2("%02x", ", ")},
	{"ascii85", "Adobe", adobe85},
}

func each2(format, sep string) func(string) string {
	return func(s string) string {
		var parts []string
		for i := range len(s) {
			parts = append(parts, fmt.Sprintf(format, s[i]))
		}
		return strings.Join(parts, sep)
	}
}

// surroundings are what stands left and right of a text.
var surroundings = [][2]string{
	{"", ""},
	{"token: ", " and more"},
	{`{"messages":[{"role":"user","content":"`, `"}],"stream":true}`},
	{"Look at this long line of text, it is here so that something is before. ", "\nThe end of it all."},
}

func TestViewsReadWhatWasEncoded(t *testing.T) {
	for _, c := range viewCases {
		t.Run(c.path+"/"+c.name, func(t *testing.T) {
			v := viewNamed(t, c.path)
			for _, token := range viewTokens {
				encoded := c.encode(token)
				if encoded == token {
					continue // nothing in it to write in this way
				}
				for _, s := range surroundings {
					src := []byte(s[0] + encoded + s[1])
					at := v.find(src, 0)
					if at >= len(s[0])+len(encoded) {
						t.Fatalf("%q: no sign", src)
					}
					out, m, changed := v.decode([]byte("kept"), nil, src)
					if !changed || !bytes.Contains(out, []byte(token)) {
						t.Fatalf("%q: changed %v, got %q", src, changed, out)
					}
					checkMarks(t, v.path, src, out[4:], m)
					// The marks cover the encoded text, and little else.
					k := bytes.Index(out[4:], []byte(token))
					from, to := sourceSpan(m, k, k+len(token), len(src))
					if from < len(s[0])-6 || from > len(s[0])+8 || to < len(s[0])+len(encoded)-4 || to > len(s[0])+len(encoded)+6 {
						t.Fatalf("%q: the text is at %d:%d by the marks", src, from, to)
					}
				}
			}
		})
	}
}

// sourceSpan maps from:to of a decoded text back, with whole steps.
func sourceSpan(m []mark, from, to, size int) (int, int) {
	start, end := 0, size
	for _, k := range m {
		if int(k.to) <= from {
			start = int(k.from) + from - int(k.to)
		}
		if int(k.to) >= to {
			end = int(k.from)
			if int(k.to) > to {
				end = min(end, int(k.from))
			}
			break
		}
		end = min(size, int(k.from)+to-int(k.to))
	}
	return start, end
}

func checkMarks(t testing.TB, path string, src, out []byte, m []mark) {
	t.Helper()
	most := len(src)
	if path == "ascii85" {
		most *= 4
	}
	if len(out) > most {
		t.Fatalf("%s: %d bytes became %d", path, len(src), len(out))
	}
	last := mark{0, -1}
	for _, k := range m {
		if k.from < last.from || k.to <= last.to || int(k.from) > len(src) || int(k.to) > len(out) {
			t.Fatalf("%s: mark %v after %v with %d and %d bytes", path, k, last, len(src), len(out))
		}
		if path != "ascii85" && last.to >= 0 && k.to-last.to > k.from-last.from {
			t.Fatalf("%s: between %v and %v the source is slower", path, last, k)
		}
		last = k
	}
}

// honest are texts in which no view may see a sign.
var honest = map[string][]string{
	"percent": {
		"https://example.com/a%20b?q=" + url.QueryEscape("what is this & that; 100% [x] {\"a\": \"b/c\"}"),
		"https://login.example.com/authorize?redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&state=%7B%22a%22%3A1%7D",
		"100%25 of it", "50% of 20%", "%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "https%3A%2F%2Fexample.com%2F?mail=a%40b.example"[24:],
	},
	"json": {
		`{"a":"line\nline\ttab \"quoted\" C:\\Users\\name \u003cb\u003e \u0026 \u0027 \u0022 \u001b[31m"}`,
		`{"text":"\u043f\u0440\u0438\u0432\u0435\u0442 caf\u00e9 \ud83d\ude00\n\u0421\u0442\u0440\u0430\u043d\u0430"}`,
		`{"url":"https:\/\/example.com\/a\/b"}`, `re := /^\d+\s*\w+\/\1$/`,
	},
	"html":    {`<p>a &amp; b &lt;c&gt; &quot;d&quot; &#39;e&#39; &#x27;f&#x27; &nbsp; &copy; &#8217; a&b=c&d=e &amp;amp; &amp;lt;</p>`},
	"qp":      {"a=1&b=2&id=4512", "x == y", "if a=b\nthen", "caf=C3=A9 is =3D open"},
	"fold":    {"Привет, мир. Это текст, 2019–2020 и 1920×1080.", "日本語のテキスト、全角！（テスト）。", "don’t — “quoted” … 😀 👍🏽 👨‍👩‍👧", "İstanbul'da yaşıyorum, ışık", "ΕΛΛΗΝΙΚΑ κείμενο", "naïve café Straße"},
	"utf16":   {"a\x00b\x00c\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", "abc\x00def\x00ghi\x00jkl\x00mno\x00pqr"},
	"spaced":  {strings.Repeat("-", 200), strings.Repeat(" ", 300), strings.Repeat("0 ", 40), strings.Repeat("=-", 50), "a.b.c.d and I am a b c", strings.Repeat("ab", 100), "2024-01-02 03:04:05 06:07:08", "a, b, c, d, e, f, a, b, c, d, e, f", "1 2 3 4 5 6 7 8 9 10 11 12 13"},
	"concat":  {`{"a":"b","c":"","d":["e","f"]}`, `x := "a" + b + "c"`, "it's a dog's life, isn't it", `fmt.Println("a", "b")`, `printf("a\n" "b")`},
	"wrapped": {"a sentence about internationalization\ndocumentation goes on here", "one\ntwo\nthree", `"text with words\nand more considerations\nregarding everything"`, "func main() {\n\tfmt.Println()\n}"},
	"ascii85": {"a < b ~ c <b>"},
}

func TestViewsLeaveHonestTextsAlone(t *testing.T) {
	for path, texts := range honest {
		v := viewNamed(t, path)
		for _, text := range texts {
			if at := v.find([]byte(text), 0); at < len(text) {
				t.Errorf("%s: a sign at %d, %q", path, at, text[at:])
			}
		}
	}
}

func TestOneLevelIsForOneView(t *testing.T) {
	token := viewTokens[0]
	for _, c := range []struct {
		path   string
		encode func(string) string
	}{
		{"percent", func(s string) string { return url.QueryEscape(nth(3, verb("%%%02x"))(s)) }},
		{"json", func(s string) string {
			b, _ := json.Marshal(nth(3, verb(`\u%04x`))(s))
			return string(b)
		}},
		{"html", func(s string) string { return strings.ReplaceAll(nth(3, verb("&#%d;"))(s), "&", "&amp;") }},
	} {
		v := viewNamed(t, c.path)
		text := []byte(c.encode(token))
		for level := range 2 {
			if v.find(text, 0) == len(text) {
				t.Fatalf("%s: no sign on level %d in %q", c.path, level, text)
			}
			text, _, _ = v.decode(nil, nil, text)
		}
		if !bytes.Contains(text, []byte(token)) {
			t.Errorf("%s: got %q", c.path, text)
		}
	}
}

func TestEscapedLookalikesAreSigns(t *testing.T) {
	token := cyrillic.Replace(viewTokens[0])
	escape := func(format string) string {
		return each(func(r rune) string {
			if r < 0x80 {
				return string(r)
			}
			return fmt.Sprintf(format, r)
		})(token)
	}
	for path, text := range map[string]string{
		"json":    escape(`\u%04x`),
		"html":    escape("&#%d;"),
		"percent": url.QueryEscape(token),
	} {
		v := viewNamed(t, path)
		if v.find([]byte(text), 0) == len(text) {
			t.Errorf("%s: no sign in %q", path, text)
		}
		out, _, _ := v.decode(nil, nil, []byte(text))
		out, _, _ = decodeFold(nil, nil, out)
		if string(out) != viewTokens[0] {
			t.Errorf("%s: got %q", path, out)
		}
	}
}

func TestSpacedAtEveryOffset(t *testing.T) {
	token := viewTokens[2][:minSpaced]
	for _, encode := range []func(string) string{join(" "), join("  "), join(", "), join(`","`), each2("%02x", " "), each2("0x%02x", ", ")} {
		for _, fill := range []string{"#", "-", "x", "ab", "0 ", ", "} {
			for n := range 70 {
				left := strings.Repeat(fill, n) + "\x01"
				src := []byte(left + encode(token) + "\x01" + strings.Repeat(fill, n%20))
				if out, _, _ := decodeSpaced(nil, nil, src); !bytes.Contains(out, []byte(token)) {
					t.Fatalf("behind %d of %q: %q", n, fill, out)
				}
				if at := findSpaced(src, 0); at < len(left) && fill != "0 " || at > len(left)+6 {
					t.Fatalf("behind %d of %q: found at %d of %d", n, fill, at, len(left))
				}
			}
		}
	}
}

func TestEscapedLineBreaksInsideTokens(t *testing.T) {
	for _, sep := range []string{`\n`, `\\n`, `\r\n  `, `\n\t`} {
		for _, token := range viewTokens {
			text := []byte("\"" + cut(12, sep)(token) + "\"")
			if findWrapped(text, 0) == len(text) {
				t.Errorf("no sign in %q", text)
			}
			if out, _, _ := decodeWrapped(nil, nil, text); string(out) != "\""+token+"\"" {
				t.Errorf("%q became %q", text, out)
			}
			out, _, _ := decodeEscapes(nil, nil, text)
			if sep == `\\n` {
				out, _, _ = decodeEscapes(nil, nil, out)
			}
			if findWrapped(out, 0) == len(out) {
				t.Errorf("no sign in %q", out)
			}
		}
	}
}

func TestJoinerAtTheEndOfARun(t *testing.T) {
	for _, text := range []string{`"abc" "def"`, `"abc""def"`, "\"abc\"\n\t\"def\"", `\"abc\" \"def\"`, `"abc" \n "def"`} {
		q := strings.Index(text, "c") + 1
		if text[q] == '\\' {
			q++
		}
		from, to := joiner([]byte(text), q)
		if to == 0 || text[:from]+text[to:] != text[:strings.Index(text, "a")]+"abcdef"+text[strings.Index(text, "f")+1:] {
			t.Errorf("%q: %d, %d", text, from, to)
		}
	}
}

func TestPercentInKeysAndURLs(t *testing.T) {
	key := "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIB\n"
	for _, text := range []string{url.QueryEscape(key), url.PathEscape(key)} {
		if findPercent([]byte(text), 0) == len(text) {
			t.Errorf("no sign in %q", text)
		}
		if out, _, _ := decodePercent(nil, nil, []byte(text)); string(out) != key {
			t.Errorf("got %q", out)
		}
	}
	for _, text := range []string{"u=" + url.QueryEscape("postgres://user:pass@host/db"), "t=Zm9vYmFyYmF6cXV4%2BZm9v"} {
		if findPercent([]byte(text), 0) == len(text) {
			t.Errorf("no sign in %q", text)
		}
	}
}

func TestConfusablesAreInOrder(t *testing.T) {
	for i := 1; i < len(confusables); i++ {
		if confusables[i-1].r >= confusables[i].r {
			t.Errorf("%U is not before %U", confusables[i-1].r, confusables[i].r)
		}
	}
	for i := 1; i < len(foldRanges); i++ {
		if foldRanges[i-1].hi >= foldRanges[i].lo {
			t.Errorf("the range of %U is not before that of %U", foldRanges[i-1].lo, foldRanges[i].lo)
		}
	}
	for r, want := range map[rune]byte{'Ａ': 'A', '𝐚': 'a', '𝟗': '9', 'ⓖ': 'g', 'Ⓖ': 'G', '⒢': 'g', '🅖': 'G', 'ᵍ': 'g', '⁷': '7', 'с': 'c', 'Α': 'A', '𝚨': 'A', 'ᴋ': 'k', '\U000e0067': 'g', '\u200b': 0} {
		if got, ok := lookalike(r); !ok || got != want {
			t.Errorf("%U: %q, %v", r, got, ok)
		}
	}
}

// FuzzViews feeds every view with anything, and with an encoded token in it.
func FuzzViews(f *testing.F) {
	for i := range viewCases {
		f.Add([]byte("some text "), []byte(" more"), uint16(i), uint64(i))
	}
	for _, texts := range honest {
		for _, text := range texts {
			f.Add([]byte(text), []byte(text), uint16(len(text)), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, left, right []byte, which uint16, seed uint64) {
		c := viewCases[int(which)%len(viewCases)]
		r := rand.New(rand.NewPCG(seed, 1))
		token := viewTokens[r.IntN(len(viewTokens))]
		src := append(append(bytes.Clone(left), c.encode(token)...), right...)
		for _, v := range textViews {
			for i := 0; i < len(src); {
				at := v.find(src, i)
				if at < i || at > len(src) {
					t.Fatalf("%s: find from %d of %d gives %d", v.path, i, len(src), at)
				}
				i = at + 1
			}
			out, m, changed := v.decode(nil, nil, src)
			checkMarks(t, v.path, src, out, m)
			if !changed && !bytes.Equal(out, src) {
				t.Fatalf("%s: unchanged, but %q became %q", v.path, src, out)
			}
			if again, _, _ := v.decode([]byte("x"), nil, src); !bytes.Equal(again[1:], out) {
				t.Fatalf("%s: another text behind other bytes", v.path)
			}
		}
	})
}

// An escape that is the end of a match is a part of it.
func TestOneEscapeAnywhere(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	token := viewTokens[0]
	for path, format := range map[string]string{"percent": "%%%02x", "json": `\u%04x`, "html": "&#x%x;"} {
		for at := range len(token) {
			for _, rest := range []string{"", " ", "&x=1", "\"\n", " and more of it" + strings.Repeat(" text", 100)} {
				match := token[:at] + fmt.Sprintf(format, token[at]) + token[at+1:]
				found := e.Scan([]byte("/a?b=" + match + rest))
				if len(found) != 1 || found[0].Path != path || found[0].Offset != 5 || found[0].Length != len(match) || found[0].End != int64(5+len(match)) {
					t.Errorf("%q: %+v", match+rest, found)
				}
			}
		}
	}
}
