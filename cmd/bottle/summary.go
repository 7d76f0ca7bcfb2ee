package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/vm"
)

// showSummary shows what a manifest gives to an agent, once: who was asked to
// trust it has seen it.
func (a *app) showSummary(m *manifest.Manifest) {
	if !a.shown {
		printSummary(a.std.err, m.Summary())
	}
	a.shown = true
}

// printSummary prints the lines, which are escaped already.
func printSummary(w io.Writer, s manifest.Summary) {
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"It can reach", s.Reach},
		{"It sees of this host", s.Mounts},
		{"Credentials it can use, and never sees", s.Secrets},
		{"Credentials it can use, and may see", s.Seen},
		{"Run on this host", s.Commands},
		{"Mind", s.Cautions},
	} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.title)
		for _, l := range part.lines {
			fmt.Fprintf(w, "  %s\n", l)
		}
	}
}

// showBehind says what of the workspace is not in the bottle.
func (a *app) showBehind(lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(a.std.err, "Of the workspace it does not get, since git ignores it:")
	for _, l := range lines {
		fmt.Fprintf(a.std.err, "  %s\n", escape.Text(l))
	}
}

// maxInstall is how many files and folders of an installation are named; of more
// only the folders that they lie in.
const maxInstall = 6

func (a *app) showInstall(mounts []vm.Mount) {
	if len(mounts) == 0 {
		return
	}
	fmt.Fprintln(a.std.err, "It also sees, read-only, where the program is installed:")
	if len(mounts) <= maxInstall {
		for _, m := range mounts {
			fmt.Fprintf(a.std.err, "  %s\n", escape.Text(m.Source))
		}
		return
	}
	var folders []string
	parts := map[string][]string{}
	for _, m := range mounts {
		dir, name := filepath.Split(m.Source)
		if parts[dir] == nil {
			folders = append(folders, dir)
		}
		parts[dir] = append(parts[dir], name)
	}
	for _, dir := range folders {
		if names := parts[dir]; len(names) == 1 {
			fmt.Fprintf(a.std.err, "  %s\n", escape.Text(dir+names[0]))
		} else {
			fmt.Fprintf(a.std.err, "  %s: %d parts of it\n", escape.Text(dir), len(names))
		}
	}
}
