package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/workspace"
)

func (a *app) diffCmd() *cobra.Command {
	var stat bool
	cmd := &cobra.Command{
		Use:   "diff [ID|NAME]",
		Short: "Show what bottle pull would bring",
		Long: `Show what the agent changed and you do not have: the refs with commits, the branch
that they would come to, and each file as it is now, committed or not, against yours,
in the format of git diff. What would be a conflict, or is never taken, is named with the reason, and its text is
indented, so that it is no part of the patch. Nothing is written.
Without an argument it is the bottle whose workspace is here; it may run.

What is not text, or has more than 1 MiB, is only named.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeBottles(1, false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diff(cmd.Context(), args, stat)
		},
	}
	cmd.Flags().BoolVar(&stat, "stat", false, "only count the lines of each file")
	return cmd
}

func (a *app) diff(ctx context.Context, ref []string, stat bool) error {
	b, err := a.findWork(ctx, ref)
	if err != nil {
		return err
	}
	out, err := a.pulled(ctx, b, bottle.PullOptions{DryRun: true})
	if errors.Is(err, workspace.ErrNoBase) {
		return fmt.Errorf("%s has no whole copy of the workspace, so there is nothing to compare: %w", b.ID, err)
	}
	if err != nil {
		return fmt.Errorf("look at the work of %s: %w", b.ID, err)
	}
	patches, err := patchesOf(b, out)
	if err != nil {
		return fmt.Errorf("look at the work of %s: %w", b.ID, err)
	}
	if a.json {
		return a.printJSON(diffJSON(b, out, patches))
	}
	a.sayNone(b, out)
	return printDiff(a.std.out, out, patches, stat)
}

// hasText are the kinds of items whose content is compared.
var hasText = []workspace.Kind{workspace.Added, workspace.Modified, workspace.Deleted, workspace.Executable}

// patchesOf are those of the items that have one, by their paths.
func patchesOf(b control.Bottle, out *workspace.Pulled) (map[string]*filePatch, error) {
	patches := map[string]*filePatch{}
	var sides *workspace.Sides
	for _, item := range slices.Concat(out.Taken.Items, out.Conflicts.Items, out.Left.Items) {
		if !slices.Contains(hasText, item.Kind) {
			continue
		}
		if sides == nil {
			dir, err := env.BottleDir(b.ID)
			if err != nil {
				return nil, err
			}
			if sides, err = bottle.OpenSides(b.Bottle, dir); err != nil {
				return nil, err
			}
			defer sides.Close()
		}
		host, work, err := sides.Read(item.Path)
		if err != nil {
			continue // the item's own line names it
		}
		patches[item.Path] = newPatch(item.Path, host, work)
	}
	return patches, nil
}

// printDiff prints the lines of a pull for what is no file's text, and behind them the
// patches. What a pull does not take is indented, so that what reads patches does not
// take it either.
func printDiff(w io.Writer, out *workspace.Pulled, patches map[string]*filePatch, stat bool) error {
	var b strings.Builder
	var text, held []*filePatch
	for _, s := range pullStates(out) {
		for _, item := range s.list.Items {
			p := patches[item.Path]
			switch {
			case p == nil || !slices.Contains(hasText, item.Kind):
				p = nil
			case s.name == "taken":
				text = append(text, p)
			default:
				held = append(held, p)
			}
			if p == nil || s.name != "taken" {
				b.WriteString(pullLine(s.name, item) + "\n")
			}
		}
		if more := s.list.Total - len(s.list.Items); more > 0 {
			fmt.Fprintf(&b, "%s: and %d more\n", s.name, more)
		}
	}
	var apart strings.Builder
	for i, p := range slices.Concat(text, held) {
		to := &b
		if i >= len(text) {
			to = &apart
		}
		if stat {
			to.WriteString(p.stat() + "\n")
		} else if err := p.write(to); err != nil {
			return err
		}
	}
	for line := range strings.Lines(apart.String()) {
		b.WriteString("    " + line)
	}
	_, err := io.WriteString(w, forScreen(w, b.String()))
	return err
}

// forScreen escapes what the agent wrote where it would reach a terminal. In a pipe a
// patch stays one that can be applied.
func forScreen(w io.Writer, text string) string {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		body := strings.TrimSuffix(line, "\n")
		fields := strings.Split(body, "\t")
		for j := range fields {
			fields[j] = escape.Text(fields[j])
		}
		lines[i] = strings.Join(fields, "\t") + line[len(body):]
	}
	return strings.Join(lines, "")
}

type diffOutput struct {
	pullOutput
	Files []diffFile `json:"files"`
}

type diffFile struct {
	Path    string `json:"path"`
	Added   int    `json:"added"`
	Deleted int    `json:"deleted"`
	Binary  bool   `json:"binary,omitempty"` // or too large to be compared
	Patch   string `json:"patch,omitempty"`
}

func diffJSON(b control.Bottle, out *workspace.Pulled, patches map[string]*filePatch) diffOutput {
	o := diffOutput{pullOutput: pullJSON(b, out), Files: []diffFile{}}
	for _, item := range o.Items {
		p := patches[item.Path]
		if p == nil || !slices.Contains(hasText, item.Kind) {
			continue
		}
		var text strings.Builder
		if err := p.write(&text); err != nil {
			continue // a builder takes everything
		}
		o.Files = append(o.Files, diffFile{item.Path, p.added, p.deleted, p.binary, text.String()})
	}
	return o
}
