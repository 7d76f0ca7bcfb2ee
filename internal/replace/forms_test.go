package replace

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// Values with what the encodings treat specially, and placeholders of the same
// length.
var formValues = []struct{ name, value, placeholder string }{
	{"letters and digits", "ghp_0123456789abcdefghijABCDEFGHIJ01", "ghp_PLACEHOLDERPLACEHOLDERPLACEHOLDE"},
	{"base64 of a key", "q83vEjRWeJq/vN4S+NFZ4mrze8Rk/3JW==", "q83vPLACEHOLDERPLACEHOLDERPLACEHOL"},
	{"punctuation", `p<a>s&s'w"o\r/d+`, "PLACEHOLDERPLACE"},
	{"several lines", "-----BEGIN-----\nabc\tdef\n-----END-----\n", "-----BEGIN-----XPLACEHOLDER-----END---"},
	{"beyond ASCII", "pässwörd-ключ-😀-0123", "PLACEHOLDERPLACEHOLDERPLACEHOLDER"[:len("pässwörd-ключ-😀-0123")]},
	{"not UTF-8", "\xff\xfe\x00\x01binary\x80value", "PLACEHOLDERPLACEHO"[:len("\xff\xfe\x00\x01binary\x80value")]},
	{"spaces", "correct horse battery staple", "PLACEHOLDERPLACEHOLDERPLACEH"},
}

func TestFormsAreFoundInWhatEncodersWrite(t *testing.T) {
	plainJSON := func(s string) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(s)
		return strings.TrimSuffix(b.String(), "\n")
	}
	encoders := []struct {
		name   string
		encode func(string) string
		text   bool // only for valid UTF-8
	}{
		{name: "raw", encode: func(s string) string { return s }},
		{name: "base64", encode: func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
		{name: "base64 of a URL", encode: func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }},
		{name: "base64 behind a user name", encode: func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x:" + s)) }},
		{name: "QueryEscape", encode: url.QueryEscape},
		{name: "PathEscape", encode: url.PathEscape},
		{name: "lower-case percent", encode: func(s string) string { return lowerPercent(url.QueryEscape(s)) }},
		{name: "JSON of Go", encode: func(s string) string { b, _ := json.Marshal(s); return string(b) }, text: true},
		{name: "JSON without HTML", encode: plainJSON, text: true},
		{name: "JSON of PHP", encode: func(s string) string { return strings.ReplaceAll(plainJSON(s), "/", `\/`) }, text: true},
		{name: "JSON of .NET", encode: func(s string) string { return strings.ReplaceAll(upperJSON(s), "+", `\u002B`) }, text: true},
	}
	for _, v := range formValues {
		table := mustTable(t, Forms(v.value, v.placeholder)...)
		for _, e := range encoders {
			if e.text && v.name == "not UTF-8" || e.name == "JSON of .NET" && v.name != "base64 of a key" {
				continue
			}
			encoded := e.encode(v.value)
			out := whole(table, `{"echo": `+encoded+`}`)
			if strings.Contains(out, encoded) {
				t.Errorf("%s in %s was not found: %s", v.name, e.name, encoded)
			}
			if want := e.encode(v.placeholder); e.name != "base64 behind a user name" && len(want) == len(encoded) && !strings.Contains(out, want) {
				t.Errorf("%s in %s: got %s, want %s in it", v.name, e.name, out, want)
			}
		}
	}
}

func lowerPercent(s string) string {
	b := []byte(s)
	for i := range b {
		if i >= 1 && b[i-1] == '%' || i >= 2 && b[i-2] == '%' {
			b[i] = strings.ToLower(string(b[i]))[0]
		}
	}
	return string(b)
}

func upperJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// TestBase64Alignments has the value stand behind and before things of every
// length.
func TestBase64Alignments(t *testing.T) {
	for _, v := range formValues {
		table := mustTable(t, Forms(v.value, v.placeholder)...)
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			for before := range 7 {
				for after := range 4 {
					in := strings.Repeat("u", before) + v.value + strings.Repeat("~", after)
					encoded := enc.EncodeToString([]byte(in))
					out := whole(table, encoded)
					if len(out) != len(encoded) {
						t.Fatalf("%s: %q became %q", v.name, encoded, out)
					}
					got, err := enc.DecodeString(out)
					if err != nil {
						t.Fatalf("%s: %q does not decode: %v", v.name, out, err)
					}
					// The bytes at the borders may be mixed; all others are not.
					inner := got[before+1 : len(got)-after-1]
					if want := v.placeholder[1 : len(v.placeholder)-1]; string(inner) != want {
						t.Errorf("%s, %d before, %d after: %q, want %q", v.name, before, after, inner, want)
					}
					if after == 0 && before%3 == 0 && string(got[before:]) != v.placeholder {
						t.Errorf("%s, alone: %q", v.name, got)
					}
				}
			}
		}
	}
}

func TestFormsKeepLengths(t *testing.T) {
	for _, v := range formValues {
		for _, p := range Forms(v.value, v.placeholder) {
			// JSON can only make up for multiples of 5 bytes without a "/".
			inexpressible := strings.Contains(p.From, `\`) && (len(p.From)-len(v.placeholder))%5 != 0
			if (len(p.From) != len(p.To)) != inexpressible {
				t.Errorf("%s: %q becomes %q", v.name, p.From, p.To)
			}
		}
	}
	if !mustTable(t, Forms(formValues[0].value, formValues[0].placeholder)...).SameLength() {
		t.Error("a usual token changes lengths")
	}
	if !mustTable(t, Forms("a/b/cdefgh", "PLA/CE/HOL")...).SameLength() {
		t.Error("slashes in the placeholder can be escaped like those in the value")
	}
}

// TestPaddedFormsSayThePlaceholder decodes what stands for the value.
func TestPaddedFormsSayThePlaceholder(t *testing.T) {
	const value, placeholder = "a+b/c=d<e>f&g'h", "PLACE/HOLDER-IT"
	for _, p := range Forms(value, placeholder) {
		if unescaped, err := url.PathUnescape(p.To); err == nil && unescaped == placeholder {
			continue
		}
		var s string
		if json.Unmarshal([]byte(`"`+p.To+`"`), &s) == nil && s == placeholder {
			continue
		}
		if strings.Trim(p.To, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") == "" {
			continue // base64, tested above
		}
		t.Errorf("%q stands for %q and says neither", p.To, p.From)
	}
}

func TestFormsAreDistinct(t *testing.T) {
	for _, v := range formValues {
		seen := map[string]bool{}
		for _, p := range Forms(v.value, v.placeholder) {
			if p.From == "" || seen[p.From] {
				t.Errorf("%s: %q twice or empty", v.name, p.From)
			}
			seen[p.From] = true
		}
	}
	if n := len(Forms("ghp_0123456789abcdefghijABCDEFGHIJ01", "x")); n > 12 {
		t.Errorf("%d forms of a plain token", n)
	}
}

func TestFormsOfTheSmallest(t *testing.T) {
	if Forms("", "placeholder") != nil {
		t.Error("an empty value has forms")
	}
	for n := 1; n < 6; n++ {
		for _, p := range Forms(strings.Repeat("k", n), "p") {
			if len(p.From) < minBase64 && p.From != strings.Repeat("k", n) {
				t.Errorf("a value of %d bytes has the form %q", n, p.From)
			}
		}
	}
}

func TestFormsWithLengthsThatDiffer(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		value, placeholder := token(r, 1+r.IntN(50)), token(r, r.IntN(60))
		table, err := New(Forms(value, placeholder))
		if err != nil {
			t.Fatal(err)
		}
		if out := whole(table, "["+value+"]"); out != "["+placeholder+"]" {
			t.Errorf("%q for %q gave %q", placeholder, value, out)
		}
	}
}
