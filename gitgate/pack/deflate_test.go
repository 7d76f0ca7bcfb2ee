package pack

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// stdlib decompresses with the standard library, and says how much it took.
func stdlib(b []byte, most int) (out []byte, used int, err error) {
	r := bytes.NewReader(b)
	z, err := zlib.NewReader(r)
	if err != nil {
		return nil, 0, err
	}
	out, err = io.ReadAll(io.LimitReader(z, int64(most)+1))
	return out, len(b) - r.Len(), err
}

func TestWhatIsUnzippedIsWhatWasZipped(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 100000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	skewed := make([]byte, 200000) // codes of all lengths
	for i := range skewed {
		skewed[i] = byte(rnd.ExpFloat64() * 12)
	}
	contents := []string{"", "a", "hello hello hello hello", strings.Repeat("x", 70000), strings.Repeat("abc", 30000), string(noise), string(skewed),
		strings.Repeat(string(noise[:30000]), 3), string(noise[:40000]) + strings.Repeat("y", 50000)}
	levels := []int{flate.NoCompression, flate.BestSpeed, flate.DefaultCompression, flate.BestCompression, flate.HuffmanOnly}
	var u unzipper
	for i, content := range contents {
		for _, level := range levels {
			var b bytes.Buffer
			w, err := zlib.NewWriterLevel(&b, level)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(w, content[:len(content)/3])
			_ = w.Flush()
			_, _ = io.WriteString(w, content[len(content)/3:])
			_ = w.Close()
			n := b.Len()
			dst := make([]byte, len(content))
			used, ok := u.unzip(dst, append(b.Bytes(), noise[:20]...))
			if !ok || used != n || string(dst) != content {
				t.Errorf("content %d at level %d: %v, %d of %d bytes", i, level, ok, used, n)
			}
			if _, ok := u.unzip(make([]byte, len(content)+1), append(b.Bytes(), noise[:20]...)); ok {
				t.Errorf("content %d at level %d is one byte longer", i, level)
			}
		}
	}
}

// What is decompressed fast is what the standard library makes of it.
func FuzzUnzip(f *testing.F) {
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		var b bytes.Buffer
		w, _ := zlib.NewWriterLevel(&b, level)
		_, _ = io.WriteString(w, "some text, some more text and some text"+strings.Repeat("-", 500))
		_ = w.Close()
		f.Add(b.Bytes(), uint16(539))
	}
	fixedBlock := append([]byte{0x78, 0x9c}, 0x4b, 0x04, 0x00, 0x00, 0x62, 0x00, 0x62) // "a"
	f.Add(fixedBlock, uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		src := append(bytes.Clone(b), make([]byte, 20)...)
		dst := make([]byte, size)
		var u unzipper
		if used, ok := u.unzip(dst, src); ok {
			out, took, err := stdlib(src, len(dst))
			if err != nil || !bytes.Equal(out, dst) || took != used {
				t.Fatalf("%x is %q after %d bytes, and by the standard library %q after %d: %v", b, dst, used, out, took, err)
			}
		}
	})
}
