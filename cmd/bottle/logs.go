package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/proxy"
)

func (a *app) logsCmd() *cobra.Command {
	var o journal.LogsOptions
	var since, verdict string
	var har bool
	cmd := &cobra.Command{
		Use:   "logs [ID|NAME]",
		Short: "Show the journal of a bottle",
		Long: `Show what a bottle asked for, what was decided and by which rule, and what went
over the wire, from the first that is wanted to the last; with -n only the last so many
of these. Without an argument it is the bottle whose workspace is here, the latest one
when there are several. However long a journal is, it is shown as it is read, and what
cannot hold what is wanted is not read. With --json each line is one object, with --har
the exchanges are an HTTP archive: without headers, which a journal has not, and with
bodies where the manifest says record: {bodies: true}.`,
		Example: "  bottle logs -n 20 -f\n  bottle logs --denied --since 10m\n  bottle logs --rule 'dlp:*'\n  bottle logs --har >session.har\n  bottle logs verify",
		Args:    cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if cmd.Flags().Changed("last") && o.Last < 1 {
				return fmt.Errorf("-n %d: how many are wanted, so 1 or more; without -n it is all", o.Last)
			}
			if o.Since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
			dir, err := a.journalOf(cmd.Context(), args)
			if err != nil {
				return err
			}
			o.JSON = a.json
			if o.Verdict = proxy.Action(verdict); verdict != "" && o.Verdict != proxy.Allow && o.Verdict != proxy.Deny {
				return fmt.Errorf("--verdict %q: allow or deny is wanted; what was asked is one of them by now", verdict)
			}
			if har {
				body := func(b *proxy.EventBody) ([]byte, error) { return journal.ReadBody(dir, b) }
				return journal.HAR(a.std.out, journal.Read(dir, o.Filter), body, readBuild().Version)
			}
			out := &counting{w: a.std.out}
			if err := journal.Logs(cmd.Context(), out, dir, o); err != nil {
				return err
			}
			if out.n == 0 && !a.quiet {
				fmt.Fprintln(a.std.err, "bottle: nothing in the journal is of this kind")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.Follow, "follow", "f", false, "go on with what happens from now on")
	f.IntVarP(&o.Last, "last", "n", 0, "only the last so `many`, and with -f what happens from then on")
	f.BoolVar(&o.Denied, "denied", false, "only what was denied")
	f.StringVar(&o.Host, "host", "", "only this host, or \"*.example.com\"")
	f.StringVar(&since, "since", "", "only what happened in this `time` until now, such as 10m, 12h or 2d")
	f.StringVar(&verdict, "verdict", "", "only decisions that were this: allow or deny")
	f.StringVar(&o.Rule, "rule", "", "only decisions by this rule, or with * at the end by those that begin so")
	f.StringVar(&o.ID, "id", "", "only the exchange of this id, which the agent sees as request_id")
	f.BoolVar(&har, "har", false, "write an HTTP archive (HAR 1.2)")
	cmd.MarkFlagsMutuallyExclusive("har", "follow")
	cmd.MarkFlagsMutuallyExclusive("denied", "verdict")
	offer(cmd, "verdict", "allow", "deny")
	offer(cmd, "rule")
	offer(cmd, "last", "20", "100")
	offerBy(cmd, "id", a.completeSeen(true))
	offerBy(cmd, "host", a.completeSeen(false))
	offer(cmd, "since", "10m", "1h", "24h")
	cmd.AddCommand(a.logsVerifyCmd())
	return cmd
}

// sinceTime returns the time that lies so long before now; "" is no time.
func sinceTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	var d time.Duration
	n, days := strings.CutSuffix(s, "d")
	if count, err := strconv.ParseUint(n, 10, 12); days && err == nil {
		d = time.Duration(count) * 24 * time.Hour
	} else if d, err = time.ParseDuration(s); err != nil {
		return time.Time{}, fmt.Errorf("--since %q is not a time such as 30s, 10m, 12h or 2d", s)
	}
	if d <= 0 {
		return time.Time{}, fmt.Errorf("--since %q: how long ago is wanted, so more than 0, such as 10m", s)
	}
	return now.Add(-d), nil
}

// counting counts what is written.
type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (a *app) logsVerifyCmd() *cobra.Command {
	var heads []string
	cmd := &cobra.Command{
		Use:   "verify [ID|NAME]",
		Short: "Check that no line of a journal was changed, moved or cut off",
		Long: `Check the hash chain of a journal and its head, and print the head. Kept
elsewhere, the head proves later that this part of the journal is still the same:
give it to --head. The exit code is 1 when something is wrong.`,
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			var kept []journal.Head
			for _, s := range heads {
				h, err := journal.ParseHead(s)
				if err != nil {
					return err
				}
				kept = append(kept, h)
			}
			dir, err := a.journalOf(cmd.Context(), args)
			if err != nil {
				return err
			}
			err = journal.LogsVerify(a.std.out, dir, a.json, kept...)
			if errors.Is(err, journal.ErrBroken) {
				return &exitError{code: exitFound}
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&heads, "head", nil, "a head that was printed before (COUNT:HASH)")
	offer(cmd, "head")
	return cmd
}

// journalOf returns the folder of a bottle's journal. Of several bottles with
// this workspace the latest is meant.
func (a *app) journalOf(ctx context.Context, args []string) (string, error) {
	b, err := a.viewed(ctx, args)
	if err != nil {
		return "", err
	}
	dir, err := journalDir(b.ID)
	if err != nil {
		return "", err
	}
	if !a.quiet && manifestWaits(b) {
		fmt.Fprintln(a.std.err, "bottle: "+waitsText(b.ID))
	}
	if keys := noteOf(b, bottle.NoteNewBottle); !a.quiet && keys != "" {
		fmt.Fprintln(a.std.err, "bottle: "+newBottleText(b.ID, keys))
	}
	if !a.quiet && len(args) == 0 {
		fmt.Fprintf(a.std.err, "bottle: the journal of %s\n", b.ID)
	}
	return dir, nil
}

// journalDir returns the folder of the journal of a bottle.
func journalDir(id string) (string, error) {
	dir, err := env.BottleDir(id)
	return filepath.Join(dir, "journal"), err
}

func latest(list []control.Bottle) (b control.Bottle) {
	for _, c := range list {
		if c.Created.After(b.Created) {
			b = c
		}
	}
	return b
}
