package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/ui"
)

func (a *app) uiCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "ui [ID|NAME]",
		Short: "Watch a bottle and answer its questions, at a terminal",
		Long: `Watch what a bottle asks for as it happens, in another terminal than the agent's,
and answer the questions that wait with one key. The view may come and go: it reads
the journal and the control socket, and decides nothing by itself.`,
		Args: cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !isTerminal(a.std.in) || !isTerminal(a.std.out) {
				return errors.New("this is no terminal: \"bottle logs -f\" and \"bottle ask ls --watch\" tell the same line by line")
			}
			b, err := a.find(cmd.Context(), args, false)
			var many *control.AmbiguousError
			if errors.As(err, &many) {
				b, err = latest(many.Candidates), nil
			}
			if err != nil {
				return err
			}
			o := ui.Options{Bottle: b.ID, In: a.std.in, Out: a.std.out}
			if o.Journal, err = journalDir(b.ID); err != nil {
				return err
			}
			if b.Status == control.Running {
				if o.Client, err = control.Dial(cmd.Context(), b.Socket); err != nil {
					return err
				}
			}
			return ui.Run(cmd.Context(), o)
		},
	}
}
