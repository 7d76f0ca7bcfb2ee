package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fences returns the blocks of code of a kind on a page.
func fences(page, kind string) (list []string) {
	for _, m := range regexp.MustCompile("(?ms)^ *```"+kind+"\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		list = append(list, m[1])
	}
	return list
}

func readPages(t *testing.T) map[string]string {
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	pages := map[string]string{}
	for _, name := range append(names, "../../README.md") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(b)
	}
	return pages
}

// What the pages have people type are commands and flags that there are.
func TestThePagesNameCommandsThatThereAre(t *testing.T) {
	call := regexp.MustCompile(`(?:^|[\s"(/])bottle ((?:[a-z]+)(?: [^|&>#;)\n]*)?)`)
	seen := 0
	for name, page := range readPages(t) {
		for _, block := range fences(page, "[a-z]*") {
			for _, m := range call.FindAllStringSubmatch(block, -1) {
				if c := child(newRoot(stdio{}), strings.Fields(m[1])[0]); c != nil {
					seen++
					checkCall(t, name, strings.Fields(m[1]))
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d calls were found", seen)
	}
}

func checkCall(t *testing.T, page string, words []string) {
	cmd, rest, err := newRoot(stdio{}).Find(words)
	if err != nil {
		t.Errorf("%s: bottle %s: %v", page, strings.Join(words, " "), err)
		return
	}
	for _, w := range rest {
		if w == "--" || strings.HasPrefix(w, `"`) || strings.HasPrefix(w, `'`) {
			return
		}
		if !strings.HasPrefix(w, "-") || w == "-" {
			continue
		}
		w, _, _ = strings.Cut(strings.TrimRight(w, `"'`), "=")
		if !hasFlag(cmd, w) {
			t.Errorf("%s: bottle %s: there is no %s", page, strings.Join(words, " "), w)
		}
	}
}

func hasFlag(cmd *cobra.Command, word string) bool {
	cmd.InitDefaultHelpFlag()
	found := false
	look := func(f *pflag.Flag) { found = found || word == "--"+f.Name || word == "-"+f.Shorthand }
	cmd.Flags().VisitAll(look)
	cmd.InheritedFlags().VisitAll(look)
	return found
}

func TestDataOnThePagesCanBeRead(t *testing.T) {
	for name, page := range readPages(t) {
		for _, text := range fences(page, "yaml") {
			var v any
			if err := yaml.Unmarshal([]byte(text), &v); err != nil {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		}
		for _, text := range fences(page, "json") {
			if !json.Valid([]byte(text)) {
				t.Errorf("%s: no JSON:\n%s", name, text)
			}
		}
	}
}
