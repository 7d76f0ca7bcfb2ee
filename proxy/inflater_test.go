package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fuzzCodings are those that a number stands for.
var fuzzCodings = []string{"gzip", "deflate", "br", "zstd"}

// decoded decompresses what of a text is there, up to where it breaks off.
func decoded(t testing.TB, coding string, data []byte) ([]byte, error) {
	t.Helper()
	dec, err := newDecoder(coding, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, io.LimitReader(struct{ io.Reader }{dec}, maxUnpacked))
	return out.Bytes(), err
}

// inflated pushes data piece by piece. What is said to be seen after each must
// become nothing more than that, whoever decompresses it.
func inflated(t *testing.T, coding string, data []byte, piece int, back int) ([]byte, error) {
	t.Helper()
	var out []byte
	f, err := newInflater(coding, func(p []byte) error {
		if out = append(out, p...); len(out) > maxUnpacked {
			return errBomb
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()
	last := int64(0)
	for p := range slices.Chunk(data, piece) {
		if err := f.write(p); err != nil {
			return out, err
		}
		safe := int64(max(0, len(out)-back))
		if seen := f.seen(safe); seen > last {
			last = seen
			if got, _ := decoded(t, coding, data[:seen]); int64(len(got)) > safe {
				t.Fatalf("%s: the first %d bytes become %d bytes, and %d are safe", coding, seen, len(got), safe)
			}
		}
	}
	return out, f.close()
}

func TestInflaterKnowsWhatItHasSeen(t *testing.T) {
	for name, open := range compressors(t) {
		t.Run(name, func(t *testing.T) {
			text := someText(90_000) + noise(40_000) + strings.Repeat("z", 100_000) + someText(30_000)
			var b bytes.Buffer
			w := open(&b)
			flushed := map[int64]int64{} // the length of the input by that of the output
			for p := range slices.Chunk([]byte(text), 7001) {
				_, _ = w.Write(p)
				_ = w.Flush()
				flushed[int64(b.Len())] = flushed[0] + int64(len(p))
				flushed[0] += int64(len(p))
			}
			_ = w.Close()
			for _, piece := range []int{97, 4096, 50_000} {
				out, err := inflated(t, coding(name), b.Bytes(), piece, 1000)
				if err != nil || string(out) != text {
					t.Errorf("%d at a time: %d bytes of %d, %v", piece, len(out), len(text), err)
				}
			}
			// What a client has flushed is seen, all of it.
			n := int64(0)
			f, err := newInflater(coding(name), func(p []byte) error { n += int64(len(p)); return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer f.stop()
			for i := range b.Len() {
				if err := f.write(b.Bytes()[i : i+1]); err != nil {
					t.Fatal(err)
				}
				if want := flushed[int64(i)+1]; want > 0 && (n != want || f.seen(n) != int64(i)+1) {
					t.Fatalf("of %d bytes, which become %d, %d became %d", i+1, want, f.seen(n), n)
				}
			}
		})
	}
}

func TestInflaterEndsWhereItsInputDoes(t *testing.T) {
	for name := range compressors(t) {
		data := compress(t, name, someText(70_000))
		for _, tt := range []struct {
			what string
			data []byte
			ok   bool
		}{{"whole", data, true}, {"cut", data[:len(data)-1], false}, {"followed", append(bytes.Clone(data), "x"...), false}, {"empty", nil, false}} {
			for _, piece := range []int{1, 1 << 20} {
				if tt.what == "empty" && (name == "gzip" || name == "zstd") {
					continue // as newDecoder does: an empty zstd stream is one of no frames
				}
				if _, err := inflated(t, coding(name), tt.data, piece, 0); (err == nil) != tt.ok {
					t.Errorf("%s, %s, %d at a time: %v", name, tt.what, piece, err)
				}
			}
		}
	}
}

// FuzzInflater compares it with what decompresses the same as a whole.
func FuzzInflater(f *testing.F) {
	for i, c := range fuzzCodings {
		f.Add(uint8(i), compress(f, c, "hello "+strings.Repeat("hello", 9000)), uint16(7), uint16(20))
	}
	var members bytes.Buffer
	for range 2 {
		w := gzip.NewWriter(&members)
		w.Name = "a name"
		_, _ = w.Write([]byte(noise(100)))
		_ = w.Close()
	}
	f.Add(uint8(0), members.Bytes(), uint16(50), uint16(0))
	f.Fuzz(func(t *testing.T, c uint8, data []byte, piece, back uint16) {
		name := fuzzCodings[int(c)%len(fuzzCodings)]
		if len(data) > 8<<10 {
			return
		}
		want, wantErr := decoded(t, name, data)
		if len(want) >= maxUnpacked {
			return
		}
		got, err := inflated(t, name, data, 1+int(piece), int(back))
		if err == nil && (wantErr != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%s: %d bytes and no error, not %d and %v", name, len(got), len(want), wantErr)
		}
		// Of a broken brotli stream, what was made in one go is not given out.
		if wantErr == nil && !bytes.HasPrefix(want, got) {
			t.Fatalf("%s: %d bytes are no beginning of %d", name, len(got), len(want))
		}
	})
}

func TestInflaterIsStoppedAnywhere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for name := range compressors(t) {
		data := compress(t, name, someText(100_000))
		f, err := newInflater(coding(name), func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := f.write(data[:rnd.IntN(len(data))]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.stop()
		if !f.done {
			t.Errorf("%s: the decoder goes on", name)
		}
	}
}

// What comes byte by byte, and what becomes nothing, is not remembered byte by byte.
func TestInflaterKeepsFewMarks(t *testing.T) {
	for name, open := range compressors(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := open(&b)
			for i := range 4000 {
				if _, err := w.Write([]byte{byte(i)}); err != nil {
					t.Fatal(err)
				}
				if fl, ok := w.(interface{ Flush() error }); ok {
					if err := fl.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := newInflater(coding(name), func([]byte) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer f.stop()
			for p := range slices.Chunk(b.Bytes(), 1) {
				if err := f.write(p); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(f.marks); n > 2*b.Len()/markStep+2 {
				t.Errorf("%d marks in %d bytes", n, b.Len())
			}
			if got := f.seen(4000); got < int64(b.Len())-markStep {
				t.Errorf("of %d bytes %d were seen", b.Len(), got)
			}
		})
	}
}
