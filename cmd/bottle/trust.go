package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
)

func (a *app) trustCmd() *cobra.Command {
	var list, revoke, yes bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Agree to a project's manifest",
		Long: `A manifest comes with the project and may say what runs on this host and which
credentials are used. Until you agree to its content, nothing in it is executed
or read. Any change to it asks again.

You see what it gives to an agent, and are asked. Without a terminal --yes must
say it for you.

A running bottle whose manifest now gives the agent more waits for this, too,
also when the manifest was trusted with that text before.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return a.listTrusted()
			}
			change := func(ctx context.Context) (trustOutput, error) { return a.addTrust(ctx, yes) }
			if revoke {
				change = a.revokeTrust
			}
			out, err := change(cmd.Context())
			if err == nil && a.json {
				err = a.printJSON(out)
			}
			return err
		},
	}
	a.configFlag(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "list the trusted projects")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "no longer trust this project's manifest")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.MarkFlagsMutuallyExclusive("list", "revoke", "yes")
	return cmd
}

func (a *app) addTrust(ctx context.Context, yes bool) (out trustOutput, err error) {
	m, err := a.load("")
	if err != nil {
		return out, err
	}
	if m.Project == nil {
		text := "there is no bottle.yaml here or in a folder above (\"bottle init\" writes one); your own file is always trusted"
		if m.Overlooked != "" {
			text += "; " + m.Overlooked
		}
		return out, errors.New(text)
	}
	t, err := openTrust()
	if err != nil {
		return out, err
	}
	why := t.IsTrusted(m)
	if why != nil && !errors.Is(why, manifest.ErrNotTrusted) {
		return out, why
	}
	if !a.quiet {
		a.showSummary(m)
		if why == nil {
			a.showKnown(m)
		}
		if err := a.nameWaiting(ctx, m.Project.Path); err != nil {
			return out, err
		}
	}
	if why == nil {
		return trustedOutput(m), a.trustAgain(ctx, t, m, yes)
	}
	if err := a.agree(ctx, t, m, why, yes, "say \"bottle trust --yes\" where nobody can be asked"); err != nil {
		return out, err
	}
	_, err = fmt.Fprintf(a.std.err, "trusted: %s\n", escape.Text(m.Project.Path))
	return trustedOutput(m), err
}

// trustAgain is about a text that is trusted: a running bottle that waits wants a
// yes from after its last change. Who only looked has given none.
func (a *app) trustAgain(ctx context.Context, t *manifest.Trust, m *manifest.Manifest, yes bool) (err error) {
	fmt.Fprintf(a.std.err, "trusted already: %s\n", escape.Text(m.Project.Path))
	if !yes && a.interactive() {
		if yes, err = a.confirm(ctx, "Agree again, for a running bottle that waits for it?"); err != nil {
			return err
		}
	}
	if !yes {
		return nil
	}
	return t.Trust(m)
}

// openTrust returns the list of trusted projects.
func openTrust() (*manifest.Trust, error) {
	dir, err := env.MakeStateDir()
	if err != nil {
		return nil, err
	}
	return manifest.OpenTrust(dir), nil
}

// trusted returns the list of trusted projects once the manifest is on it. On
// a terminal the person is asked; yes answers for them.
func (a *app) trusted(ctx context.Context, m *manifest.Manifest, yes bool) (*manifest.Trust, error) {
	return a.trustedOr(ctx, m, yes, "look at it with \"bottle trust\", or agree with --yes")
}

// trustedOr is trusted with another hint for where nobody can be asked.
func (a *app) trustedOr(ctx context.Context, m *manifest.Manifest, yes bool, hint string) (*manifest.Trust, error) {
	t, err := openTrust()
	if err != nil {
		return nil, err
	}
	why := t.IsTrusted(m)
	if why != nil && errors.Is(why, manifest.ErrNotTrusted) {
		why = a.agree(ctx, t, m, why, yes, hint)
	}
	return t, why
}

// trustedAlready is trusted without a change to the list.
func (a *app) trustedAlready(_ context.Context, m *manifest.Manifest, _ bool) (*manifest.Trust, error) {
	t, err := openTrust()
	if err != nil {
		return nil, err
	}
	why := t.IsTrusted(m)
	if !errors.Is(why, manifest.ErrNotTrusted) {
		return t, why
	}
	if !a.quiet && !a.json {
		a.showSummary(m)
	}
	return nil, fmt.Errorf("%w: a dry run agrees to nothing (not with --yes either), so run \"bottle trust\" first", why)
}

// agree puts a manifest on the list, when the person says so. The hint is for
// where nobody can be asked.
func (a *app) agree(ctx context.Context, t *manifest.Trust, m *manifest.Manifest, why error, yes bool, hint string) error {
	if !yes {
		if !a.interactive() {
			return fmt.Errorf("%w: %s", why, hint)
		}
		a.showSummary(m)
		fmt.Fprintf(a.std.err, "\n%s.\n", escape.Text(why.Error()))
		if err := a.insist(ctx, "Trust this manifest?", "it was not trusted, so nothing was done"); err != nil {
			return err
		}
	}
	return t.Trust(m)
}

func (a *app) revokeTrust(ctx context.Context) (out trustOutput, err error) {
	m, err := a.load("")
	path := a.config
	switch {
	case err == nil && m.Project != nil:
		path = m.Project.Path
	case path == "":
		return out, errors.Join(err, errors.New("name the manifest with -f"))
	default: // it may not be valid any more
		if path, err = filepath.Abs(path); err != nil {
			return out, err
		}
	}
	t, err := openTrust()
	if err != nil {
		return out, err
	}
	was, err := t.Revoke(path)
	if err != nil {
		return out, err
	}
	if !was {
		return out, fmt.Errorf("%s was not trusted, so there is nothing to take back: \"bottle trust --list\" shows what is", path)
	}
	if _, err = fmt.Fprintf(a.std.err, "no longer trusted: %s\n", escape.Text(path)); err != nil {
		return out, err
	}
	return trustOutput{Path: path}, a.nameUsers(ctx, path)
}

// nameUsers names the running bottles that a manifest was trusted for: they go on
// with what is in force.
func (a *app) nameUsers(ctx context.Context, path string) error {
	all, err := control.All(ctx, env)
	for _, b := range all {
		if b.Manifest == path && b.Status.Alive() {
			fmt.Fprintf(a.std.err, "%s still runs on it: what you take out of the file applies there at once, nothing that you add does; end it with \"bottle down %s\"\n", b.ID, b.ID)
		}
	}
	return err
}

// nameWaiting says why the running bottles of a manifest wait, if any do, and what
// of it they do not get by a yes either.
func (a *app) nameWaiting(ctx context.Context, path string) error {
	all, err := control.All(ctx, env)
	for _, b := range all {
		if b.Manifest != path {
			continue
		}
		if why := noteOf(b, bottle.NoteWaits); why != "" {
			fmt.Fprintf(a.std.err, "%s waits: %s\n", b.ID, why)
		}
		if keys := noteOf(b, bottle.NoteNewBottle); keys != "" {
			fmt.Fprintln(a.std.err, newBottleText(b.ID, keys))
		}
	}
	return err
}

func (a *app) listTrusted() error {
	t, err := openTrust()
	if err != nil {
		return err
	}
	entries, err := t.List()
	if err != nil {
		return err
	}
	if a.json {
		for i := range entries {
			entries[i].Shown = nil // which is for the next question
		}
		if entries == nil {
			entries = []manifest.TrustEntry{}
		}
		return a.printJSON(entries)
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintln(a.std.err, "no trusted projects; \"bottle trust\" adds the one that you are in")
		return err
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", escape.Text(e.Path), e.Hash[:min(12, len(e.Hash))], e.Since.Format(time.DateOnly))
	}
	return tw.Flush()
}
