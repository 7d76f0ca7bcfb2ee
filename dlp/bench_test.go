package dlp_test

import (
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

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkWrite(b *testing.B) {
	e := benchEngine(b)
	texts := corpora(b)
	for _, name := range []string{"json", "prose", "source", "base64", "random", "talk of tokens"} {
		text := texts[name][:512<<10]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			sc := e.NewScanner()
			since := cpuTime(b)
			for b.Loop() {
				sc.Reset()
				for p := text; len(p) > 0; p = p[64<<10:] {
					sc.Write(p[:64<<10])
				}
				sc.Close()
			}
			cpuRate(b, len(text), since)
		})
	}
}

const headerBlock = "Host: api.anthropic.com\r\nUser-Agent: claude-cli/2.0.14 (external, cli)\r\nAccept: application/json\r\n" +
	"Content-Type: application/json\r\nAnthropic-Version: 2023-06-01\r\nAnthropic-Beta: claude-code-20250219,interleaved-thinking-2025-05-14\r\n" +
	"X-Stainless-Lang: js\r\nX-Stainless-Runtime: node\r\nX-Stainless-Runtime-Version: v22.11.0\r\nX-App: cli\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n"

func BenchmarkHeaderBlock(b *testing.B) {
	e := benchEngine(b)
	text := []byte(headerBlock)[:374]
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	sc := e.NewScanner()
	since := cpuTime(b)
	for b.Loop() {
		sc.Reset()
		sc.Write(text)
		sc.Close()
	}
	cpuRate(b, len(text), since)
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		benchEngine(b)
	}
}
