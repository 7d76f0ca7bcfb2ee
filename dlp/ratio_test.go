package dlp_test

import (
	"crypto/sha256"
	"testing"
)

func BenchmarkSHA(b *testing.B) {
	text := make([]byte, 512<<10)
	b.SetBytes(int64(len(text)))
	since := cpuTime(b)
	for b.Loop() {
		for p := text; len(p) > 0; p = p[64<<10:] {
			sha256.Sum256(p[:64<<10])
		}
	}
	cpuRate(b, len(text), since)
}
