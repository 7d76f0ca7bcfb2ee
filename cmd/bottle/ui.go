package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/ui"
)

func (a *app) uiCmd() *cobra.Command {
	var web bool
	var listen string
	cmd := &cobra.Command{
		Use:   "ui [ID|NAME]",
		Short: "Watch a bottle and answer its questions, at a terminal or in a browser",
		Long: `Watch what a bottle asks for as it happens, in another terminal than the agent's,
and answer the questions that wait with one key. The view may come and go: it reads
the journal and the control socket, and decides nothing by itself.

With --web it is a page for a browser of this host. The link that is printed works
once, for the browser that opens it. Ctrl-C ends the view, and not the bottle.`,
		Example: "  bottle ui\n  bottle ui --web claude-7kq2m",
		Args:    cobra.MaximumNArgs(1),

		SuggestFor:        []string{"watch", "web", "dashboard", "top"},
		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if listen != "" && !web {
				return errors.New("--listen is where --web is served: give both")
			}
			if web {
				return a.webView(cmd.Context(), listen, args)
			}
			return a.terminalView(cmd.Context(), args)
		},
	}
	cmd.Flags().BoolVar(&web, "web", false, "serve a page to a browser of this host")
	cmd.Flags().StringVar(&listen, "listen", "", "with --web, the loopback `ADDR:PORT` of the page (default 127.0.0.1 and a free port)")
	offer(cmd, "listen", "127.0.0.1:0")
	return cmd
}

func (a *app) terminalView(ctx context.Context, args []string) error {
	if !isTerminal(a.std.in) || !isTerminal(a.std.out) {
		return errors.New("this is no terminal: \"bottle logs -f\" and \"bottle ask ls --watch\" tell the same line by line, and \"bottle ui --web\" shows it in a browser")
	}
	b, err := a.viewed(ctx, args)
	if err != nil {
		return err
	}
	o := ui.Options{Bottle: b.ID, Bottles: viewBottles, In: a.std.in, Out: a.std.out}
	if o.Journal, err = journalDir(b.ID); err != nil {
		return err
	}
	if b.Status == control.Running {
		if o.Client, err = control.Dial(ctx, b.Socket); err != nil {
			return err
		}
	}
	return ui.Run(ctx, o)
}

// webView serves the page until it is interrupted, which is how it ends.
func (a *app) webView(ctx context.Context, listen string, args []string) error {
	b, err := a.viewed(ctx, args)
	if err != nil && (len(args) > 0 || !errors.Is(err, control.ErrNotFound)) {
		return err // without an argument, a page without a bottle shows those of elsewhere
	}
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	w, err := ui.NewWeb(ctx, ui.WebOptions{Listen: listen, Bottle: b.ID, Bottles: viewBottles, Journal: journalDir})
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSONLine(map[string]string{"url": w.Link()})
	} else {
		_, err = fmt.Fprintln(a.std.out, w.Link())
	}
	if err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintln(a.std.err, "bottle: open this link in a browser of this host; it works once, within ten minutes. Ctrl-C ends the view, and not the bottle")
	}
	if err := w.Serve(ctx); err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintln(a.std.err, "bottle: the view has ended; the bottle is as it was")
	}
	return nil
}

// viewed is the bottle that a view is of; of several the latest.
func (a *app) viewed(ctx context.Context, args []string) (control.Bottle, error) {
	b, err := a.find(ctx, args, false)
	var many *control.AmbiguousError
	if errors.As(err, &many) {
		b, err = latest(many.Candidates), nil
	}
	return b, err
}

// viewBottles lists the bottles for a view, with what the person should know of each.
// A record that cannot be read hides the others from no view: "bottle ls" says so.
func viewBottles(ctx context.Context) (list []ui.Bottle) {
	all, _ := control.All(ctx, env)
	for _, b := range all {
		v := ui.Bottle{Bottle: b}
		if b.Problem != nil {
			v.Notices = append(v.Notices, escape.TextMax(b.Problem.Error(), 400))
		}
		for _, note := range []string{bottle.NoteJournal, bottle.NoteTelemetry} {
			if text := noteOf(b, note); text != "" {
				v.Notices = append(v.Notices, text)
			}
		}
		if manifestWaits(b) {
			v.Notices = append(v.Notices, waitsText(b.ID))
		}
		if keys := noteOf(b, bottle.NoteNewBottle); keys != "" {
			v.Notices = append(v.Notices, newBottleText(b.ID, keys))
		}
		list = append(list, v)
	}
	return list
}
