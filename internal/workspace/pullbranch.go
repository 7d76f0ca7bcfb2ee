package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// branchTop is the folder of the branches that pulls make: bottle/ID for each.
const branchTop = "refs/heads/bottle"

// branch makes the branch of the bottle on the host, at the commit that the agent's
// work tree is at, or moves it forward, and returns which one it is. There is none for
// what a ref of the host's own leads to. What hinders it costs only the branch: the
// commits are in a ref by then, or in one that the host had. Had says that the host had
// the commit before.
func (r *repoPull) branch(at pulledRef, had bool) string {
	item := PullItem{Change: Change{Branch, r.rel, at.name}, Kept: true}
	name, err := r.branchFor(at.hash, had)
	switch {
	case err == nil && (name == "" || r.branches.at[name] == at.hash):
		return name
	case err == nil:
		err = r.put(r.branches, name, at.hash)
	}
	r.out.Kept++ // it is the commits that can be lost
	if err != nil {
		item.Reason = err.Error()
		if as := r.refOf(at); as != "" {
			item.Reason += "; the commits are in " + as
		}
		r.out.Left.add(item)
		return ""
	}
	item.As = name
	r.out.Taken.add(item)
	return name
}

// branchFor returns the branch for a commit, which may have to be made or moved, or
// none if no branch is needed.
func (r *repoPull) branchFor(hash plumbing.Hash, had bool) (string, error) {
	name := branchTop + "/" + r.opts.ID
	for n := 1; n <= maxRefNumber; n++ {
		if at := numbered(name, n); r.branches.at[at] == hash {
			return at, nil
		}
	}
	if had {
		if own, err := r.inOwnRefs(hash); own || err != nil {
			return "", err
		}
	}
	short := strings.TrimPrefix(name, "refs/heads/")
	kind, _, err := r.both.read(hash)
	if err == nil && kind != plumbing.CommitObject {
		err = errors.New("what the agent's HEAD is at is no commit")
	}
	if err != nil {
		return "", fmt.Errorf("no branch %s is made: %w", short, err)
	}
	if _, taken := r.branches.at[branchTop]; taken {
		return "", fmt.Errorf("no branch %s can be made beside your branch %q, whose name git needs as that of a folder", short, "bottle")
	}
	if r.branches.busy, err = checkedOut(r.g.common); err != nil {
		return "", fmt.Errorf("no branch %s is made, as which ones are checked out cannot be told: %w", short, err)
	}
	return r.branches.free(name, hash, true)
}

// inOwnRefs reports whether a ref of the host's leads to a commit, other than those
// below refs/bottle/ID.
func (r *repoPull) inOwnRefs(hash plumbing.Hash) (bool, error) {
	tips, err := tipsOf(r.g.common, r.refs.top)
	if err != nil {
		return false, err
	}
	return r.there.walk(tips, map[plumbing.Hash]struct{}{}, hash)
}

// headFiles are what of a work tree names a branch that it is on, or that a rebase
// will move when it ends.
var headFiles = []string{"HEAD", "rebase-merge/head-name", "rebase-apply/head-name"}

// checkedOut returns the refs that work trees of a repository are on. Git moves none of
// them for somebody else: the index and the files would be those of another commit.
func checkedOut(common *dir) (map[string]bool, error) {
	refs := map[string]bool{}
	if err := headsOf(common, refs); err != nil {
		return nil, err
	}
	err := worktrees(common, func(wt *dir, name string) error {
		if err := headsOf(wt, refs); err != nil {
			return fmt.Errorf("worktrees/%s: %w", name, err)
		}
		return nil
	})
	return refs, err
}

func headsOf(git *dir, refs map[string]bool) error {
	for _, file := range headFiles {
		d, name, err := lookup(git, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		data, err := d.readSmall(name, maxRefFile)
		d.close()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		text := strings.TrimSpace(string(data))
		if name == "HEAD" {
			text, _ = strings.CutPrefix(text, "ref:")
		}
		refs[strings.TrimSpace(text)] = true // a hash is the name of none
	}
	return nil
}
