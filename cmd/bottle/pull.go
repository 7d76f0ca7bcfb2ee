package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/shellword"
	"github.com/bot-bottle/bottle/internal/workspace"
)

func (a *app) pullCmd() *cobra.Command {
	var opt bottle.PullOptions
	cmd := &cobra.Command{
		Use:        "pull [ID|NAME]",
		Short:      "Take the work of a bottle over into your folder",
		SuggestFor: []string{"get", "fetch", "cp", "merge"},
		Long: `Take over what the agent changed: files as they are now, committed or not, and
commits. Those of its HEAD come as the branch bottle/ID, which is only ever moved
forward, and all of them to refs/bottle/ID. No other branch of yours is moved. Without
an argument it is the bottle whose workspace is here; it may run.

A file that you changed since is not overwritten: the agent's is put beside it, as
NAME.bottle-ID, and is listed until you have settled it. Links that lead out of the
project, a .git and the manifest are never taken; what programs of this host run by
themselves (.envrc, .vscode, the scripts of package.json and so on) waits for --accept,
and "bottle diff" shows it. When there is any of these, the
exit code is 1. What was pulled and is gone by now is taken again.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pull(cmd.Context(), args, opt)
		},
	}
	cmd.Flags().BoolVar(&opt.DryRun, "dry-run", false, "only list what would be taken")
	cmd.Flags().BoolVar(&opt.Force, "force", false, "make all that the agent changed as it is in the bottle, also what you changed")
	cmd.Flags().StringArrayVar(&opt.Accept, "accept", nil, "take this file or folder although programs of this host run it by themselves; may be repeated")
	return cmd
}

func (a *app) pull(ctx context.Context, ref []string, opt bottle.PullOptions) error {
	b, err := a.findWork(ctx, ref)
	if err != nil {
		return err
	}
	out, err := a.pulled(ctx, b, opt)
	if errors.Is(err, workspace.ErrNoBase) {
		return fmt.Errorf("%s has no whole copy of the workspace, so there is nothing to take: %w", b.ID, err)
	}
	if err != nil {
		return fmt.Errorf("take over the work of %s: %w", b.ID, err)
	}
	if a.json {
		err = a.printJSON(pullJSON(b, out))
	} else if err = printPulled(a.std.out, out); err == nil && !a.quiet {
		a.sayPulled(b, out, opt)
	}
	if err == nil && out.Conflicts.Total+out.Left.Total > 0 {
		err = &exitError{code: exitFound}
	}
	return err
}

// findWork finds the bottle whose work is meant.
func (a *app) findWork(ctx context.Context, ref []string) (control.Bottle, error) {
	b, err := a.find(ctx, ref, false)
	var many *control.AmbiguousError
	if errors.As(err, &many) && len(ref) == 0 {
		return a.withWork(ctx, many)
	}
	return b, err
}

// withWork returns the one of several bottles of a folder in which there is work that is
// nowhere else; with more, or none, it is the person who says which is meant.
func (a *app) withWork(ctx context.Context, many *control.AmbiguousError) (found control.Bottle, err error) {
	for _, b := range many.Candidates {
		work, err := a.pulled(ctx, b, bottle.PullOptions{DryRun: true})
		switch {
		case errors.Is(err, workspace.ErrNoBase):
		case err != nil || work.Lost() > 0 && found.ID != "":
			return control.Bottle{}, many
		case work.Lost() > 0:
			found = b
		}
	}
	if found.ID == "" {
		return control.Bottle{}, many
	}
	if !a.quiet {
		fmt.Fprintf(a.std.err, "bottle: the work of %s; the other bottles of this folder have none\n", found.ID)
	}
	return found, nil
}

// pulled pulls, and shows its progress.
func (a *app) pulled(ctx context.Context, b control.Bottle, opt bottle.PullOptions) (*workspace.Pulled, error) {
	dir, err := env.BottleDir(b.ID)
	if err != nil {
		return nil, err
	}
	p := a.progress()
	defer p.done()
	opt.Progress, opt.Backends, opt.Running = p.show, a.backends(), b.Status.Alive()
	return bottle.Pull(ctx, b.Bottle, dir, opt)
}

// pullStates are what became of an item.
func pullStates(out *workspace.Pulled) []struct {
	name string
	list workspace.List[workspace.PullItem]
} {
	return []struct {
		name string
		list workspace.List[workspace.PullItem]
	}{{"taken", out.Taken}, {"conflict", out.Conflicts}, {"stays", out.Left}}
}

// printPulled prints one line for each item.
func printPulled(w io.Writer, out *workspace.Pulled) error {
	for _, s := range pullStates(out) {
		for _, item := range s.list.Items {
			if _, err := fmt.Fprintln(w, pullLine(s.name, item)); err != nil {
				return err
			}
		}
		if more := s.list.Total - len(s.list.Items); more > 0 {
			if _, err := fmt.Fprintf(w, "%s: and %d more\n", s.name, more); err != nil {
				return err
			}
		}
	}
	return nil
}

// pullLine has what it is first; what is taken needs no word of it.
func pullLine(state string, i workspace.PullItem) string {
	var b strings.Builder
	if state != "taken" {
		b.WriteString(state + ": ")
	}
	fmt.Fprintf(&b, "%s %s", i.Kind, escape.Text(i.Path))
	if i.Detail != "" {
		fmt.Fprintf(&b, " (%s)", escape.Text(i.Detail))
	}
	if i.Target != "" {
		b.WriteString(" -> " + escape.Text(i.Target))
	}
	if i.Reason != "" {
		b.WriteString(": " + escape.Text(i.Reason))
	}
	switch {
	case i.As == "":
	case i.Kind == workspace.Commits || i.Kind == workspace.Branch:
		b.WriteString(" as " + escape.Text(strings.TrimPrefix(i.As, "refs/heads/")))
	default:
		b.WriteString("; the agent's is " + escape.Text(i.As))
	}
	return b.String()
}

// sayNone says that there is nothing to take.
func (a *app) sayNone(b control.Bottle, out *workspace.Pulled) {
	if out.None() && !a.quiet {
		fmt.Fprintf(a.std.err, "%s has nothing that you do not have\n", b.ID)
	}
}

// sayPulled says what to do next.
func (a *app) sayPulled(b control.Bottle, out *workspace.Pulled, opt bottle.PullOptions) {
	w := a.std.err
	a.sayNone(b, out)
	for _, h := range out.Heads {
		git := "git -C " + shellword.Word(filepath.Join(b.Workspace, strings.TrimPrefix(h.Repository, "modules/")))
		ref := shellword.Word(h.Ref)
		if len(h.Held) > 0 {
			fmt.Fprintf(w, "The agent's commits change what git or other programs here read or run: %s. Look at it before you take them over.\n", escape.Text(strings.Join(h.Held, ", ")))
		}
		switch {
		case escape.Text(h.Ref) != h.Ref || escape.Text(h.Repository) != h.Repository:
			fmt.Fprintf(w, "The files are there. The agent's commits are in %s at %s, a name with characters that are not shown as they are, so no command is printed with it.\n", escape.Text(h.Repository), escape.Text(h.Ref))
		case h.Forward:
			fmt.Fprintf(w, "The files are there. This moves your branch to the agent's commits, and changes no file:\n  %s reset %s\n", git, ref)
		case out.Conflicts.Total > 0:
			fmt.Fprintf(w, "Your branch has commits of its own. Settle the conflicts and commit first; then this merges the agent's:\n  %s merge %s\n", git, ref)
		default:
			fmt.Fprintf(w, "The files are there. Your branch has commits of its own; this merges the agent's:\n  %s%s merge --autostash %s\n", addAgents(git, ref, h), git, ref)
		}
	}
	if text := ignoredText(out.Ignored); text != "" {
		fmt.Fprintf(w, "Ignored, and gone with the bottle: %s\n", text)
	}
	switch {
	case opt.DryRun && out.Taken.Total+out.Conflicts.Total > 0:
		fmt.Fprintf(w, "Nothing was written. To take it: bottle pull %s\n", b.ID)
	case !opt.DryRun && onlyHere(out) == 0:
		fmt.Fprintf(w, "To remove the bottle: bottle down %s\n", b.ID)
	case !opt.DryRun:
		fmt.Fprintf(w, "What stays is in the bottle only. To remove it with the bottle: bottle down --force %s\n", b.ID)
	}
}

// onlyHere counts what no pull takes and the host has not.
func onlyHere(out *workspace.Pulled) int {
	n := out.Left.Total
	for _, item := range out.Left.Items {
		if item.Kept {
			n--
		}
	}
	return n
}

// maxAdded is how many files a printed command names.
const maxAdded = 20

// addAgents is the command, with what joins it to the next, that tells git of the
// agent's new files and of no other: by their names, or as those that its commits
// add where they are many or not known.
func addAgents(git, ref string, h workspace.Head) string {
	plain, words := !h.MoreAdded && len(h.Added) <= maxAdded, ""
	for _, name := range h.Added {
		plain = plain && escape.Text(name) == name && !strings.ContainsAny(name, `*?[]\:`)
		words += " " + shellword.Word(name)
	}
	switch {
	case !plain:
		return fmt.Sprintf("%s diff --name-only -z --diff-filter=A HEAD...%s | %s update-index -z --add --remove --stdin && ", git, ref, git)
	case words == "":
		return ""
	}
	return git + " add -f --" + words + " && "
}

// maxShownIgnored is how many ignored files and folders a line names.
const maxShownIgnored = 5

func ignoredText(list workspace.List[workspace.Ignored]) string {
	var parts []string
	for i, g := range list.Items {
		if i == maxShownIgnored {
			parts = append(parts, fmt.Sprintf("%d more", list.Total-i))
			break
		}
		text := escape.Text(g.Path)
		if g.More {
			text = fmt.Sprintf("%s (more than %d files)", text, g.Files)
		} else if g.Files > 1 {
			text = fmt.Sprintf("%s (%d files)", text, g.Files)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

type pullOutput struct {
	Bottle  string          `json:"bottle"`
	Items   []pullItem      `json:"items"`
	More    int             `json:"more,omitempty"` // items that are not listed
	Ignored []ignoredOutput `json:"ignored,omitempty"`
	Heads   []pullHead      `json:"heads,omitempty"`
}

type pullItem struct {
	State  string         `json:"state"` // taken, conflict or stays
	Kind   workspace.Kind `json:"kind"`
	Path   string         `json:"path"`
	Ref    string         `json:"ref,omitempty"`
	Target string         `json:"target,omitempty"`
	As     string         `json:"as,omitempty"`
	Kept   bool           `json:"kept,omitempty"` // the host has it, there or in a branch
	Reason string         `json:"reason,omitempty"`
}

type ignoredOutput struct {
	Path  string `json:"path"`
	Files int    `json:"files"`
	More  bool   `json:"more,omitempty"`
}

type pullHead struct {
	Repository string   `json:"repository"`
	Ref        string   `json:"ref"`
	Forward    bool     `json:"forward"`
	Held       []string `json:"held,omitempty"` // what git reads or runs, and its commits change
}

func pullJSON(b control.Bottle, out *workspace.Pulled) pullOutput {
	o := pullOutput{Bottle: b.ID, Items: []pullItem{}}
	for _, s := range pullStates(out) {
		for _, i := range s.list.Items {
			o.Items = append(o.Items, pullItem{s.name, i.Kind, i.Path, i.Detail, i.Target, i.As, i.Kept, i.Reason})
		}
		o.More += s.list.Total - len(s.list.Items)
	}
	for _, g := range out.Ignored.Items {
		o.Ignored = append(o.Ignored, ignoredOutput(g))
	}
	for _, h := range out.Heads {
		o.Heads = append(o.Heads, pullHead{h.Repository, h.Ref, h.Forward, h.Held})
	}
	return o
}
