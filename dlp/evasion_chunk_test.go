package dlp_test

import (
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

// What hides a secret is seen through however the stream is cut, and wherever in it
// that stands.
func TestEvasionInChunks(t *testing.T) {
	var known []dlp.Known
	for _, p := range hidden {
		if p.rules == nil {
			known = append(known, dlp.Known{Name: p.name, Value: p.text(1)})
		}
	}
	for _, e := range []*dlp.Engine{mustEngine(t), mustEngine(t, known[0]), mustEngine(t, known...)} {
		for _, enc := range encoders {
			if enc.coding != "" {
				continue
			}
			for i, p := range []prey{hidden[0], hidden[len(hidden)-1]} {
				for k, c := range contexts {
					body := strings.Repeat(" word", 7*i+k) + " " + c.wrap(enc.encode(p.text(1)), enc.binary) + strings.Repeat(" words", 40)
					whole := p.caught(e.Scan([]byte(body)))
					for _, size := range []int{1, 7, 63, 64, 65, 100, 200} {
						if p.caught(inChunks(e, body, size)) != whole {
							t.Errorf("%s of %s in %s, in chunks of %d: it is found if whole: %v", enc.name, p.name, c.name, size, whole)
						}
					}
				}
			}
		}
	}
}

func inChunks(e *dlp.Engine, text string, size int) []dlp.Finding {
	sc := e.NewScanner()
	var found []dlp.Finding
	for len(text) > 0 {
		n := min(len(text), size)
		found = append(found, sc.Write([]byte(text[:n]))...)
		text = text[n:]
	}
	return append(found, sc.Close()...)
}

// A part of compressed data may be as long as what is found in it.
func TestCompressedInChunks(t *testing.T) {
	e := mustEngine(t)
	for _, enc := range encoders {
		if !enc.binary || enc.coding != "" {
			continue
		}
		for _, p := range hidden[:8] {
			token := p.text(1)
			body := "see " + enc.encode(token) + strings.Repeat(" words", 30)
			for size := range len(token) + 1 {
				if !p.caught(inChunks(e, body, size+1)) {
					t.Errorf("%s of %s in chunks of %d", enc.name, p.name, size+1)
				}
			}
		}
	}
}
