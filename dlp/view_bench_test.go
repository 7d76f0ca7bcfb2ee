package dlp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// BenchmarkFind measures what the search for signs costs where there are none.
func BenchmarkFind(b *testing.B) {
	for _, text := range findTexts() {
		for _, v := range textViews {
			b.Run(v.path+"/"+text.name, func(b *testing.B) { benchFind(b, text.text, v.find) })
		}
	}
}

func benchFind(b *testing.B, text []byte, find func([]byte, int) int) {
	b.SetBytes(int64(len(text)))
	hits := 0
	best := time.Hour // of one pass, which a busy machine hardly disturbs
	for b.Loop() {
		hits = 0
		start := time.Now()
		for i := 0; i < len(text); hits++ {
			i = find(text, i) + 1
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(len(text))/best.Seconds()/1e6, "best-MB/s")
	b.ReportMetric(float64(hits-1)/float64(len(text))*1e6, "signs/MB")
}

func findTexts() []struct {
	name string
	text []byte
} {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the a of to in model which answers request with considerable understanding of what it's about and then writes some internationalization code for documentation in a file that nobody has read")
	var prose, chat, source strings.Builder
	for prose.Len() < 1<<18 {
		prose.WriteString(words[r.IntN(len(words))])
		if r.IntN(12) == 0 {
			prose.WriteString(".\n")
		}
		prose.WriteByte(' ')
	}
	text := prose.String()
	for chat.Len() < 1<<18 {
		k := r.IntN(len(text) - 600)
		fmt.Fprintf(&chat, `{"role":"user","content":[{"type":"text","text":%q}],"id":"msg_%016x","stop":null},`, text[k:k+200+r.IntN(400)], r.Uint64())
	}
	for source.Len() < 1<<18 {
		fmt.Fprintf(&source, "\tif v%d := %s(%q, %d); v%d != nil {\n\t\treturn fmt.Errorf(\"%s: %%w\", err)\n\t}\n", r.IntN(9), words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(1000), r.IntN(9), words[r.IntN(len(words))])
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	base64 := make([]byte, 1<<18)
	noise := make([]byte, 1<<18)
	for i := range noise {
		base64[i] = letters[r.IntN(64)]
		noise[i] = byte(r.Uint32())
	}
	return []struct {
		name string
		text []byte
	}{
		{"prose", []byte(text)},
		{"chat", []byte(chat.String())},
		{"source", []byte(source.String())},
		{"base64", base64},
		{"random", noise},
		{"chinese", bytes.Repeat([]byte("这是一个没有任何秘密的中文文本，用来测量速度。"), 4000)},
		{"russian", bytes.Repeat([]byte("Это обычный текст без каких-либо секретов, для измерения. "), 2600)},
	}
}
