package dlp_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// encoder is a way to write a text that hides it from who looks for the text.
type encoder struct {
	name   string
	encode func(string) string
	// coding is the Content-Encoding that says so.
	coding string
	// binary says that what comes out is no text.
	binary bool
}

// story is what stands around a secret in encodings of a longer text.
const story = "Dear team, here is what the deployment needs, please keep it safe. The value is %s and it is valid until spring; write to the platform group for another one.\n"

func inStory(s string) string { return fmt.Sprintf(story, s) }

func base64Std(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
func base64URL(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// behind encodes a text of which the secret is not the first byte.
func behind(lead string, f func(string) string) func(string) string {
	return func(s string) string { return f(lead + s + lead) }
}

func chain(fs ...func(string) string) func(string) string {
	return func(s string) string {
		for _, f := range fs {
			s = f(s)
		}
		return s
	}
}

func runes(f func(rune) string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteString(f(r))
		}
		return b.String()
	}
}

func octets(format, sep string) func(string) string {
	return func(s string) string {
		parts := make([]string, len(s))
		for i := range parts {
			parts[i] = fmt.Sprintf(format, s[i])
		}
		return strings.Join(parts, sep)
	}
}

func lines(n int, sep string) func(string) string {
	return func(s string) string {
		var parts []string
		for len(s) > n {
			parts, s = append(parts, s[:n]), s[n:]
		}
		return strings.Join(append(parts, s), sep)
	}
}

func between(sep string) func(string) string {
	return func(s string) string { return strings.Join(strings.Split(s, ""), sep) }
}

func wide(bigEndian bool) func(string) string {
	return func(s string) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if bigEndian {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return string(b)
	}
}

var lookalikes = strings.NewReplacer("a", "а", "c", "с", "e", "е", "o", "о", "p", "р", "x", "х", "y", "у", "i", "і", "s", "ѕ", "j", "ј",
	"A", "А", "B", "В", "C", "С", "E", "Е", "H", "Н", "I", "І", "K", "К", "M", "М", "O", "О", "P", "Р", "T", "Т", "X", "Х")

func shift(r rune) rune {
	if r > ' ' && r <= '~' {
		return r - '!' + 0xff01
	}
	return r
}

func tagged(r rune) rune {
	if r < 0x80 {
		return 0xe0000 + r
	}
	return r
}

func mime(s string) string {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

// packed returns what a compressor makes of a text.
func packed(open func(io.Writer) io.WriteCloser) func(string) string {
	return func(s string) string {
		var b bytes.Buffer
		w := open(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
}

var (
	gzipped = packed(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	zlibbed = packed(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	brotted = packed(func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) })
	zstdded = packed(func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<16))
		if err != nil {
			panic(err)
		}
		return z
	})
)

func zipped(s string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"README.md", "deploy/.env"} {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, s)
		}
		if err != nil {
			panic(err)
		}
	}
	_ = w.Close()
	return b.String()
}

func tarred(s string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "home/.config/token", Mode: 0o600, Size: int64(len(s))}); err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func adobe(s string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return "<~" + string(b[:ascii85.Encode(b, []byte(s))]) + "~>"
}

func base32Std(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }

func identity(s string) string { return s }

