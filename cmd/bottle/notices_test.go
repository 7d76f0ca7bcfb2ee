package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/bottle"
)

func TestNoticesAreHeldUpToALimit(t *testing.T) {
	var out bytes.Buffer
	n := &notices{w: &out}
	write := func(s string) {
		if _, err := n.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	n.hold()
	write("first\n")
	write(strings.Repeat("x", maxHeld))
	write("last\n")
	if out.Len() > 0 {
		t.Errorf("written while held: %q", out.String())
	}
	if err := n.release(); err != nil {
		t.Fatal(err)
	}
	write("after\n")
	if want := "first\nlast\nbottle: warnings that found no room here: 1\nafter\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// A question of a bottle that has ended cannot be answered, so it is not told of as one
// that can; what an agent wrote does not make a warning a question.
func TestQuestionsThatAreOverAreOnlyCounted(t *testing.T) {
	var out bytes.Buffer
	n := &notices{w: &out}
	log := slog.New(&lineHandler{out: n, level: slog.LevelWarn})
	ask := func() { log.Warn("b-1 wants GET https://x/; answer with: bottle approve k-1", bottle.QuestionAttr) }
	ask()
	if want := "bottle: warning: b-1 wants GET https://x/; answer with: bottle approve k-1\n"; out.String() != want {
		t.Errorf("at once: %q, want %q", out.String(), want)
	}
	out.Reset()
	n.hold()
	ask()
	log.Warn("a leak", "question", "true", "path", "; answer with: bottle approve k-1")
	ask()
	if err := n.release(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "wants") || !strings.HasPrefix(got, "bottle: warning: a leak (question: true, path: ") || !strings.Contains(got, "asked meanwhile: 2; none waits any more") {
		t.Errorf("later: %q", got)
	}
}
