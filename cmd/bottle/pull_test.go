package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/workspace"
)

func TestSayPulledOfHooks(t *testing.T) {
	var out bytes.Buffer
	a := &app{}
	a.std.err = &out
	heads := []workspace.Head{{Repository: ".", Ref: "bottle/b1/heads/main", Held: []string{".husky", "x\u202e"}}}
	a.sayPulled(control.Bottle{}, &workspace.Pulled{Heads: heads}, bottle.PullOptions{})
	if text := out.String(); !strings.Contains(text, `read or run: .husky, x\u202e. Look`) {
		t.Errorf("%q", text)
	}
}

// The names of branches are the agent's: none goes to the terminal as it is, nor
// into a command that a person copies.
func TestSayPulledOfHostileRefs(t *testing.T) {
	for _, ref := range []string{"bottle/b1/heads/x\u202eevil", "bottle/b1/heads/x\u009b2Jevil", "bottle/b1/heads/a\u200b"} {
		for _, forward := range []bool{true, false} {
			var out bytes.Buffer
			a := &app{}
			a.std.err = &out
			heads := []workspace.Head{{Repository: ".", Ref: ref, Forward: forward}}
			a.sayPulled(control.Bottle{}, &workspace.Pulled{Heads: heads}, bottle.PullOptions{})
			if text := out.String(); strings.ContainsAny(text, "\u202e\u009b\u200b") || strings.Contains(text, "git -C") || !strings.Contains(text, `bottle/b1/heads/`) {
				t.Errorf("%+q: %+q", ref, text)
			}
		}
	}
}
