package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

func (a *app) lsCmd() *cobra.Command {
	return &cobra.Command{
		Use:        "ls",
		SuggestFor: []string{"ps", "list"},
		Short:      "List the bottles of this user, running and stopped",
		Long: `List the bottles of this user: their status (running, busy, silent, stopped, or
dead when the process was killed), age, the ports of this host's 127.0.0.1 that
lead into it (HOST:GUEST), and how many requests were allowed and
denied. Those of a bottle that has ended are counted in its journal, as far as
its first 10000 lines: a + says that there are more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := control.All(cmd.Context(), env)
			a.tellOrphans(cmd.Context(), all)
			list := make([]listed, 0, len(all))
			for _, b := range all {
				l := toListed(b)
				l.Suspects, l.suspectProblems = suspects(cmd.Context(), b)
				list = append(list, l)
			}
			if a.json {
				for i := range list {
					list[i].Spent = spentOf(cmd.Context(), all[i])
				}
				return errors.Join(err, a.printJSON(list))
			}
			return errors.Join(err, a.printBottles(list))
		},
	}
}

// listed is a bottle in the list.
type listed struct {
	state.Bottle
	Status   control.Status `json:"status"`
	Problem  string         `json:"problem,omitempty"`
	Uptime   int64          `json:"uptime_seconds,omitempty"`
	Commands int            `json:"commands,omitempty"` // of "bottle exec" and "bottle shell", that run
	Version  string         `json:"version,omitempty"`  // of the bottle program
	Counts   *counts        `json:"counts,omitempty"`   // nil when they cannot be told
	// Spent is what a running bottle has sent and used; nil when it does not say.
	Spent *proxy.Spent `json:"spent,omitempty"`
	// Waits is set while the manifest has changed and is not in force.
	Waits bool `json:"manifest_waits,omitempty"`
	// WaitsFor says why.
	WaitsFor string `json:"manifest_waits_for,omitempty"`
	// NewBottle are the keys of the manifest that changed and need a new bottle.
	NewBottle string `json:"needs_new_bottle,omitempty"`
	// RecordsBodies is set while bodies are recorded, and BodyBytes is what those that
	// were take on disk.
	RecordsBodies bool  `json:"records_bodies,omitempty"`
	BodyBytes     int64 `json:"body_bytes,omitempty"`
	// Suspects are what a bottle that has ended left in folders of this host for
	// programs there to run by themselves, and nobody has seen to.
	Suspects        []bottle.Suspect `json:"suspects,omitempty"`
	suspectProblems []string
}

// counts are how many requests a bottle made. More is set when there are some
// that were not counted.
type counts struct {
	Allowed int64 `json:"allowed"`
	Denied  int64 `json:"denied"`
	More    bool  `json:"more,omitempty"`
}

// maxCounted bounds the lines of a journal that are read to list its bottle,
// which takes some hundredths of a second.
const maxCounted = 10_000

func toListed(b control.Bottle) listed {
	l := listed{Bottle: b.Bottle, Status: b.Status}
	l.Running = b.Status.Alive() // the record of one that was killed says otherwise
	if !l.Running {
		l.Ports = nil
	}
	l.Waits, l.WaitsFor, l.NewBottle = manifestWaits(b), noteOf(b, bottle.NoteWaits), noteOf(b, bottle.NoteNewBottle)
	l.RecordsBodies, l.BodyBytes = noteOf(b, bottle.NoteBodies) != "", bodyBytes(b.ID)
	if b.Problem != nil {
		l.Problem = b.Problem.Error()
	}
	switch {
	case b.Info != nil:
		l.Uptime, l.Commands, l.Version = int64(b.Info.Uptime.Seconds()), b.Info.Commands, b.Info.Version
		l.Counts = &counts{Allowed: b.Info.Counts[bottle.CountAllowed], Denied: b.Info.Counts[bottle.CountDenied]}
	case !b.Status.Alive():
		l.Counts = counted(b.ID)
	}
	return l
}

// spentOf asks a running bottle.
func spentOf(ctx context.Context, b control.Bottle) *proxy.Spent {
	if b.Status != control.Running {
		return nil
	}
	c, err := control.Dial(ctx, b.Socket)
	if err != nil {
		return nil
	}
	var s proxy.Spent
	if c.Call(ctx, supervise.OpSpent, nil, &s) != nil {
		return nil // one of another version
	}
	return &s
}

// manifestWaits reports whether a running bottle has a manifest that changed and
// is not in force.
func manifestWaits(b control.Bottle) bool {
	return b.Info != nil && b.Info.Counts[bottle.CountWaits] > 0
}

// noteOf returns what a running bottle says of itself; "" for nothing.
func noteOf(b control.Bottle, name string) string {
	if b.Info == nil {
		return ""
	}
	return escape.Text(b.Info.Notes[name])
}

// bodyBytes is 0 where it cannot be told.
func bodyBytes(id string) int64 {
	dir, err := journalDir(id)
	if err != nil {
		return 0
	}
	n, _ := journal.BodiesSize(dir)
	return n
}

// bodiesText says what is kept of the traffic, "" for nothing.
func (l *listed) bodiesText() string {
	switch {
	case l.RecordsBodies:
		return fmt.Sprintf("%s: the bodies of its requests and answers are recorded on this host (record.bodies), %d KiB until now", l.ID, l.BodyBytes>>10)
	case l.BodyBytes > 0:
		return fmt.Sprintf("%s: recorded bodies of its requests and answers, %d KiB, are kept on this host until \"bottle down %s\"", l.ID, (l.BodyBytes+1023)>>10, l.ID)
	}
	return ""
}

func newBottleText(id, keys string) string {
	return fmt.Sprintf("%s: its manifest changed in what needs a new bottle: %s", id, keys)
}

func waitsText(id string) string {
	return fmt.Sprintf("%s: its manifest changed and is not in force; \"bottle logs %s\" says why, \"bottle trust\" agrees to it", id, id)
}

// counted returns nil where there is no journal to count in.
func counted(id string) *counts {
	dir, err := journalDir(id)
	if err != nil {
		return nil
	}
	n, whole, err := bottle.Counts(dir, maxCounted)
	if err != nil {
		return nil
	}
	return &counts{Allowed: n[bottle.CountAllowed], Denied: n[bottle.CountDenied], More: !whole}
}

// columns are what stands in the table.
func (c *counts) columns() (allowed, denied string) {
	switch {
	case c == nil:
		return "-", "-"
	case c.More:
		return fmt.Sprintf("%d+", c.Allowed), fmt.Sprintf("%d+", c.Denied)
	}
	return fmt.Sprint(c.Allowed), fmt.Sprint(c.Denied)
}

func (a *app) printBottles(list []listed) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.std.err, "no bottles; start one with \"bottle up\"")
		return err
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tSTATUS\tAGE\tALLOWED\tDENIED\tPORTS\tWORKSPACE")
	for _, b := range list {
		allowed, denied := b.Counts.columns()
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Status, age(time.Since(b.Created)), allowed, denied, portsText(b.Ports), escape.Text(b.Workspace))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, b := range list {
		fmt.Fprint(a.std.err, suspectsText(b.ID, b.Suspects, b.suspectProblems))
		if b.Waits && !a.quiet {
			fmt.Fprintln(a.std.err, waitsText(b.ID))
		}
		if text := b.bodiesText(); text != "" && !a.quiet {
			fmt.Fprintln(a.std.err, text)
		}
		if b.NewBottle != "" && !a.quiet {
			fmt.Fprintln(a.std.err, newBottleText(b.ID, b.NewBottle))
		}
		if b.Problem != "" && !a.quiet {
			text := escape.Text(b.Problem)
			if !strings.Contains(text, b.ID) { // most say of whom
				text = b.ID + ": " + text
			}
			fmt.Fprintln(a.std.err, text)
		}
	}
	return nil
}

// portsText is what stands in the table: HOST:GUEST of each.
func portsText(ports []state.Port) string {
	var list []string
	for _, p := range ports {
		list = append(list, fmt.Sprintf("%d:%d", p.Host, p.Guest))
	}
	if list == nil {
		return "-"
	}
	return strings.Join(list, ",")
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
