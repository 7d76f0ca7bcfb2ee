package main

import (
	"fmt"
	"io"

	"github.com/bot-bottle/bottle/internal/manifest"
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
