package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/learn"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

func (a *app) learnCmd() *cobra.Command {
	var write, yes bool
	cmd := &cobra.Command{
		Use:   "learn [ID|NAME]",
		Short: "Propose routes from what a bottle asked for",
		Long: `Read the journal of a bottle and propose the fewest routes that let pass what no
route decided: what the default denied or allowed, and what you allowed for the
session. Each stands with what speaks for it. The recorded requests are then decided
anew by the manifest with these routes, and you see what becomes of them.

Of a host that was denied, no methods and paths are known, since nothing was sent. To
see them, run the session with "bottle up --learn ask" or "--learn allow" in the place
of egress.default. Nothing is written without --write; what the scanner stopped, and
what you or a route denied, is never proposed, nor is a secret.`,
		Example: "  bottle up --learn allow -- npm install\n  bottle learn\n  bottle learn --write",
		Args:    cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := a.load("")
			if err != nil {
				return err
			}
			dir, err := a.journalOf(cmd.Context(), args)
			if err != nil {
				return err
			}
			var broken error
			p := learn.From(m, decided(dir, &broken))
			if broken != nil {
				return broken
			}
			if err := a.printProposal(p); err != nil {
				return err
			}
			if !write || len(p.Routes) == 0 {
				return nil
			}
			return a.writeRoutes(cmd.Context(), m, p, yes)
		},
	}
	a.configFlag(cmd)
	cmd.Flags().BoolVar(&write, "write", false, "write the routes into the project's manifest, after a question")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "with --write: do not ask")
	return cmd
}

// decided yields what a journal says. What cannot be read is passed over; what ends
// the reading is put into broken.
func decided(dir string, broken *error) iter.Seq[*proxy.Event] {
	return func(yield func(*proxy.Event) bool) {
		for e, err := range journal.Read(dir, journal.Filter{}) {
			var bad *journal.LineError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				*broken = err
				return
			}
			if !yield(&e.Event) {
				return
			}
		}
	}
}

func (a *app) printProposal(p *learn.Proposal) error {
	if a.json {
		return a.printJSON(p)
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(a.std.err, "no route for %s\n", escape.TextMax(s, 300))
	}
	if len(p.Routes) == 0 {
		fmt.Fprintln(a.std.err, "bottle: the routes decide all that is in the journal: there is nothing to add")
		return nil
	}
	return showProposal(a.std.out, p)
}

func showProposal(w io.Writer, p *learn.Proposal) error {
	fmt.Fprint(w, routesHead)
	for i := range p.Routes {
		r := &p.Routes[i]
		fmt.Fprintf(w, "    # %s (%d denied), the last on %s: %s\n", count(int64(r.Requests), "request"), r.Denied, r.Last.Local().Format("2006-01-02 15:04"),
			escape.TextMax(strings.Join(r.Examples, ", "), 200))
		for l := range strings.Lines(r.YAML) {
			fmt.Fprintf(w, "    %s\n", escape.Text(strings.TrimSuffix(l, "\n")))
		}
	}
	fmt.Fprintf(w, "# replayed: %s, %d allowed by then, of which %d were denied\n", count(int64(p.Replay.Requests), "request"), p.Replay.Allowed, p.Replay.Opened)
	for _, m := range p.Replay.Missed {
		fmt.Fprintf(w, "# denied all the same: %s\n", escape.TextMax(m, 200))
	}
	return nil
}

// writeRoutes writes what was proposed, one route after the other.
func (a *app) writeRoutes(ctx context.Context, m *manifest.Manifest, p *learn.Proposal, yes bool) error {
	trust, err := openTrust()
	if err != nil {
		return err
	}
	if !yes {
		if !a.interactive() {
			return errors.New("nothing was written: there is nobody to ask here; --yes writes without a question")
		}
		if err := a.insist(ctx, "Write these routes?", "nothing was written"); err != nil {
			return err
		}
	}
	load := func() (*manifest.Manifest, error) { return a.load("") }
	for i := range p.Routes {
		if _, err := trust.AddRoute(load, p.Routes[i].Grant, "bottle learn"); err != nil {
			return fmt.Errorf("%d of %d routes were written: %w", i, len(p.Routes), err)
		}
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s written into %s\n", count(int64(len(p.Routes)), "route"), escape.Text(m.Project.Path))
	}
	return nil
}
