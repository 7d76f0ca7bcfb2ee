package bottle

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// What an agent writes into a folder of the host is there at once, so nothing can be
// kept from it: what programs of the host run by themselves is listed, from the end of
// the bottle until the person has seen to it. What was there before is written down
// before the machine starts, so that a bottle that is killed hides nothing: whoever
// asks next looks.

// quarantineFile has what was there before, or what came since.
const quarantineFile = "quarantine"

// Suspect is a file or a git folder in a folder of the host that programs of the host
// run, and that is new or another since a bottle ran there.
type Suspect struct {
	Path string `json:"path"` // absolute
	Why  string `json:"why"`

	// How it was when it was found: one that is another by now was seen to.
	Inode    uint64    `json:"inode,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
}

// quarantine is what is written down.
type quarantine struct {
	// Before is, by folder, what workspace.FindGit found when the bottle started; nil
	// once it was looked at again.
	Before map[string]map[string]string `json:"before,omitempty"`
	Found  []Suspect                    `json:"found,omitempty"`
	// Problems are folders that could not be looked at, or not all of them.
	Problems []string `json:"problems,omitempty"`
}

func readQuarantine(dir string) (q quarantine, err error) {
	text, err := os.ReadFile(filepath.Join(dir, quarantineFile))
	if errors.Is(err, fs.ErrNotExist) {
		return q, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &q)
	}
	if err != nil {
		err = fmt.Errorf("what programs of this host run of what the agent wrote cannot be told: %w", err)
	}
	return q, err
}

// guard writes down what is there before the agent is.
func guard(ctx context.Context, dir string, before map[string]map[string]string) error {
	q, err := look(ctx, dir) // where a bottle is gone on with, it may not have been looked at
	if err != nil {
		return err
	}
	if len(before) == 0 && len(q.Found) == 0 {
		return nil
	}
	q.Before = before
	return state.WriteJSON(filepath.Join(dir, quarantineFile), q)
}

// look finds what came since the bottle whose state is in dir started.
func look(ctx context.Context, dir string) (quarantine, error) {
	q, err := readQuarantine(dir)
	if err != nil || q.Before == nil {
		return q, err
	}
	q.Problems = nil
	for _, top := range slices.Sorted(maps.Keys(q.Before)) {
		now, all, err := workspace.FindGit(ctx, top)
		switch {
		case ctx.Err() != nil:
			return q, ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			q.Problems = append(q.Problems, fmt.Sprintf("%s cannot be looked at: %v", top, err))
			continue
		case !all:
			q.Problems = append(q.Problems, top+" has too many folders to look at all of them")
		}
		for _, name := range slices.Sorted(maps.Keys(now)) {
			if now[name] != q.Before[top][name] {
				q.add(suspect(top, name))
			}
		}
	}
	q.Before = nil
	return q, state.WriteJSON(filepath.Join(dir, quarantineFile), q)
}

// add adds one that was found in a run before too, or in two folders of which one is in
// the other, once.
func (q *quarantine) add(s Suspect) {
	q.Found = slices.DeleteFunc(q.Found, func(o Suspect) bool { return o.Path == s.Path })
	if len(q.Found) < maxSuspects {
		q.Found = append(q.Found, s)
	} else if !slices.Contains(q.Problems, manySuspects) {
		q.Problems = append(q.Problems, manySuspects)
	}
}

// maxSuspects bounds what is listed of one bottle.
const maxSuspects = 1000

var manySuspects = fmt.Sprintf("more than %d files that programs of this host run by themselves are new or another: not all are listed", maxSuspects)

func suspect(top, name string) Suspect {
	s := Suspect{Path: filepath.Join(top, filepath.FromSlash(name))}
	why := workspace.RunsItself(name)
	switch {
	case why != "":
	case workspace.HasRunPart(name):
		why = "it names scripts or drivers"
	default:
		why = "its config can make git run programs"
	}
	s.Why = why
	s.Inode, s.Modified = identity(s.Path)
	return s
}

// identity tells a file from what takes its place, or was written into it. A folder is
// the same whatever comes into it: git itself writes there at a mere status.
func identity(name string) (inode uint64, modified time.Time) {
	info, err := os.Lstat(name)
	if err != nil {
		return 0, time.Time{}
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	if info.IsDir() {
		return inode, time.Time{}
	}
	return inode, info.ModTime().UTC()
}

// stands reports whether it is there as it was found.
func (s Suspect) stands() bool {
	inode, modified := identity(s.Path)
	return inode != 0 && inode == s.Inode && modified.Equal(s.Modified)
}

// Quarantine returns what programs of the host would run of what the agent of a bottle
// wrote into folders of the host, and the person has not seen to: changed, removed or
// accepted. dir is the folder of the state of a bottle that does not run; where its
// process was killed, its folders are looked at now. problems says where that cannot be.
func Quarantine(ctx context.Context, dir string) (found []Suspect, problems []string, err error) {
	q, err := look(ctx, dir)
	return slices.DeleteFunc(q.Found, func(s Suspect) bool { return !s.stands() }), q.Problems, err
}

// accept takes what the person has seen from the list: files by their path, or a folder
// that they are in. Paths are absolute, or below the workspace.
func accept(ctx context.Context, dir, workspaceAt string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	q, err := look(ctx, dir)
	if err != nil || len(q.Found) == 0 {
		return err
	}
	before := len(q.Found)
	q.Found = slices.DeleteFunc(q.Found, func(s Suspect) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			if !filepath.IsAbs(name) {
				name = filepath.Join(workspaceAt, name)
			}
			name = filepath.Clean(name)
			return s.Path == name || paths.Below(s.Path, name)
		})
	})
	if len(q.Found) == before {
		return nil
	}
	return state.WriteJSON(filepath.Join(dir, quarantineFile), q)
}

// pullQuarantine adds to a pull what waits for the person in folders of the host, where
// the bottle does not run any more.
func pullQuarantine(ctx context.Context, r state.Bottle, dir string, opt PullOptions, out *workspace.Pulled) error {
	if opt.Running {
		return nil
	}
	if !opt.DryRun {
		if err := accept(ctx, dir, r.Workspace, opt.Accept); err != nil {
			return err
		}
	}
	found, problems, err := Quarantine(ctx, dir)
	if err != nil {
		return err
	}
	left := func(item workspace.PullItem) {
		item.Kept = true
		out.Left.Items = append(out.Left.Items, item)
		out.Left.Total++
		out.Kept++
	}
	for _, s := range found {
		name := s.Path
		if rel, err := filepath.Rel(r.Workspace, s.Path); err == nil && filepath.IsLocal(rel) {
			name = filepath.ToSlash(rel)
		}
		left(workspace.PullItem{Change: workspace.Change{Kind: workspace.Written, Path: name},
			Reason: "it is in your folder already, and on this host " + cmp.Or(s.Why, "something runs it") + ": look at it, then say so with --accept " + path.Clean(name)})
	}
	for _, p := range problems {
		left(workspace.PullItem{Change: workspace.Change{Kind: workspace.Unreadable, Path: strings.TrimSpace(p)}})
	}
	return nil
}