// encoders are the rows of the matrix.
var encoders = []encoder{
	{name: "raw", encode: identity},
	{name: "base64", encode: base64Std},
	{name: "base64 +1", encode: behind(" ", base64Std)},
	{name: "base64 +2", encode: behind("=\"", base64Std)},
	{name: "base64url", encode: base64URL},
	{name: "base64url +1", encode: behind(":", base64URL)},
	{name: "base64url +2", encode: behind(": ", base64URL)},
	{name: "base64, 76 columns, LF", encode: chain(inStory, base64Std, lines(76, "\n"))},
	{name: "base64, 76 columns, CRLF", encode: chain(inStory, base64Std, lines(76, "\r\n"))},
	{name: "base64, 64 columns, LF", encode: chain(inStory, base64Std, lines(64, "\n"))},
	{name: "base64, 64 columns, CRLF", encode: chain(inStory, base64Std, lines(64, "\r\n"))},
	{name: `base64, 76 columns, \n`, encode: chain(inStory, base64Std, lines(76, `\n`))},
	{name: "base64, 20 columns, LF", encode: chain(base64Std, lines(20, "\n"))},
	{name: "base64 twice", encode: chain(base64Std, base64Std)},
	{name: "base64 three times", encode: chain(base64Std, base64Std, base64Std)},
	{name: "base64 in percent", encode: chain(inStory, base64Std, url.QueryEscape)},
	{name: "hex", encode: octets("%02x", "")},
	{name: "HEX", encode: octets("%02X", "")},
	{name: "hex with colons", encode: octets("%02x", ":")},
	{name: "hex with blanks", encode: octets("%02x", " ")},
	{name: "hex with 0x", encode: octets("0x%02x", ", ")},
	{name: "hex of base64", encode: chain(base64Std, octets("%02x", ""))},
	{name: "base32", encode: base32Std},
	{name: "base32 lower", encode: chain(base32Std, strings.ToLower)},
	{name: "percent", encode: octets("%%%02X", "")},
	{name: "percent twice", encode: octets("%%25%02X", "")},
	{name: "percent, every third", encode: nthByte(3, "%%%02x")},
	{name: `\u escapes`, encode: octets(`\u%04x`, "")},
	{name: `\x escapes`, encode: octets(`\x%02x`, "")},
	{name: "HTML decimal", encode: octets("&#%d;", "")},
	{name: "HTML hex", encode: octets("&#x%x;", "")},
	{name: "UTF-16LE", encode: wide(false), binary: true},
	{name: "UTF-16BE", encode: wide(true), binary: true},
	{name: "UTF-16LE in base64", encode: chain(wide(false), base64Std)},
	{name: "zero-width", encode: between("\u200b")},
	{name: "tag characters", encode: runes(func(r rune) string { return string(tagged(r)) })},
	{name: "fullwidth", encode: runes(func(r rune) string { return string(shift(r)) })},
	{name: "Cyrillic", encode: func(s string) string { return lookalikes.Replace(s) }},
	{name: "reversed", encode: reversed},
	{name: "spaced", encode: between(" ")},
	{name: "dotted", encode: between(".")},
	{name: "dashed", encode: between("-")},
	{name: "concatenated", encode: func(s string) string {
		parts := strings.Split(lines(9, "\n")(s), "\n")
		for i := range parts {
			parts[i] = strconv.Quote(parts[i])
		}
		return strings.Join(parts, " + ")
	}},
	{name: "quoted-printable", encode: chain(inStory, mime)},
	{name: "quoted-printable, all", encode: octets("=%02X", "")},
	{name: "gzip", encode: gzipped, binary: true},
	{name: "gzip in base64", encode: chain(gzipped, base64Std)},
	{name: "gzip in hex", encode: chain(gzipped, octets("%02x", ""))},
	{name: "gzip in base64 lines", encode: chain(inStory, gzipped, base64Std, lines(76, "\n"))},
	{name: "zlib", encode: zlibbed, binary: true},
	{name: "zlib in base64", encode: chain(zlibbed, base64Std)},
	{name: "zstd", encode: zstdded, binary: true},
	{name: "zstd in base64", encode: chain(zstdded, base64Std)},
	{name: "brotli as coding", encode: chain(inStory, brotted), coding: "br", binary: true},
	{name: "gzip as coding", encode: chain(inStory, gzipped), coding: "gzip", binary: true},
	{name: "zstd as coding", encode: chain(inStory, zstdded), coding: "zstd", binary: true},
	{name: "zip", encode: zipped, binary: true},
	{name: "zip in base64", encode: chain(zipped, base64Std)},
	{name: "tar.gz", encode: chain(tarred, gzipped), binary: true},
	{name: "tar.gz in base64", encode: chain(tarred, gzipped, base64Std)},
	{name: "Ascii85", encode: adobe},
}

func nthByte(n int, format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if i%n == 0 {
				fmt.Fprintf(&b, format, s[i])
			} else {
				b.WriteByte(s[i])
			}
		}
		return b.String()
	}
}
