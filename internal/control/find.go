package control

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/state"
)

// Query says which bottle is meant.
type Query struct {
	// Ref is an id, or a name that only one bottle has.
	Ref string
	// Dir, when Ref is empty, is the folder of whose workspace the bottle is:
	// the workspace nearest to Dir counts, upwards.
	Dir string
	// Running leaves out bottles that do not run.
	Running bool
}

// ErrNotFound is wrapped by the error of Find about a bottle that is not there.
var ErrNotFound = errors.New("no such bottle")

// AmbiguousError is about a Query that more than one bottle answers.
type AmbiguousError struct {
	What       string // the name or the folder
	Candidates []Bottle
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is that of %d bottles: say which by its id:", escape.Text(e.What), len(e.Candidates))
	for _, c := range e.Candidates {
		fmt.Fprintf(&b, "\n  %s  %s  %s", c.ID, c.Status, escape.Text(c.Workspace))
	}
	return b.String()
}

// Find returns the bottle that is meant. The error wraps ErrNotFound,
// ErrNotRunning when only bottles that do not run would do, or is an
// *AmbiguousError.
func Find(ctx context.Context, env state.Env, q Query) (Bottle, error) {
	all, listErr := All(ctx, env)
	what, found := match(all, q)
	if len(found) == 0 {
		// A record that cannot be read may be the one.
		hint := "`bottle ls` shows those that there are"
		if q.Ref == "" {
			hint += ", `bottle up` starts one"
		}
		return Bottle{}, errors.Join(fmt.Errorf("%w: %s; %s", ErrNotFound, escape.Text(what), hint), listErr)
	}
	if q.Running {
		var alive []Bottle
		for _, b := range found {
			if b.Status.Alive() {
				alive = append(alive, b)
			}
		}
		if len(alive) == 0 {
			return Bottle{}, notRunning(found[len(found)-1])
		}
		found = alive
	}
	if len(found) > 1 {
		return Bottle{}, &AmbiguousError{What: what, Candidates: found}
	}
	return found[0], nil
}

func notRunning(b Bottle) error {
	switch {
	case b.Problem == nil:
		return fmt.Errorf("bottle %s is %w: it has ended; `bottle up` starts another", b.ID, ErrNotRunning)
	case errors.Is(b.Problem, ErrNotRunning): // which says of whom
		return b.Problem
	}
	return fmt.Errorf("bottle %s is %s: %w", b.ID, b.Status, b.Problem)
}

// match returns those that are meant, and words for what was asked.
func match(all []Bottle, q Query) (what string, found []Bottle) {
	if q.Ref == "" {
		return "the workspace " + q.Dir, inWorkspace(all, q.Dir)
	}
	for _, b := range all {
		if b.ID == q.Ref {
			return "the id " + q.Ref, []Bottle{b}
		}
		if b.Name == q.Ref {
			found = append(found, b)
		}
	}
	return "the name " + q.Ref, found
}

// inWorkspace returns the bottles of the innermost workspace that dir is in.
func inWorkspace(all []Bottle, dir string) []Bottle {
	for at := resolved(dir); ; at = filepath.Dir(at) {
		var found []Bottle
		for _, b := range all {
			if b.Workspace != "" && resolved(b.Workspace) == at {
				found = append(found, b)
			}
		}
		if len(found) > 0 || at == filepath.Dir(at) {
			return found
		}
	}
}

// resolved follows symbolic links as far as a path is there.
func resolved(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return filepath.Clean(path)
}
