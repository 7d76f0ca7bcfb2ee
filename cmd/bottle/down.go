package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
)

func (a *app) downCmd() *cobra.Command {
	var force, all bool
	cmd := &cobra.Command{
		Use:        "down [ID|NAME…]",
		Short:      "End a bottle and remove its files",
		SuggestFor: []string{"stop", "kill", "rm"},
		Long: `End a bottle, if it runs, and remove its copy of the workspace, its home and its
journal. Without an argument it is the bottle whose workspace is here.

Work that is only in the bottle is a reason to refuse, unless --force: commits,
files of the workspace that git did not ignore when the bottle began, and files in
the agent's home, but for what tools keep there (names that begin with a dot, go,
node_modules). The commands that take it over are printed then.`,
		ValidArgsFunction: completeBottles(0, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs := make([][]string, 0, len(args))
			for _, arg := range args {
				refs = append(refs, []string{arg})
			}
			switch {
			case all && len(args) > 0:
				return errors.New("--all needs no names")
			case all:
				list, err := control.All(cmd.Context(), env)
				if err != nil {
					return err
				}
				for _, b := range list {
					refs = append(refs, []string{b.ID})
				}
			case len(args) == 0:
				refs = [][]string{nil}
			}
			var errs []error
			for _, ref := range refs {
				errs = append(errs, a.down(cmd.Context(), ref, force))
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "lose work that is only in the bottle")
	cmd.Flags().BoolVar(&all, "all", false, "every bottle of this user")
	return cmd
}

func (a *app) down(ctx context.Context, ref []string, force bool) error {
	b, err := a.find(ctx, ref, false)
	if err != nil {
		return err
	}
	dir, err := env.BottleDir(b.ID)
	if err != nil {
		return err
	}
	if !force {
		if err := refuseWork(ctx, b.Bottle, dir); err != nil {
			return err
		}
	}
	if err := shutdown(ctx, b, force); err != nil {
		return err
	}
	if !force && b.Status == control.Running {
		// What it did until its end counts too.
		if err := refuseWork(ctx, b.Bottle, dir); err != nil {
			return err
		}
	}
	if err := remove(ctx, b, dir); err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "%s is gone\n", b.ID)
	}
	return nil
}

// How often, and how long apart, a bottle's lock is tried: who lets it go has
// answered that the bottle ended, and may take a moment more to be gone.
const removeTries, removePause = 20, 100 * time.Millisecond

// remove deletes all that there is of a bottle that has ended. One that is
// still served after removeTries is an error that wraps state.ErrLocked.
func remove(ctx context.Context, b control.Bottle, dir string) error {
	files := func() error { return bottle.RemoveFiles(ctx, dir) }
	for n := 1; ; n++ {
		err := control.Remove(env, b, files)
		if n == removeTries || !errors.Is(err, state.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(removePause):
		}
	}
}

func shutdown(ctx context.Context, b control.Bottle, force bool) error {
	switch b.Status {
	case control.Stopped, control.Dead:
		return nil
	case control.Running:
	default:
		return fmt.Errorf("%s is %s and cannot be ended: %w", b.ID, b.Status, b.Problem)
	}
	c, err := control.Dial(ctx, b.Socket)
	if errors.Is(err, control.ErrNotRunning) {
		return nil // it ended meanwhile
	}
	if err != nil {
		return err
	}
	return c.Shutdown(ctx, force)
}

// maxShownWork is how many paths a refusal names.
const maxShownWork = 10

// refuseWork is an error with the work that is only in a bottle, and with the
// commands that bring it out.
func refuseWork(ctx context.Context, r state.Bottle, dir string) error {
	work, err := bottle.Unpulled(ctx, dir)
	if errors.Is(err, workspace.ErrNoBase) {
		return nil // the copy was never finished, so nothing ran in it
	}
	if err != nil {
		return fmt.Errorf("whether %s has work that is nowhere else cannot be told, so nothing was removed (--force removes it): %w", r.ID, err)
	}
	if work.None() {
		return nil
	}
	var b strings.Builder
	for i, c := range work.Changes.Items {
		if i == maxShownWork {
			break
		}
		fmt.Fprintf(&b, "\n  %s %s", c.Kind, escape.Text(c.Path))
		if c.Detail != "" {
			fmt.Fprintf(&b, " (%s)", escape.Text(c.Detail))
		}
	}
	if more := work.Changes.Total - maxShownWork; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	if commands := bottle.TakeOver(r, dir, work); len(commands) > 0 {
		b.WriteString("\nThis takes it over (look at it first: an agent wrote it):")
		for _, c := range commands {
			b.WriteString("\n  " + c)
		}
	}
	return fmt.Errorf("%s has work that is nowhere else, so nothing was removed. It is in %s:%s\nWhen it is taken over, or to lose it: bottle down --force %s",
		r.ID, dir+"/workspace", b.String(), r.ID)
}
