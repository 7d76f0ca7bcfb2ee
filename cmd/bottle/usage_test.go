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

// What pflag and cobra say of wrong values and of flags that exclude each other is put
// into words for people.
func TestMistakenFlagsAreToldInWords(t *testing.T) {
	for call, want := range map[string]string{
		"approve k-1 --session --always": `bottle: --always and --session do not go together: "bottle approve --help" lists the flags`,
		"logs --har -f":                  `bottle: --follow and --har do not go together: "bottle logs --help" lists the flags`,
		"ls -q -v":                       `bottle: --quiet and --verbose do not go together: "bottle ls --help" lists the flags`,
		"logs -n x":                      `bottle: invalid argument "x" for "-n, --last" flag: a whole number is wanted: "bottle logs --help" lists the flags`,
	} {
		var out, err bytes.Buffer
		if code := run(strings.Fields(call), stdio{out: &out, err: &err}); code != exitFailure || strings.TrimSpace(err.String()) != want {
			t.Errorf("bottle %s: code %d, %q, want %q", call, code, err.String(), want)
		}
	}
}
