package dlp

import (
	"bytes"
	"encoding/ascii85"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// hexBytes appends the bytes of a list such as 67:68:70, 67 68 70, 0x67, 0x68 or
// \x67\x68, up to what is none.
func hexBytes(dst, src []byte) []byte {
	for len(src) > 0 {
		v, _, n := hexItem(src)
		if n == 0 {
			break
		}
		dst = append(dst, v)
		src = src[n:]
	}
	return dst
}

func decodedOf(b []byte, _ int) []byte { return b }

func TestRunsOfOtherBases(t *testing.T) {
	const text = "some text to be decoded again, of 45 characters"
	std, hexed := base32.StdEncoding.EncodeToString([]byte(text)), base32.HexEncoding.EncodeToString([]byte(text))
	b85 := make([]byte, ascii85.MaxEncodedLen(len(text)))
	b85 = b85[:ascii85.Encode(b85, []byte(text))]
	for name, got := range map[string][]byte{
		"hex":               hexRun(nil, []byte(hex.EncodeToString([]byte(text)))),
		"HEX":               hexRun(nil, []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))+"0")),
		"bytes":             hexBytes(nil, []byte(each2("%02x", ":")(text))),
		"numbers":           hexBytes(nil, []byte(each2("0x%02X", ", ")(text))),
		"escapes":           hexBytes(nil, []byte(each2(`\x%02x`, "")(text))),
		"base32":            base32Run(nil, []byte(std)),
		"base32 lower case": base32Run(nil, []byte(strings.ToLower(std))),
		"base32hex":         base32HexRun(nil, []byte(hexed)),
		"ascii85":           decodedOf(ascii85Run(nil, b85)),
		"reversed":          reverse(nil, reverse(nil, []byte(text))),
	} {
		if string(got) != text {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := string(reverse([]byte("x"), []byte("abc"))); got != "xcba" {
		t.Errorf("reverse: %q", got)
	}
	// A run that starts in the middle of a group.
	if got := base32Run(nil, []byte(std)[8:]); string(got) != text[5:] {
		t.Errorf("base32 from the second group: %q", got)
	}
}

func FuzzRuns(f *testing.F) {
	f.Add([]byte("text"))
	f.Add([]byte("\x00\x00\x00\x00zz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b85 := make([]byte, ascii85.MaxEncodedLen(len(data)))
		b85 = b85[:ascii85.Encode(b85, data)]
		for name, got := range map[string][]byte{
			"hex":     hexRun(nil, []byte(hex.EncodeToString(data))),
			"list":    hexBytes(nil, []byte(strings.TrimSuffix(fmt.Sprintf("% x", data), " "))),
			"base32":  base32Run(nil, []byte(base32.StdEncoding.EncodeToString(data))),
			"ascii85": decodedOf(ascii85Run(nil, b85)),
		} {
			if !bytes.Equal(got, data) {
				t.Fatalf("%s: % x became % x", name, data, got)
			}
		}
		for name, run := range map[string]func(dst, src []byte) []byte{
			"hex": hexRun, "list": hexBytes, "base32": base32Run, "base32hex": base32HexRun, "reverse": reverse,
		} {
			if got := run(nil, data); len(got) > len(data) {
				t.Fatalf("%s: %d bytes became %d", name, len(data), len(got))
			}
		}
	})
}
