package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/vm"
)

// showSummary shows what a manifest gives to an agent, once: who was asked to
// trust it has seen it.
func (a *app) showSummary(m *manifest.Manifest) {
	if !a.shown {
		before, changed := shownBefore(m)
		printSummary(a.std.err, m.Summary(), before, changed)
	}
	a.shown = true
}

// showKnown says how many values of each file are looked for; the manifest is
// trusted.
func (a *app) showKnown(m *manifest.Manifest) {
	title := "Looked for in what leaves:\n"
	for _, k := range m.KnownCounts() {
		fmt.Fprintf(a.std.err, "%s  %s of %s\n", title, count(int64(k.Values), "value"), escape.Text(k.Path))
		title = ""
	}
}

// shownBefore is what a person agreed to last, and which of its files changed; nil
// when there is nothing new to it.
func shownBefore(m *manifest.Manifest) (before *manifest.TrustEntry, changed []string) {
	dir, err := env.StateDir()
	if err != nil || m.Project == nil {
		return nil, nil
	}
	e, found, err := manifest.OpenTrust(dir).Entry(m.Project.Path)
	if err != nil || !found {
		return nil, nil
	}
	if changed = e.Changed(m); e.Hash == m.Project.Hash && len(changed) == 0 {
		return nil, nil
	}
	return &e, changed
}

// printSummary prints the lines, which are escaped already. Of a manifest that was
// trusted before, those that are new are marked, and those that are gone follow.
func printSummary(w io.Writer, s manifest.Summary, before *manifest.TrustEntry, changed []string) {
	mark := func(string) string { return " " }
	if before != nil {
		defer printChanges(w, s, before, changed)
	}
	if before != nil && len(before.Shown) > 0 {
		mark = func(line string) string {
			if slices.Contains(before.Shown, line) {
				return " "
			}
			return "+"
		}
	}
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"It can reach", s.Reach},
		{"What reaches it", s.Ports},
		{"It sees of this host", s.Mounts},
		{"Credentials it can use, and never sees", s.Secrets},
		{"Credentials it can use, and may see", s.Seen},
		{"What must not leave", s.Scan},
		{"Run on this host", s.Commands},
		{"Mind", s.Cautions},
	} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.title)
		for _, l := range part.lines {
			fmt.Fprintf(w, "%s %s\n", mark(l), l)
		}
	}
}

// printChanges prints what is not in a summary any more, and which files are others.
func printChanges(w io.Writer, s manifest.Summary, before *manifest.TrustEntry, changed []string) {
	now, title := s.Lines(), "No longer in it:\n"
	for _, l := range before.Shown {
		if !slices.Contains(now, l) {
			fmt.Fprintf(w, "%s- %s\n", title, l)
			title = ""
		}
	}
	title = "Files that it runs or relies on:\n"
	for _, l := range changed {
		fmt.Fprintf(w, "%s+ %s\n", title, l)
		title = ""
	}
	if len(before.Shown)+len(changed) > 0 {
		fmt.Fprintf(w, "(+ is new since it was trusted on %s)\n", before.Since.Local().Format(time.DateOnly))
	}
}

// showSettings says what the agent gets of the person's settings of its client.
func (a *app) showSettings(p *bottle.Prepared) {
	lines := p.SettingsLines()
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(a.std.err, "Of your %s:\n", escape.Text(p.Plan.Settings.From))
	for _, l := range lines {
		fmt.Fprintf(a.std.err, "  %s\n", escape.Text(l))
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
