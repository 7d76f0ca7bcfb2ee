package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// planned are commands that a text may name only once they are there.
var planned = []string{"approve", "deny", "diff", "gate", "init", "learn", "pull", "scan", "why"}

// TestTextsNameCommandsThatExist reads the documentation, the schema and each
// command's help.
func TestTextsNameCommandsThatExist(t *testing.T) {
	root := newRoot(stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	texts := map[string]string{}
	exists := []string{"help"} // cobra adds it when it runs
	for _, cmd := range root.Commands() {
		exists = append(exists, cmd.Name())
	}
	var help func(*cobra.Command)
	help = func(cmd *cobra.Command) {
		texts["help of "+cmd.CommandPath()] = cmd.Short + "\n" + cmd.Long + "\n" + cmd.Example
		for _, c := range cmd.Commands() {
			help(c)
		}
	}
	help(root)
	files, err := filepath.Glob("../../docs/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(b)
	}
	quoted := regexp.MustCompile("[`\"]bottle ([a-z]+)")
	later := regexp.MustCompile(`\bbottle (` + strings.Join(planned, "|") + `)\b`)
	found := 0
	for name, text := range texts {
		for _, m := range slices.Concat(quoted.FindAllStringSubmatch(text, -1), later.FindAllStringSubmatch(text, -1)) {
			found++
			if !slices.Contains(exists, m[1]) {
				t.Errorf("%s names %q, which is no command", name, m[0])
			}
		}
	}
	if found < 20 {
		t.Errorf("the texts name commands %d times only: they were not read", found)
	}
}
