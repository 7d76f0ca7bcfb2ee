package dlp

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// pack compresses with one of the codecs.
func pack(t testing.TB, kind codec, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case codecGzip:
		w = gzip.NewWriter(&b)
	case codecZlib:
		w = zlib.NewWriter(&b)
	case codecDeflate:
		w, _ = flate.NewWriter(&b, 6)
	case codecBrotli:
		w = brotli.NewWriterLevel(&b, 5)
	case codecZstd:
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	case codecZip:
		z := zip.NewWriter(&b)
		m, _ := z.Create("name.txt")
		_, _ = m.Write(data)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked is what an inflater made of a stream.
type unpacked struct {
	text string
	rest string
	done bool
	errs []error
}

// unpack writes data in pieces.
func unpack(t testing.TB, kind codec, data []byte, piece func() int) (u unpacked) {
	t.Helper()
	var text strings.Builder
	defer func() { u.text = text.String() }()
	f := newInflater(kind, newBudget(DecodeLimits{}), func(p []byte) {
		if len(p) == 0 || len(p) > inflateOut {
			t.Fatalf("a piece of %d bytes", len(p))
		}
		text.Write(p)
	})
	defer f.stop()
	for len(data) > 0 {
		n := min(len(data), piece())
		p := bytes.Clone(data[:n])
		rest, done, err := f.write(p)
		for i := range p {
			p[i] = 0xaa // it must not be kept
		}
		if err != nil {
			u.errs = append(u.errs, err)
		}
		if done {
			u.rest, u.done = string(data[n-rest:]), true
			return u
		}
		data = data[n:]
	}
	if err := f.close(); err != nil {
		u.errs = append(u.errs, err)
	}
	u.done = f.done
	return u
}

func sampleText(n int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%s line %d of the text %x\n", strings.Repeat("very ", r.IntN(5)), r.IntN(100), r.Uint64())
	}
	return b.Bytes()[:n]
}

func TestInflaterGivesBackWhatWasPacked(t *testing.T) {
	for _, kind := range []codec{codecGzip, codecZlib, codecDeflate, codecZstd, codecBrotli, codecZip} {
		for _, n := range []int{0, 1, 100, 70_000, 400_000} {
			data := sampleText(n)
			packed := pack(t, kind, data)
			tail := "PK\x01\x02 and what follows"
			want, rest := string(data), tail
			switch kind {
			case codecBrotli:
				tail, rest = "", "" // it tells its end from that of the stream only
			case codecZip:
				end := bytes.LastIndex(packed, []byte("PK\x01\x02"))
				want, rest = "\nname.txt\n"+want, string(packed[end:])+tail
			}
			for _, step := range []int{1, 7, 1000, 1 << 20} {
				if step == 1 && n > 100_000 {
					continue
				}
				u := unpack(t, kind, append(bytes.Clone(packed), tail...), func() int { return step })
				if u.text != want || u.rest != rest && step >= 30 || !u.done || u.errs != nil {
					t.Fatalf("%s, %d bytes by %d: %d bytes, rest %q, done %v, errors %v", kind.path(), n, step, len(u.text), u.rest, u.done, u.errs)
				}
				if !strings.HasSuffix(rest, u.rest) || len(rest)-len(u.rest) > maxDescriptor+4 {
					t.Fatalf("%s by %d: rest %q of %q", kind.path(), step, u.rest, rest)
				}
			}
		}
	}
}

func TestInflaterReadsBzip2(t *testing.T) {
	want := strings.Repeat("a text that repeats, ", 40)
	packed, _ := hex.DecodeString("425a68393141592653593cba353b0000779180400422405c40200070400c029504d34604e89a1302744d89c13827a2744e04d09e09913d13e13413226c4fc5dc914e14240f2e8d4ec0")
	u := unpack(t, codecBzip2, append(bytes.Clone(packed), "the rest"...), func() int { return 1000 })
	if u.text != want || u.rest != "the rest" || u.errs != nil {
		t.Fatalf("%+v", u)
	}
	if u := unpack(t, codecBzip2, packed, func() int { return 1 }); !u.done || u.errs != nil {
		t.Fatalf("%+v", u)
	}
}

