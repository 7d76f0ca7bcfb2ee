package workspace

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// What is taken over of a git folder, besides HEAD, config and objects. Each
// is a file or a folder of files; what is not there is left out.
// ORIG_HEAD is not among them: it leads to what was reset away.
var (
	ownParts = []string{ // of the worktree
		"index", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG",
		"CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "rebase-merge", "rebase-apply", "sequencer",
		"info/sparse-checkout",
	}
	ownRefs     = []string{"refs/bisect", "refs/worktree", "refs/rewritten"}
	sharedParts = []string{
		// Loose refs before the packed ones: git packs a ref before it removes
		// the loose one.
		"refs", "packed-refs", "reftable", "logs/refs/stash", "shallow", "info/exclude", "info/attributes", "info/grafts",
	}
)

// gitParts copies all of a git folder but objects and config.
func (c *copier) gitParts(g *gitFolder, to *dir, shown string) error {
	head, err := g.git.readSmall("HEAD", maxGitFile)
	if err != nil {
		return &unreadable{shown + "/HEAD", err}
	}
	text := strings.TrimSpace(string(head))
	ref, symbolic := strings.CutPrefix(text, "ref: refs/")
	if _, ok := refName(ref); !ok || !symbolic && !objectName.MatchString(text) {
		return &unreadable{shown + "/HEAD", errNoRepository}
	}
	names, err := g.git.entries()
	if err != nil {
		return &unreadable{shown, err}
	}
	own := append([]string{"HEAD"}, ownParts...)
	for _, name := range names {
		if strings.HasPrefix(name, "sharedindex.") {
			own = append(own, name)
		}
	}
	// An empty refs and objects make it a repository even before its first
	// commit.
	for _, name := range []string{"refs", "objects"} {
		if err := c.folder(to, name, func(*dir) error { return nil }); err != nil {
			return err
		}
	}
	for _, part := range own {
		if err := c.part(g.git, to, part, shown, nil); err != nil {
			return err
		}
	}
	var skip []string
	if g.git != g.common {
		skip = ownRefs
		for _, part := range ownRefs {
			if err := c.part(g.git, to, part, shown, nil); err != nil {
				return err
			}
		}
	}
	for _, part := range sharedParts {
		if err := c.part(g.common, to, part, shown, skip); err != nil {
			return err
		}
	}
	return nil
}

// part copies one file or folder of a git folder, named by its path.
func (c *copier) part(src, dst *dir, name, shown string, skip []string) error {
	first, rest, deeper := strings.Cut(name, "/")
	if !deeper {
		return c.gitEntry(src, dst, name, name, shown, skip, 0)
	}
	sub, err := src.sub(first)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &unreadable{path.Join(shown, first), err}
	}
	defer sub.close()
	if _, err := sub.lstat(strings.Split(rest, "/")[0]); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return c.folder(dst, first, func(to *dir) error {
		return c.part(sub, to, rest, path.Join(shown, first), nil)
	})
}

// gitEntry copies a file, or a folder with all that is in it but locks. inGit
// is its path in the git folder, which skip speaks of.
func (c *copier) gitEntry(src, dst *dir, name, inGit, shown string, skip []string, depth int) error {
	rel := path.Join(shown, name)
	st, err := src.lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), strings.HasSuffix(name, ".lock"), slices.Contains(skip, inGit):
		return nil
	case err != nil:
		return &unreadable{rel, err}
	case depth > maxDepth:
		return &unreadable{rel, errDepth}
	case st.isRegular():
		return gone(c.file(src, dst, rel, name))
	case !st.isDir():
		return &unreadable{rel, errNotRegular}
	}
	sub, err := src.sub(name)
	if err != nil {
		return gone(&unreadable{rel, err})
	}
	defer sub.close()
	names, err := sub.entries()
	if err != nil {
		return &unreadable{rel, err}
	}
	return c.folder(dst, name, func(to *dir) error {
		for _, name := range names {
			if err := c.gitEntry(sub, to, name, path.Join(inGit, name), rel, skip, depth+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// gone lets a file pass that was removed since it was listed.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// folder runs fill on a folder of the copy, which may be there.
func (c *copier) folder(dst *dir, name string, fill func(*dir) error) error {
	d, err := dst.ensure(name)
	if err != nil {
		return err
	}
	defer d.close()
	if err := fill(d); err != nil {
		return err
	}
	return c.own.give(d.f, 0o755)
}
