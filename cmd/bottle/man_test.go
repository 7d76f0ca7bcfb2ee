package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bot-bottle/bottle/internal/topics"
)

// everyCommand calls f for root and all below it that a person is told of.
func everyCommand(root *cobra.Command, f func(*cobra.Command)) {
	f(root)
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			everyCommand(c, f)
		}
	}
}

func TestTheManualIsComplete(t *testing.T) {
	dir := t.TempDir()
	root := newRoot(stdio{})
	if err := writeManual(root, dir, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	var want []string
	everyCommand(root, func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		want = append(want, name)
		text := readManual(t, dir, name)
		for _, part := range slices.Concat([]string{c.Short}, strings.Fields(c.Long)) {
			if !strings.Contains(text, part) && part != "####" { // a heading in cobra's own text
				t.Errorf("%s says nothing of %q", name, part)
			}
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(text, "--"+f.Name) {
				t.Errorf("%s has no --%s", name, f.Name)
			}
		})
	})
	for _, topic := range topics.All() {
		name := "bottle-" + topic.Name + ".7"
		want = append(want, name)
		if text := readManual(t, dir, name); !strings.Contains(text, topic.Short) || len(text) < 500 {
			t.Errorf("%s says too little:\n%s", name, text)
		}
	}
	var got []string
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		got = append(got, e.Name())
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("pages: %q, not %q", got, want)
	}
}

// readManual returns the text of a page without the backslashes of its format.
func readManual(t *testing.T, dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `\`, "")
}

func TestNoTopicHasTheNameOfACommand(t *testing.T) {
	root := newRoot(stdio{})
	for _, topic := range topics.All() {
		if c := child(root, topic.Name); c != nil {
			t.Errorf("%s is both", topic.Name)
		}
	}
}

func TestTheSamePagesComeOutOfTheSameSource(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := writeManual(newRoot(stdio{}), dir, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bottle.1", "bottle-up.1", "bottle-routes.7"} {
		if readManual(t, a, name) != readManual(t, b, name) {
			t.Errorf("%s differs", name)
		}
	}
}
