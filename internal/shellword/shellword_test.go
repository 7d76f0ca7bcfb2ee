package shellword_test

import (
	"os/exec"
	"testing"

	"github.com/bot-bottle/bottle/internal/shellword"
)

func TestAShellReadsWhatWasMeant(t *testing.T) {
	for s, word := range map[string]string{
		"": "''", "plain/x-1.2": "plain/x-1.2", "a b": "'a b'", "it's": `'it'\''s'`, "$(id)": "'$(id)'", "a\nb": "'a\nb'", `\`: `'\'`, "~": "'~'", "*": "'*'", "a#b": "'a#b'", "-n": "-n",
	} {
		if got := shellword.Word(s); got != word {
			t.Errorf("Word(%q) = %s, want %s", s, got, word)
		}
		for _, w := range []string{shellword.Word(s), shellword.Quote(s)} {
			out, err := exec.Command("sh", "-c", "printf %s "+w+"; printf .").Output()
			if s != "-n" && (err != nil || string(out) != s+".") {
				t.Errorf("%s is read as %q, %v", w, out, err)
			}
		}
	}
}
