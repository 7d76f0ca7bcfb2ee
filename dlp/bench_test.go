package dlp_test

import (
	"fmt"
	"testing"

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

func BenchmarkWrite(b *testing.B) {
	e := benchEngine(b)
	texts := corpora(b)
	for _, name := range []string{"json", "prose", "source", "base64", "random"} {
		text := texts[name][:512<<10]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			sc := e.NewScanner()
			for b.Loop() {
				sc.Reset()
				for p := text; len(p) > 0; p = p[64<<10:] {
					sc.Write(p[:64<<10])
				}
				sc.Close()
			}
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
	for b.Loop() {
		sc.Reset()
		sc.Write(text)
		sc.Close()
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		benchEngine(b)
	}
}
