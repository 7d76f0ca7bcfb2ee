package dlp

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"math/rand/v2"
	"testing"
)

// findMagic returns the index of the first magic in b at or after i, or len(b).
func findMagic(b []byte, i int) int {
	s := Scanner{memory: memory{survey: new(survey), buf: append(make([]byte, 0, len(b)+slackBytes), b...)}}
	s.surveyAll(0, func(first, last int) {
		for k := first; k <= last; k++ {
			s.seeBlobs(startsOf(block{&s.survey.masks, k}), s.survey.origin+k*blockLen)
		}
	})
	return s.nextStart(i, len(b))
}

func TestMagicKnowsWhatWasPacked(t *testing.T) {
	for _, kind := range []codec{codecGzip, codecZlib, codecZstd, codecZip} {
		for _, n := range []int{1, 40, 1000, 100_000} {
			packed := pack(t, kind, sampleText(n))
			if got := magic(packed); got != kind {
				t.Errorf("%s of %d bytes: %v", kind.path(), n, got)
			}
			for _, before := range []string{"", "x", "some text\r\n\r\n", "\x00\x01\x02\xff", string(sampleText(1020)), string(sampleText(5000))} {
				b := append([]byte(before), packed...)
				if at := findMagic(b, 0); at != len(before) {
					t.Errorf("%s behind %d bytes: at %d", kind.path(), len(before), at)
				}
				if at := findMagic(b, len(before)); at != len(before) {
					t.Errorf("%s from %d on: at %d", kind.path(), len(before), at)
				}
			}
		}
	}
}

func TestMagicKnowsEveryLevelOfZlib(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for level := flate.HuffmanOnly; level <= 9; level++ {
		for _, data := range [][]byte{nil, []byte("a"), []byte("token token token"), sampleText(5000), noise} {
			var b bytes.Buffer
			w, _ := zlib.NewWriterLevel(&b, level)
			_, _ = w.Write(data)
			_ = w.Close()
			if got := magic(b.Bytes()); got != codecZlib {
				t.Errorf("level %d of %d bytes: %v", level, len(data), got)
			}
			if at := findMagic(append([]byte("text "), b.Bytes()...), 0); at != 5 {
				t.Errorf("level %d of %d bytes: found at %d", level, len(data), at)
			}
		}
	}
}

func TestMagicNamesWhatIsNotDecoded(t *testing.T) {
	for name, text := range map[string]string{
		"xz": "\xfd7zXZ\x00\x00\x04", "7-Zip": "7z\xbc\xaf\x27\x1c\x00\x04", "RAR": "Rar!\x1a\x07\x01\x00", "LZ4": "\x04\x22\x4d\x18\x64\x40\xa7",
	} {
		if got := magic([]byte(text)); got != codecUnknown {
			t.Errorf("%s: %v", name, got)
		}
		if at := findMagic([]byte("text "+text+" text"), 0); at != 5 {
			t.Errorf("%s: found at %d", name, at)
		}
	}
	for name, text := range map[string]string{"OpenSSL": "Salted__abcdefgh", "age": "age-encryption.org/v1\n-> X25519 abc"} {
		if got := magic([]byte(text)); got != codecUnknown {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, text := range []string{"", "x", "x^", "x^2 + y^2", "BZhang", "BZh91", "PK", "\x1f\x8b\x08\xff", "x\x01 and so on", "\x78\x9c\xff\xff\xff", "7zip", "Rar!"} {
		if got := magic([]byte(text)); got != codecNone {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// FuzzFindMagic compares with asking at every offset.
func FuzzFindMagic(f *testing.F) {
	f.Add([]byte("PK\x03\x04 and \x1f\x8b\x08\x00"), uint16(0))
	f.Add([]byte("x\x9c0"), uint16(1023))
	f.Add([]byte("HK\x03"), uint16(83))
	f.Add([]byte("x^ x\x9c x\xda x\x01 BZh91AY&SY"), uint16(1000))
	f.Fuzz(func(t *testing.T, data []byte, before uint16) {
		b := append(sampleText(int(before)%3000), data...)
		for i := 0; i <= len(b); i++ {
			at := findMagic(b, i)
			want := i
			for want < len(b) && (magic(b[want:]) == codecNone || !findable(b[want:])) {
				want++
			}
			if at != want {
				t.Fatalf("from %d: %d, want %d", i, at, want)
			}
			i = at
		}
	})
}

// findable leaves out what magic knows only at the start of data.
func findable(b []byte) bool {
	for _, text := range []string{"\xff\x06", "\x89L", "LZ", "MS", "Sa", "ag", "\x5d\x00"} {
		if bytes.HasPrefix(b, []byte(text)) {
			return false
		}
	}
	return b[0]&0x0f != 8 || bytes.HasPrefix(b, []byte("\x28\xb5")) || b[0] == 'x' && (b[1] == 0x01 || b[1] == '^' || b[1] == 0x9c || b[1] == 0xda)
}

// FuzzDeflateStarts holds the test of a beginning to what the decoder says.
func FuzzDeflateStarts(f *testing.F) {
	for level := range 10 {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, level)
		_, _ = w.Write(sampleText(400))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := flate.NewReader(bytes.NewReader(data))
		var out [1]byte
		n, _ := r.Read(out[:])
		if n > 0 && !deflateStarts(data[:min(len(data), magicBytes-2)]) {
			// Of fixed codes more is looked at than the first byte.
			if data[0]>>1&3 != 1 {
				t.Fatalf("% x is refused", data)
			}
		}
	})
}

// TestTextIsNoBzip2: what says in text how bzip2 begins is taken for none.
func TestTextIsNoBzip2(t *testing.T) {
	const header = "BZh91AY&SY"
	for _, rest := range []string{header + header, "\", codecBzip2}, // the size", "~~~~~~~~~~~~", "            "} {
		if magic([]byte(header+rest)) == codecBzip2 {
			t.Errorf("%q", header+rest)
		}
	}
	if magic([]byte(header+"abcd\x00\x00\x01\x00rest")) != codecBzip2 {
		t.Error("a block is none")
	}
}
