package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Whatever command is called in a wrong way says what to call instead.
func TestEveryMistakenCallHasANextStep(t *testing.T) {
	calls := 0
	everyCommand(newRoot(stdio{}), func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		mistakes := [][]string{{"--no-such-flag"}}
		if c.Args != nil && c.Args(c, slices.Repeat([]string{"surplus"}, 9)) != nil {
			mistakes = append(mistakes, slices.Repeat([]string{"surplus"}, 9))
		}
		for _, wrong := range mistakes {
			if c.Name() == "completion" || c.HasParent() && c.Parent().Name() == "completion" {
				continue // cobra's own
			}
			calls++
			var out, err bytes.Buffer
			code := run(slices.Concat(path, wrong), stdio{out: &out, err: &err})
			if text := err.String(); code != exitFailure && code != exitFound || out.Len() > 0 || !strings.HasPrefix(text, "bottle: ") || !strings.Contains(text, `"bottle`) && !strings.Contains(text, "there are ") {
				t.Errorf("bottle %q: code %d, %q, %q", slices.Concat(path, wrong), code, out.String(), text)
			}
		}
	})
	if calls < 40 {
		t.Errorf("only %d calls were tried", calls)
	}
}
