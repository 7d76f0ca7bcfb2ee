package dlp

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// The headers that tools write are known, and those that differ in what every reader
// looks at are none.
func TestHeadersOfFrames(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       codec
	}{
		{"zstd of a pipe", "28b52ffd04684d040046522109b0eb24", codecZstd},
		{"zstd without checksum", "28b52ffd00584d040046522109b0eb24", codecZstd},
		{"zstd with a window of 2 GB", "28b52ffd04a84d040046522109b0eb24", codecZstd},
		{"zstd with the largest window", "28b52ffd04ff4d040046522109b0eb24", codecZstd},
		{"zstd with a dictionary", "28b52ffd0758b9f80811b5010073860a", codecZstd},
		{"zstd of a file with a dictionary", "28b52ffd27b9f80811a3b5010073860a", codecZstd},
		{"zstd of 300 MB", "28b52ffda400a3e1114c000008000100", codecZstd},
		{"zstd of nothing", "28b52ffd2400010000", codecZstd},
		{"zstd with the bit that is not used", "28b52ffd14684d040046522109b0eb24", codecZstd},
		{"zstd with the bit that is reserved", "28b52ffd0c684d040046522109b0eb24", codecNone},
		{"zstd with a block that is reserved", "28b52ffd04684e040046522109b0eb24", codecNone},
		{"zstd with a block of 128 KiB", "28b52ffd0468040010465221", codecZstd},
		{"zstd with a larger block", "28b52ffd04680c0010465221", codecNone},
		{"zstd with a larger block as it is", "28b52ffd0468080010465221", codecZstd}, // libzstd reads it at once
		{"zstd with a byte repeated more often", "28b52ffd04680a0010465221", codecZstd},
		{"zstd with a larger second block", "28b52ffd0468080000410c0010465221", codecNone},
		{"a frame to skip", "502a4d1804000000ffffffff", codecZstd},
		{"LZ4", "04224d186440a7c0050000f1ff3b310a", codecUnknown},
		{"LZ4 with checksums of blocks", "04224d187440bdc0050000f1ff3b310a", codecUnknown},
		{"LZ4 without checksums", "04224d18604082c0050000f1ff3b310a", codecUnknown},
		{"LZ4 with a size", "04224d186c40d4050000000000007ec0050000f1ff3b310a", codecUnknown},
		{"LZ4 with all", "04224d187c40d4050000000000001cc0050000f1ff3b310a", codecUnknown},
		{"LZ4 that is cut", "04224d1864", codecUnknown},
		{"LZ4 with another checksum", "04224d186440a6c0050000f1ff3b310a", codecNone},
		{"LZ4 of another version", "04224d18a440a7c0050000f1ff3b310a", codecNone},
		{"LZ4 with a bit that is reserved", "04224d186640a7c0050000f1ff3b310a", codecNone},
		{"LZ4 with blocks of 16 KB", "04224d186430a7c0050000f1ff3b310a", codecNone},
	} {
		b, err := hex.DecodeString(c.head)
		if err != nil {
			t.Fatal(err)
		}
		if got := magic(b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		for n := 4; n < len(b) && c.want != codecNone; n++ {
			if magic(b[:n]) == codecNone && b[0]&0xf0 != 0x50 {
				t.Errorf("%s: none by %d bytes", c.name, n)
			}
		}
	}
}

// What others read is reported where it is not read here, also where all that it holds
// is text.
func TestFramesThatAreNotRead(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	pack := func(opts ...zstd.EOption) string {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, append(opts, zstd.WithEncoderConcurrency(1))...)
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			_, _ = w.Write(sampleText(1 << 18))
		}
		_ = w.Close()
		return b.String()
	}
	const text = "the quick brown fox jumps over the lazy dog, and whatever else there may be of words"
	for name, c := range map[string]struct{ in, want string }{
		"a large window": {pack(zstd.WithWindowSize(16 << 20)), UnscannedBudget},
		"a dictionary":   {pack(zstd.WithEncoderDictRaw(77, sampleText(4000))), UnscannedFormat},
		"LZ4 of text":    {"\x04\x22\x4d\x18\x64\x40\xa7" + string(rune(len(text))) + "\x00\x00\x80" + text, UnscannedFormat},
	} {
		for _, before := range []string{"", "some text before it "} {
			found := e.Scan([]byte(before + c.in))
			if len(found) != 1 || found[0].Rule != RuleUnscanned || found[0].Name != c.want || found[0].Offset != int64(len(before)) {
				t.Errorf("%s behind %q: %v", name, before, found)
			}
		}
	}
}