func TestInflaterTellsDamage(t *testing.T) {
	data := sampleText(100_000)
	for _, kind := range []codec{codecGzip, codecZlib, codecDeflate, codecZstd, codecBrotli, codecZip} {
		packed := pack(t, kind, data)
		if kind == codecZip {
			packed = packed[:bytes.LastIndex(packed, []byte("PK\x01\x02"))]
		}
		short := unpack(t, kind, packed[:len(packed)*3/4], func() int { return 999 })
		if len(short.errs) != 1 || !errors.Is(short.errs[0], ErrCorrupt) {
			t.Errorf("%s cut: %v", kind.path(), short.errs)
		}
		// Zstd has nothing of a block before the block is whole.
		if kind != codecZip && kind != codecZstd && len(short.text) < len(data)/4 {
			t.Errorf("%s cut: only %d bytes came out", kind.path(), len(short.text))
		}
		if kind == codecDeflate || kind == codecZip {
			continue // no checksum, or none that is looked at
		}
		bad := bytes.Clone(packed)
		for i := len(bad) / 2; i < len(bad)/2+40; i++ {
			bad[i] ^= 0x5a
		}
		if u := unpack(t, kind, bad, func() int { return 999 }); len(u.errs) == 0 || !errors.Is(u.errs[0], ErrCorrupt) {
			t.Errorf("%s damaged: %v", kind.path(), u.errs)
		}
	}
	for _, kind := range []codec{codecGzip, codecZlib, codecZstd, codecBrotli, codecBzip2, codecZip, codecUnknown} {
		u := unpack(t, kind, []byte("no such data at all, whatever it may be\xff\xff\xff"), func() int { return 5 })
		if len(u.errs) == 0 {
			t.Errorf("%s: no error for text", kind.path())
		}
	}
}

func TestInflaterHandsOnWhatIsFlushed(t *testing.T) {
	for _, c := range []struct {
		kind codec
		open func(io.Writer) interface {
			io.Writer
			Flush() error
		}
	}{
		{codecGzip, func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			return gzip.NewWriter(w)
		}},
		{codecZstd, func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			z, _ := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			return z
		}},
		{codecBrotli, func(w io.Writer) interface {
			io.Writer
			Flush() error
		} {
			return brotli.NewWriter(w)
		}},
	} {
		var packed bytes.Buffer
		w := c.open(&packed)
		_, _ = w.Write([]byte("a message"))
		_ = w.Flush()
		got := ""
		f := newInflater(c.kind, newBudget(DecodeLimits{}), func(p []byte) { got += string(p) })
		_, _, err := f.write(packed.Bytes())
		f.stop()
		if got != "a message" || err != nil {
			t.Errorf("%s: %q, %v", c.kind.path(), got, err)
		}
	}
}

func TestInflatersLeaveNoGoroutines(t *testing.T) {
	packed := pack(t, codecGzip, sampleText(50_000))
	before := runtime.NumGoroutine()
	for i := range 200 {
		f := newInflater(codecGzip, newBudget(DecodeLimits{}), func([]byte) {})
		switch i % 4 {
		case 0: // never written
		case 1:
			_, _, _ = f.write(packed[:len(packed)/2])
		case 2:
			_, _, _ = f.write(packed)
		case 3:
			_, _, _ = f.write([]byte("no gzip"))
		}
		f.stop()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

// heapPeak runs f and returns by how much the heap grew at most, as seen by
// observe, which f calls.
func heapPeak(f func(observe func())) int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, peak := int64(m.HeapAlloc), int64(0)
	calls := 0
	f(func() {
		if calls++; calls%64 == 1 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, int64(m.HeapAlloc)-start)
		}
	})
	return peak
}

