package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
)

// maxShownSuspects is how many files of a bottle are named outside of a pull.
const maxShownSuspects = 5

// suspects returns what a bottle that has ended left in folders of the host for programs
// there to run, until the person has seen to it.
func suspects(ctx context.Context, b control.Bottle) (found []bottle.Suspect, problems []string) {
	if b.Status.Alive() {
		return nil, nil
	}
	dir, err := env.BottleDir(b.ID)
	if err != nil {
		return nil, nil // it has no folder
	}
	found, problems, err = bottle.Quarantine(ctx, dir)
	if err != nil {
		problems = append(problems, err.Error())
	}
	return found, problems
}

// tellSuspects says what waits for the person. It is no matter of --quiet.
func (a *app) tellSuspects(ctx context.Context, b control.Bottle) {
	found, problems := suspects(ctx, b)
	if text := suspectsText(b.ID, found, problems); text != "" {
		fmt.Fprint(a.std.err, text)
	}
}

func suspectsText(id string, found []bottle.Suspect, problems []string) string {
	var t strings.Builder
	if len(found) > 0 {
		fmt.Fprintf(&t, "warning: %s left in your folders what programs of this host run by themselves (%d); look at it before you work there:\n", id, len(found))
	}
	for i, s := range found {
		if i == maxShownSuspects {
			fmt.Fprintf(&t, "  and %d more\n", len(found)-i)
			break
		}
		fmt.Fprintf(&t, "  %s: %s\n", escape.Text(s.Path), escape.Text(s.Why))
	}
	if len(found) > 0 {
		fmt.Fprintf(&t, "  all of it: bottle pull --dry-run %s; when you have seen it: bottle pull %s --accept PATH\n", id, id)
	}
	for _, p := range problems {
		fmt.Fprintf(&t, "warning: whether %s left what programs of this host run by themselves cannot be told: %s\n", id, escape.Text(p))
	}
	return t.String()
}

// tellSuspectsOf says what waits of earlier bottles of a workspace.
func (a *app) tellSuspectsOf(ctx context.Context, workspace string) {
	list, _ := control.All(ctx, env) // of one that cannot be read, ls says so
	for _, b := range list {
		if b.Workspace == workspace {
			a.tellSuspects(ctx, b)
		}
	}
}
