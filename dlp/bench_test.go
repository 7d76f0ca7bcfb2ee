package dlp_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

// benchEngine has twenty secrets and their placeholders.
func benchEngine(b *testing.B) *dlp.Engine {
	var known []dlp.Known
	for i := range uint64(20) {
		name := fmt.Sprint("s", i)
		known = append(known,
			dlp.Known{Name: name, Value: "sk-" + "ant-api03-" + random(i, dashed, 95)},
			dlp.Known{Name: name, Value: "sk-" + "ant-api03-" + random(i+100, dashed, 95), Kind: dlp.KnownPlaceholder})
	}
	return mustEngine(b, known...)
}

// cpuRate reports the rate over CPU time, which a busy machine does not change
// as it does the time on the clock.
func cpuRate(b *testing.B, bytes int, since time.Duration) {
	b.ReportMetric(float64(bytes)*float64(b.N)/1e6/(cpuTime(b)-since).Seconds(), "MB/cpu-s")
}

func cpuTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWrite measures texts of every kind, each beside what the machine does at
// that moment with bytes.IndexByte and crypto/sha256: a busy one is slower at all of
// them. The ratios are of the best times of many short stretches.
func BenchmarkWrite(b *testing.B) {
	e := benchEngine(b)
	texts := corpora(b)
	for _, name := range []string{"json", "prose", "source", "base64", "random", "talk of tokens"} {
		text := texts[name][:512<<10]
		b.Run(name, func(b *testing.B) { benchWrites(b, e, text, 64<<10) })
	}
	b.Run("small writes", func(b *testing.B) { benchWrites(b, e, texts["json"][:64<<10], 100) })
	b.Run("header block", func(b *testing.B) { benchWhole(b, e, headerBlock[:374]) })
	b.Run("url", func(b *testing.B) { benchWhole(b, e, requestURL[:90]) })
}

// benchWrites scans text in chunks of a size.
func benchWrites(b *testing.B, e *dlp.Engine, text []byte, size int) {
	sc := e.NewScanner()
	benchRate(b, text, func(part []byte) {
		sc.Reset()
		for len(part) > 0 {
			n := min(len(part), size)
			sc.Write(part[:n])
			part = part[n:]
		}
		sc.Close()
	})
}

// benchWhole scans a short text as a stream of its own.
func benchWhole(b *testing.B, e *dlp.Engine, text string) {
	sc := e.NewScanner()
	benchRate(b, []byte(text), func(part []byte) {
		sc.Reset()
		sc.Write(part)
		sc.Close()
	})
}

// benchRate reports the rate of a scan over the parts of a text.
func benchRate(b *testing.B, text []byte, scan func(part []byte)) {
	const most = 64 << 10
	var parts [][]byte
	for p := text; len(p) > 0; p = p[min(len(p), most):] {
		parts = append(parts, p[:min(len(p), most)])
	}
	times, index, sha := make([]best, len(parts)), make([]best, len(parts)), make([]best, len(parts))
	b.ReportAllocs()
	since := cpuTime(b)
	// What is short is done several times, or the clock would cost more than it.
	rounds := max(1, 4<<10/len(text))
	repeat := func(call func()) func() {
		return func() {
			for range rounds {
				call()
			}
		}
	}
	b.SetBytes(int64(len(text) * rounds))
	for b.Loop() {
		for i, p := range parts {
			times[i].of(repeat(func() { scan(p) }))
		}
	}
	cpuRate(b, len(text)*rounds, since)
	zeros := make([]byte, most)
	for i, p := range parts {
		for range 20 {
			index[i].of(repeat(func() { benchSink += bytes.IndexByte(zeros[:len(p)], 1) }))
			sha[i].of(repeat(func() { h := sha256.Sum256(p); benchSink += int(h[0]) }))
		}
	}
	for _, t := range [][]best{times, index, sha} {
		for i := range t {
			t[i] /= best(rounds)
		}
	}
	took := total(times)
	b.ReportMetric(float64(len(text))/took.Seconds()/1e6, "best-MB/s")
	b.ReportMetric(float64(took.Nanoseconds()), "best-ns/op")
	b.ReportMetric(float64(total(index))/float64(took), "x-IndexByte")
	b.ReportMetric(float64(total(sha))/float64(took), "x-sha256")
}

var benchSink int

// best is the shortest of several times, 0 for none.
type best time.Duration

func (t *best) of(call func()) {
	start := time.Now()
	call()
	if d := best(time.Since(start)); *t == 0 || d < *t {
		*t = d
	}
}

func total(times []best) (sum time.Duration) {
	for _, t := range times {
		sum += time.Duration(t)
	}
	return max(sum, 1)
}

const requestURL = "https://api.github.com/repos/example/project/pulls?state=open&per_page=100&sort=updated&page=2"

const headerBlock = "Host: api.anthropic.com\r\nUser-Agent: claude-cli/2.0.14 (external, cli)\r\nAccept: application/json\r\n" +
	"Content-Type: application/json\r\nAnthropic-Version: 2023-06-01\r\nAnthropic-Beta: claude-code-20250219,interleaved-thinking-2025-05-14\r\n" +
	"X-Stainless-Lang: js\r\nX-Stainless-Runtime: node\r\nX-Stainless-Runtime-Version: v22.11.0\r\nX-App: cli\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n"

// BenchmarkSHA is what the ratios are of.
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

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		benchEngine(b)
	}
}
