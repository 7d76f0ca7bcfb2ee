package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/demo"
)

func (a *app) demoCmd() *cobra.Command {
	var session bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show in a few seconds what bottle does; needs no network and no account",
		Long: `Run a scripted agent in a real sandbox behind a real proxy, against a small TLS
server in this process that plays the internet, and show what the agent saw, what
the server received and what the journal says. The exit code is 1 unless all of
it is as promised. Nothing stays behind.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if session {
				return demo.Inner(cmd.Context(), a.std.out)
			}
			return a.demo(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&session, "session", false, "")
	_ = cmd.Flags().MarkHidden("session")
	return cmd
}

func (a *app) demo(ctx context.Context) error {
	self, err := program()
	if err != nil {
		return err
	}
	bar := a.progress()
	defer bar.done()
	report, err := demo.Run(ctx, demo.Options{Backend: a.backend(), Program: self, Progress: bar.show})
	if err != nil {
		return err
	}
	bar.done()
	if a.json {
		err = a.printJSON(report)
	} else {
		err = report.Write(a.std.out)
	}
	switch {
	case err != nil:
		return err
	case !report.Kept():
		return &exitError{code: exitFound, err: fmt.Errorf("the demo did not come out as promised: \"bottle doctor\" says what this host lacks")}
	case !a.json:
		_, err = fmt.Fprintln(a.std.out, "Everything came out as promised. Next: \"bottle init\" in a project of yours writes a bottle.yaml; then \"bottle up -- COMMAND\".")
	}
	return err
}
