package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/supervise"
)

func (a *app) askCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ask",
		Short: "See what waits for your answer",
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.askLsCmd())
	return cmd
}

func (a *app) askLsCmd() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "ls [ID|NAME]",
		Short: "List the questions that wait for your answer",
		Long: `List what waits: the requests that a route with action ask (or default: ask)
holds, and what agents ask for by themselves. Without an argument it is that of all
bottles. Answer with "bottle approve" or "bottle deny"; no answer in time is a no.`,
		Example: "  bottle ask ls\n  bottle ask ls --watch claude-7kq2m",
		Args:    cobra.MaximumNArgs(1),

		ValidArgsFunction: completeBottles(1, true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if watch {
				return a.watchQuestions(cmd.Context(), args)
			}
			var list []supervise.Question
			var err error
			if len(args) > 0 {
				var c *control.Client
				if c, err = a.dial(cmd.Context(), args); err == nil {
					list, err = questions(cmd.Context(), c)
				}
			} else {
				list, err = allQuestions(cmd.Context(), a.warn)
			}
			if err != nil {
				return err
			}
			return a.printQuestions(list)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print each question of one bottle as it comes, until the bottle ends")
	return cmd
}

func (a *app) printQuestions(list []supervise.Question) error {
	if a.json {
		if list == nil {
			list = []supervise.Question{}
		}
		return a.printJSON(list)
	}
	if len(list) == 0 && !a.quiet {
		fmt.Fprintln(a.std.err, "bottle: nothing waits for an answer")
	}
	for i := range list {
		if err := printQuestion(a.std.out, &list[i], time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// printQuestion shows a question. All that the agent wrote is escaped, and each
// text of its own stands behind a word of ours.
func printQuestion(w io.Writer, q *supervise.Question, now time.Time) error {
	fmt.Fprintf(w, "%s  %s  %s\n", q.ID, escape.Word(q.Bottle), escape.TextMax(q.Subject(), 300))
	for _, line := range questionLines(q, now) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func questionLines(q *supervise.Question, now time.Time) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	left := q.Until.Sub(now).Round(time.Second)
	if q.Waiting > 0 {
		say("%s; %s left, then it is a no", waitingText(q.Waiting), left)
	} else {
		say("%s left, then it is a no", left)
	}
	if shown := escape.Host(q.Host); shown != q.Host {
		say("the host is %s", shown)
	}
	if q.Rule != "" {
		say("asked by: %s", escape.Text(q.Rule))
	}
	if q.Reason != "" {
		say("the agent says: \"%s\"", escape.TextMax(q.Reason, 500))
	}
	if q.Length > 0 {
		say("body: %d bytes", q.Length)
	}
	for _, line := range q.Detail {
		say("%s", escape.TextMax(line, 300))
	}
	for _, f := range q.Findings {
		say("found: %s in the %s at offset %d (%s)", escape.Text(f.Rule), escape.Text(f.Where), f.Offset, escape.Text(f.Action))
	}
	for _, r := range q.Reach {
		say("with --session or --always: %s", r)
	}
	if q.Effect != "" {
		say("no lasting yes: %s", escape.Text(q.Effect))
	}
	return lines
}

func waitingText(n int) string {
	if n == 1 {
		return "1 request waits"
	}
	return fmt.Sprintf("%d requests wait", n)
}

// questions asks a bottle for what waits.
func questions(ctx context.Context, c *control.Client) (list []supervise.Question, err error) {
	err = c.Call(ctx, supervise.OpQuestions, supervise.QuestionsCall{}, &list)
	return list, err
}

func (a *app) warn(err error) { fmt.Fprintf(a.std.err, "warning: %s\n", escape.Text(err.Error())) }

// allQuestions asks all bottles that run. One that gives no answer is no reason to
// keep silent about the others.
func allQuestions(ctx context.Context, warn func(error)) (list []supervise.Question, err error) {
	all, err := control.All(ctx, env)
	if len(all) == 0 && err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.Status != control.Running {
			continue
		}
		c, err := control.Dial(ctx, b.Socket)
		var of []supervise.Question
		if err == nil {
			of, err = questions(ctx, c)
		}
		if err != nil {
			warn(err)
			continue
		}
		list = append(list, of...)
	}
	return list, nil
}

// watchQuestions prints each question once.
func (a *app) watchQuestions(ctx context.Context, args []string) error {
	c, err := a.dial(ctx, args)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	err = c.Stream(ctx, supervise.OpQuestions, supervise.QuestionsCall{Watch: true}, nil, func(m json.RawMessage) error {
		var list []supervise.Question
		if err := json.Unmarshal(m, &list); err != nil {
			return err
		}
		now := map[string]bool{}
		for i := range list {
			q := &list[i]
			now[q.ID] = true
			if seen[q.ID] {
				continue
			}
			if a.json {
				err = a.printJSONLine(q)
			} else {
				err = printQuestion(a.std.out, q, time.Now())
			}
			if err != nil {
				return err
			}
		}
		seen = now
		return nil
	})
	if ctx.Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) { // that is how it ends
		return nil
	}
	return err
}
