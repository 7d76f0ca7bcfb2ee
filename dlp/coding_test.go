package dlp_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/bot-bottle/bottle/dlp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func encodeBody(t testing.TB, name string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, 6)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	default:
		return body
	}
	_, _ = w.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decodeBody writes body in pieces of up to most bytes.
func decodeBody(t testing.TB, encoding string, limits dlp.DecodeLimits, body []byte, most int) (string, error) {
	t.Helper()
	var out bytes.Buffer
	d, err := dlp.NewDecoder(encoding, limits, func(p []byte) { out.Write(p) })
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(most), 0))
	for len(body) > 0 {
		n := min(len(body), 1+r.IntN(most))
		if _, err = d.Write(body[:n]); err != nil {
			break
		}
		body = body[n:]
	}
	closed := d.Close()
	if err != nil && !errors.Is(closed, err) {
		t.Errorf("Write says %v, Close %v", err, closed)
	}
	return out.String(), closed
}

func TestDecoderUndoesContentEncodings(t *testing.T) {
	body := []byte(strings.Repeat("the body of a request, ", 4000) + random(1, alnum, 20000))
	for _, c := range []struct {
		encoding string
		applied  []string
	}{
		{"", nil},
		{"identity", nil},
		{"gzip", []string{"gzip"}},
		{"X-GZIP", []string{"gzip"}},
		{"deflate", []string{"deflate"}},
		{"deflate", []string{"raw"}},
		{"br", []string{"br"}},
		{"zstd", []string{"zstd"}},
		{"gzip, br", []string{"gzip", "br"}},
		{" zstd ,identity, gzip,deflate", []string{"zstd", "gzip", "deflate"}},
	} {
		encoded := body
		for _, name := range c.applied {
			encoded = encodeBody(t, name, encoded)
		}
		for _, most := range []int{1, 50, 100_000} {
			got, err := decodeBody(t, c.encoding, dlp.DecodeLimits{}, encoded, most)
			if got != string(body) || err != nil {
				t.Errorf("%q by %d: %d bytes of %d, %v", c.encoding, most, len(got), len(body), err)
			}
		}
		if got, err := decodeBody(t, c.encoding, dlp.DecodeLimits{}, nil, 1); got != "" || err != nil {
			t.Errorf("%q of an empty body: %q, %v", c.encoding, got, err)
		}
	}
}

func TestDecoderReadsStreamsOneAfterTheOther(t *testing.T) {
	for _, name := range []string{"gzip", "zstd"} {
		body := append(encodeBody(t, name, []byte("one, ")), encodeBody(t, name, []byte("two"))...)
		for _, most := range []int{1, 1000} {
			if got, err := decodeBody(t, name, dlp.DecodeLimits{}, body, most); got != "one, two" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

func TestDecoderErrors(t *testing.T) {
	for _, encoding := range []string{"compress", "gzip, lzma", "aes128gcm", "gzip, gzip, gzip, gzip"} {
		if _, err := dlp.NewDecoder(encoding, dlp.DecodeLimits{}, nil); !errors.Is(err, dlp.ErrUnknownEncoding) {
			t.Errorf("%s: %v", encoding, err)
		}
	}
	body := bytes.Repeat([]byte("body "), 1000)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		good := encodeBody(t, name, body)
		for what, bad := range map[string][]byte{
			"cut":             good[:len(good)-1],
			"followed by":     append(bytes.Clone(good), "something else"...),
			"no such data":    []byte("plain text that is said to be encoded"),
			"cut in its head": good[:2],
		} {
			if _, err := decodeBody(t, name, dlp.DecodeLimits{}, bad, 10); !errors.Is(err, dlp.ErrCorrupt) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if got, err := decodeBody(t, name, dlp.DecodeLimits{MaxBytes: 1000}, good, 100); !errors.Is(err, dlp.ErrBudget) || len(got) != 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	// What fails inside stops what is outside.
	bomb := encodeBody(t, "gzip", bytes.Repeat([]byte{0}, 16<<20))
	if _, err := decodeBody(t, "br, gzip", dlp.DecodeLimits{}, bomb, 1<<20); !errors.Is(err, dlp.ErrCorrupt) {
		t.Errorf("an inner error: %v", err)
	}
}

func TestDecoderLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	body := encodeBody(t, "br", encodeBody(t, "gzip", bytes.Repeat([]byte("body "), 10000)))
	for i := range 100 {
		d, err := dlp.NewDecoder("gzip, br", dlp.DecodeLimits{MaxBytes: int64(1 + i*1000)}, func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = d.Write(body[:len(body)*i/100])
		_ = d.Close()
		_ = d.Close()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}
