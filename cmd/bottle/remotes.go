package main

import (
	"fmt"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// remotes returns the URLs that the workspace was cloned from, as they are now: what
// becomes of its config later gives nothing. What they lead to needs that a person
// sees it and says yes, so where nobody does there are none.
func (a *app) remotes(m *manifest.Manifest, o upOptions) (urls []string) {
	if o.noRemotes || a.quiet {
		return nil
	}
	remotes, err := workspace.Remotes(m.Workspace)
	if err != nil { // which is told by what makes the copy, too
		fmt.Fprintf(a.std.err, "warning: where the workspace was cloned from cannot be told, so it is not offered: %s\n", escape.Text(err.Error()))
		return nil
	}
	for _, r := range remotes {
		urls = append(urls, r.URL)
	}
	offered := m.WithOwnRepos(urls).Summary().Offered
	if len(offered) == 0 || o.yes || o.dryRun || a.atTerminal() {
		return urls
	}
	fmt.Fprintln(a.std.err, "bottle: nobody can be asked, so the agent cannot fetch from where the workspace was cloned from; with --yes it can:")
	for _, l := range offered {
		fmt.Fprintf(a.std.err, "  %s\n", l)
	}
	return nil
}

// showOffered shows what no manifest names.
func (a *app) showOffered(m *manifest.Manifest) {
	lines := m.Summary().Offered
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(a.std.err, "Offered, since the workspace was cloned from there (--no-remotes leaves it out):")
	for _, l := range lines {
		fmt.Fprintf(a.std.err, "  %s\n", l)
	}
}
