package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// respelled escapes some of the bytes of a text, in one way or twice around.
func respelled(rnd *rand.Rand, text string) string {
	for range 1 + rnd.IntN(2) {
		share, json := 1+rnd.IntN(100), rnd.IntN(3) == 0
		var b strings.Builder
		for i := range len(text) {
			c := text[i]
			slash := json && c == '\\' // or else it would begin an escape
			switch {
			case slash && rnd.IntN(2) == 0:
				b.WriteString(`\\`)
			case !slash && rnd.IntN(100) >= share:
				b.WriteByte(c)
			case json:
				fmt.Fprintf(&b, []string{`\u%04x`, `\u%04X`}[rnd.IntN(2)], c)
			default:
				fmt.Fprintf(&b, []string{`%%%02x`, `%%%02X`}[rnd.IntN(2)], c)
			}
		}
		text = b.String()
	}
	return text
}

// TestHoweverAValueIsEscapedItIsSeen, and the journal has nothing of it.
func TestHoweverAValueIsEscapedItIsSeen(t *testing.T) {
	r := secretRig(t, http.NotFoundHandler(), Inject{})
	snap := r.server.current.Load()
	rnd := rand.New(rand.NewPCG(1, 2))
	frames := [][2]string{{"/a?b=", ""}, {"/", ""}, {"/x/", "/y?z"}, {"a=1&b=", "&c=2"}, {`{"a":"`, `"}`}, {"k: ", "\n"}}
	for i := range 4000 {
		spelling := respelled(rnd, []string{testValue, githubToken}[i%2])
		frame := frames[rnd.IntN(len(frames))]
		text := frame[0] + spelling + frame[1]
		if _, stop := snap.scanText(partURL, text, "example.com"); stop == nil {
			t.Errorf("%s is not seen", text)
		}
		for at := 0; at+12 <= len(spelling); at += 12 {
			if shown := snap.redactText(text); strings.Contains(shown, spelling[at:at+12]) {
				t.Fatalf("%s is shown as %s", text, shown)
			}
		}
	}
}
