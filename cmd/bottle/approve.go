package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/supervise"
)

func (a *app) approveCmd() *cobra.Command {
	return a.answerCmd(true, &cobra.Command{
		Use:   "approve ID",
		Short: "Say yes to a question of a bottle",
		Long: `Say yes to a question that "bottle ask ls" lists. By itself a yes is for what
waits now, for one push of a ref that an agent asked for, or for what else an agent
asked beforehand, until the bottle ends. What a lasting yes gives stands with the
question: the host and methods of the request, and the paths and secrets of the route
that asked, or the ref of a push. No yes gets past a route that denies.`,
		Example: "  bottle approve k7m2qxw4-17\n  bottle approve k7m2qxw4-17 --always",
	})
}

func (a *app) denyCmd() *cobra.Command {
	return a.answerCmd(false, &cobra.Command{
		Use:     "deny ID",
		Short:   "Say no to a question of a bottle",
		Long:    `Say no to a question that "bottle ask ls" lists. By itself a no is for what waits now.`,
		Example: "  bottle deny k7m2qxw4-17 --reason 'use the mirror'",
	})
}

// answerCmd completes a command that answers questions.
func (a *app) answerCmd(allow bool, cmd *cobra.Command) *cobra.Command {
	var session, always bool
	v := supervise.Verdict{Allow: allow}
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = a.completeQuestions
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case session:
			v.Scope = supervise.Session
		case always:
			v.Scope = supervise.Always
		}
		return a.answer(cmd.Context(), args[0], v)
	}
	f := cmd.Flags()
	f.BoolVar(&session, "session", false, "for all like it, until the bottle ends")
	f.BoolVar(&always, "always", false, "write it into the project's manifest, as a route or a rule for pushes")
	cmd.MarkFlagsMutuallyExclusive("session", "always")
	f.StringVar(&v.Reason, "reason", "", "a `text` that the agent is told")
	offer(cmd, "reason")
	return cmd
}

// answer answers the question, whichever bottle it is of.
func (a *app) answer(ctx context.Context, id string, v supervise.Verdict) error {
	c, err := a.askedBy(ctx, id)
	if err != nil {
		return err
	}
	var r supervise.AnswerReply
	if err := c.Call(ctx, supervise.OpAnswer, supervise.AnswerCall{ID: id, Verdict: v}, &r); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: %s\n", answerText(&r))
	}
	return nil
}

func answerText(r *supervise.AnswerReply) string {
	did := "denied"
	if r.Verdict.Allow {
		did = "allowed"
	}
	how := map[supervise.Scope]string{
		supervise.Once: "once", supervise.Session: "until the bottle ends", supervise.Always: "from now on, as the manifest says",
	}[r.Verdict.Scope]
	return fmt.Sprintf("%s %s: %s", did, how, escape.TextMax(r.Question.Subject(), 300))
}

// askedBy returns the bottle that a question is of.
func (a *app) askedBy(ctx context.Context, id string) (*control.Client, error) {
	list, err := allQuestions(ctx, a.warn)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return a.dial(ctx, []string{list[i].Bottle})
		}
	}
	return nil, errors.New(escape.Text(id) + " waits for no answer in any bottle that runs: it was answered, its time ran out, or whoever asked has gone; \"bottle ask ls\" lists what waits")
}

// completeQuestions offers the ids of what waits.
func (a *app) completeQuestions(cmd *cobra.Command, args []string, _ string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, _ := allQuestions(cmd.Context(), func(error) {}) // a shell has no place for it
	for i := range all {
		list = append(list, cobra.CompletionWithDesc(all[i].ID, escape.TextMax(all[i].Subject(), 80)))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