func TestBombsEndWithinTheirBudget(t *testing.T) {
	zeros := make([]byte, 1<<20)
	bombs := map[codec][]byte{}
	for _, kind := range []codec{codecGzip, codecZlib, codecZstd, codecBrotli, codecZip} {
		bombs[kind] = pack(t, kind, bytes.Repeat(zeros, 24))
	}
	for kind, bomb := range bombs {
		var out int64
		var errs []error
		peak := heapPeak(func(observe func()) {
			b := newBudget(DecodeLimits{MaxRatio: 50})
			f := newInflater(kind, b, func(p []byte) { out += int64(len(p)); observe() })
			defer f.stop()
			_, _, err := f.write(bomb)
			errs = append(errs, err)
		})
		if !errors.Is(errs[0], ErrBudget) {
			t.Errorf("%s: %d bytes became %d, %v", kind.path(), len(bomb), out, errs[0])
		}
		if out > freeRatioPart+50*int64(len(bomb)) {
			t.Errorf("%s: %d bytes came out of %d", kind.path(), out, len(bomb))
		}
		if peak > 24<<20 {
			t.Errorf("%s: the heap grew by %d", kind.path(), peak)
		}
	}
}

func TestBudgetIsSharedByNestedStreams(t *testing.T) {
	// Each level doubles what comes out of the one below.
	data := sampleText(100_000)
	for range 50 {
		data = pack(t, codecGzip, data)
	}
	b := newBudget(DecodeLimits{MaxBytes: 1 << 20})
	var reached int
	var feed func(depth int) func([]byte)
	var stops []func()
	var failed error
	feed = func(depth int) func([]byte) {
		var f *inflater
		return func(p []byte) {
			reached = max(reached, depth)
			if depth == 50 || failed != nil {
				return
			}
			if f == nil {
				f = newInflater(codecGzip, b, feed(depth+1))
				stops = append(stops, f.stop)
			}
			if _, _, err := f.write(p); err != nil && failed == nil {
				failed = err
			}
		}
	}
	feed(0)(data)
	for _, stop := range stops {
		stop()
	}
	if b.used > 1<<20 || !errors.Is(failed, ErrBudget) {
		t.Errorf("%d bytes came out down to level %d, %v", b.used, reached, failed)
	}
}

func TestLargeWindowsAreRefused(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		_, _ = w.Write(sampleText(1 << 18))
	}
	_ = w.Close()
	u := unpack(t, codecZstd, b.Bytes(), func() int { return 4096 })
	if len(u.errs) != 1 || !errors.Is(u.errs[0], ErrBudget) || u.text != "" {
		t.Errorf("zstd: %d bytes, %v", len(u.text), u.errs)
	}
	// Brotli's large windows (of more than 24 bits) are an extension.
	u = unpack(t, codecBrotli, []byte("\x11\x1e\x00\x00\x00\x00\x00"), func() int { return 4096 })
	if len(u.errs) != 1 || !errors.Is(u.errs[0], ErrCorrupt) {
		t.Errorf("brotli: %v", u.errs)
	}
}

func FuzzInflater(f *testing.F) {
	kinds := []codec{codecGzip, codecZlib, codecDeflate, codecZstd, codecBrotli, codecBzip2, codecZip}
	for i, kind := range kinds {
		if kind != codecBzip2 {
			f.Add(pack(f, kind, sampleText(3000)), uint8(i), uint64(i))
		}
	}
	for i, archive := range zipSamples(f) {
		f.Add(archive, uint8(6), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8, seed uint64) {
		kind := kinds[int(which)%len(kinds)]
		whole := unpack(t, kind, data, func() int { return len(data) })
		r := rand.New(rand.NewPCG(seed, 0))
		most := 1 + r.IntN(300)
		parts := unpack(t, kind, data, func() int { return 1 + r.IntN(most) })
		if kind == codecBrotli && len(whole.errs) > 0 {
			// Of what stands just before the damage, it gives more or less.
			n := min(len(whole.text), len(parts.text))
			whole.text, parts.text = whole.text[:n], parts.text[:n]
		}
		if whole.text != parts.text || whole.done != parts.done || len(whole.errs) > 0 != (len(parts.errs) > 0) {
			t.Fatalf("%s: %d bytes, %v, %v in one piece; %d, %v, %v in parts", kind.path(), len(whole.text), whole.done, whole.errs, len(parts.text), parts.done, parts.errs)
		}
		if int64(len(whole.text)) > freeRatioPart+defaultRatio*int64(len(data)) {
			t.Fatalf("%s: %d bytes became %d", kind.path(), len(data), len(whole.text))
		}
	})
}
