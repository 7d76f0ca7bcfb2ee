package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
)

func (a *app) lsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the bottles of this user, running and stopped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := control.All(cmd.Context(), env)
			if a.json {
				if list == nil {
					list = []control.Bottle{}
				}
				return errors.Join(err, a.printJSON(list))
			}
			return errors.Join(err, a.printBottles(list))
		},
	}
}

func (a *app) printBottles(list []control.Bottle) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.std.err, "no bottles; start one with \"bottle up\"")
		return err
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tSTATUS\tAGE\tALLOWED\tDENIED\tWORKSPACE")
	for _, b := range list {
		allowed, denied := "-", "-"
		if b.Info != nil {
			allowed, denied = fmt.Sprint(b.Info.Counts["allowed"]), fmt.Sprint(b.Info.Counts["denied"])
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Status, age(time.Since(b.Created)), allowed, denied, escape.Text(b.Workspace))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, b := range list {
		if b.Problem != nil && !a.quiet {
			fmt.Fprintf(a.std.err, "%s: %s\n", b.ID, escape.Text(b.Problem.Error()))
		}
	}
	return nil
}

// age renders a duration by its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
