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
	"github.com/bot-bottle/bottle/vm"
)

func (a *app) downCmd() *cobra.Command {
	var force, all bool
	cmd := &cobra.Command{
		Use:        "down [ID|NAME…]",
		Short:      "End a bottle and remove its files",
		SuggestFor: []string{"stop", "kill", "rm"},
		Long: `End a bottle, if it runs, and remove its copy of the workspace, its home and its
journal. Without an argument it is the bottle whose workspace is here; of several,
those that have ended and have no work.

Work that is only in the bottle is a reason to refuse, unless --force: commits,
files of the workspace that git did not ignore when the bottle began, and files in
the agent's home, but for what tools keep there (names that begin with a dot, go,
node_modules). "bottle pull" takes it over, "bottle pull --dry-run" only looks.`,
		ValidArgsFunction: completeBottles(0, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs := make([][]string, 0, len(args))
			for _, arg := range args {
				refs = append(refs, []string{arg})
			}
			switch {
			case all && len(args) > 0:
				return errors.New("--all is every bottle: leave it out to name some, or name none")
			case all:
				list, err := control.All(cmd.Context(), env)
				if err != nil {
					return err
				}
				for _, b := range list {
					refs = append(refs, []string{b.ID})
				}
				gone, err := a.orphans(cmd.Context(), list)
				if err != nil {
					return err
				}
				for _, id := range gone {
					refs = append(refs, []string{id})
				}
			case len(args) == 0:
				refs = [][]string{nil}
			}
			var errs []error
			for _, ref := range refs {
				errs = append(errs, a.down(cmd.Context(), ref, force))
			}
			if a.json {
				errs = append(errs, a.printJSON(downOutput{Removed: append([]string{}, a.removed...)}))
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
	var many *control.AmbiguousError
	if errors.As(err, &many) && len(ref) == 0 && !force {
		return a.clear(ctx, many)
	}
	if err != nil && len(ref) == 1 {
		if was, oerr := a.removeOrphan(ctx, ref[0]); was {
			return oerr
		}
	}
	if err != nil {
		return err
	}
	dir, err := env.BottleDir(b.ID)
	if err != nil {
		return err
	}
	if err := canEnd(b); err != nil {
		return err
	}
	if !force {
		if err := a.refuseWork(ctx, b); err != nil {
			return err
		}
		if err := a.askToEnd(ctx, b); err != nil {
			return err
		}
	}
	if err := shutdown(ctx, b, force); err != nil {
		return err
	}
	if !force && b.Status == control.Running {
		// What it did until its end counts too.
		if err := a.refuseWork(ctx, b); err != nil {
			return err
		}
	}
	b.Status = control.Stopped
	a.tellSuspects(ctx, b) // the list goes with the bottle
	if err := remove(ctx, b, dir, a.backends()); err != nil {
		return err
	}
	a.sayGone(b.ID)
	return nil
}

// sayGone tells of a bottle that was removed.
func (a *app) sayGone(id string) {
	a.removed = append(a.removed, id)
	if !a.quiet && !a.json {
		fmt.Fprintf(a.std.err, "%s is gone\n", id)
	}
}

// clear removes those of several bottles of a folder that have ended and have no
// work. The error names the others.
func (a *app) clear(ctx context.Context, many *control.AmbiguousError) error {
	var stay []control.Bottle
	for _, b := range many.Candidates {
		if b.Status.Alive() || a.removeWithoutWork(ctx, b.ID) != nil {
			stay = append(stay, b)
			continue
		}
		a.sayGone(b.ID)
	}
	if len(stay) == 0 {
		return nil
	}
	var text strings.Builder
	for _, b := range stay {
		why := "has work that is nowhere else: bottle pull " + b.ID + " takes it over"
		if b.Status.Alive() {
			why = "is " + string(b.Status)
		} else if found, _ := suspects(ctx, b); len(found) > 0 {
			why = "left what programs of this host run by themselves: bottle pull " + b.ID + " lists it"
		}
		fmt.Fprintf(&text, "\n  %s  %s", b.ID, why)
	}
	return fmt.Errorf("of the bottles of %s these stay, say which by its id (bottle down ID):%s", escape.Text(many.What), text.String())
}

// removeWithoutWork removes a bottle that has ended, unless there is work in it,
// which is errWork, or whether there is any cannot be told.
func (a *app) removeWithoutWork(ctx context.Context, id string) error {
	b, err := a.find(ctx, []string{id}, false)
	if err != nil {
		return err
	}
	if b.Status.Alive() {
		return fmt.Errorf("it is %s", b.Status)
	}
	if err := a.refuseWork(ctx, b); err != nil {
		return err
	}
	dir, err := env.BottleDir(id)
	if err != nil {
		return err
	}
	if found, _ := suspects(ctx, b); len(found) > 0 {
		return errSuspects
	}
	return remove(ctx, b, dir, a.backends())
}

// askToEnd asks before it ends an agent that runs, where somebody can answer.
func (a *app) askToEnd(ctx context.Context, b control.Bottle) error {
	if b.Status != control.Running || !a.interactive() {
		return nil
	}
	return a.insist(ctx, b.ID+" still runs. End it?", "it runs on (bottle pull --dry-run only looks)")
}

// How often, and how long apart, a bottle's lock is tried: who lets it go has
// answered that the bottle ended, and may take a moment more to be gone.
const removeTries, removePause = 20, 100 * time.Millisecond

// remove deletes all that there is of a bottle that has ended. One that is
// still served after removeTries is an error that wraps state.ErrLocked.
func remove(ctx context.Context, b control.Bottle, dir string, backends []vm.Backend) error {
	files := func() error {
		if err := bottle.RemoveMachine(ctx, b.Bottle, backends); err != nil {
			return err
		}
		return bottle.RemoveFiles(ctx, dir)
	}
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

// canEnd refuses a bottle whose process is there and cannot be asked.
func canEnd(b control.Bottle) error {
	switch b.Status {
	case control.Stopped, control.Dead, control.Running:
		return nil
	}
	return fmt.Errorf("%s is %s and cannot be ended: %w", b.ID, b.Status, b.Problem)
}

func shutdown(ctx context.Context, b control.Bottle, force bool) error {
	if b.Status != control.Running {
		return nil
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

var errWork = errors.New("has work that is nowhere else")

// errSuspects keeps a bottle that nobody named from being removed with its list.
var errSuspects = errors.New("it left in your folders what programs of this host run by themselves, which you have not seen to")

// refuseWork is an error with the work that is only in a bottle, and with what
// brings it out.
func (a *app) refuseWork(ctx context.Context, b control.Bottle) error {
	work, err := a.pulled(ctx, b, bottle.PullOptions{DryRun: true})
	if errors.Is(err, workspace.ErrNoBase) {
		return nil // the copy was never finished, so nothing ran in it
	}
	if err != nil {
		return fmt.Errorf("whether %s has work that is nowhere else cannot be told, so nothing was removed (--force removes it): %w", b.ID, err)
	}
	if work.Lost() == 0 {
		return nil
	}
	var text strings.Builder
	shown := 0
	for _, s := range pullStates(work) {
		for _, item := range s.list.Items {
			if !item.Kept && shown < maxShownWork {
				shown++
				text.WriteString("\n  " + pullLine(s.name, item))
			}
		}
	}
	if more := work.Lost() - shown; more > 0 {
		fmt.Fprintf(&text, "\n  and %d more", more)
	}
	if gone := ignoredText(work.Ignored); gone != "" {
		text.WriteString("\nIgnored, and gone with the bottle: " + gone)
	}
	if work.Taken.Total+work.Conflicts.Total > 0 {
		text.WriteString("\nTo take it over: bottle pull " + b.ID)
	}
	return fmt.Errorf("%s %w, so nothing was removed:%s\nTo lose it: bottle down --force %s", b.ID, errWork, text.String(), b.ID)
}
