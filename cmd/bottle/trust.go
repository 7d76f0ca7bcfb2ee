package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/escape"
)

func (a *app) trustCmd() *cobra.Command {
	var list, revoke bool
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Agree to a project's manifest",
		Long: `A manifest comes with the project and may say what runs on this host and which
credentials are used. Until you agree to its content, nothing in it is executed
or read. Any change to it asks again.

A running bottle whose manifest now gives the agent more waits for this, too.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case list:
				return a.listTrusted()
			case revoke:
				return a.revokeTrust()
			}
			return a.addTrust()
		},
	}
	a.configFlag(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "list the trusted projects")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "no longer trust this project's manifest")
	cmd.MarkFlagsMutuallyExclusive("list", "revoke")
	return cmd
}

func (a *app) addTrust() error {
	m, err := a.load("")
	if err != nil {
		return err
	}
	if m.Project == nil {
		return errors.New("there is no bottle.yaml here or in a folder above; your own file is always trusted")
	}
	t, err := openTrust()
	if err != nil {
		return err
	}
	if !a.quiet {
		printSummary(a.std.err, m.Summary())
	}
	if err := t.Trust(m); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.std.err, "trusted: %s\n", escape.Text(m.Project.Path))
	return err
}

func (a *app) revokeTrust() error {
	m, err := a.load("")
	path := a.config
	switch {
	case err == nil && m.Project != nil:
		path = m.Project.Path
	case path == "":
		return errors.Join(err, errors.New("name the manifest with -f"))
	default: // it may not be valid any more
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	t, err := openTrust()
	if err != nil {
		return err
	}
	was, err := t.Revoke(path)
	if err != nil {
		return err
	}
	if !was {
		return fmt.Errorf("%s was not trusted", path)
	}
	_, err = fmt.Fprintf(a.std.err, "no longer trusted: %s\n", escape.Text(path))
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
		return a.printJSON(entries)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", escape.Text(e.Path), e.Hash[:min(12, len(e.Hash))], e.Since.Format(time.DateOnly))
	}
	return tw.Flush()
}
