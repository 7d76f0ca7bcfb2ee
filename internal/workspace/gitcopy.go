package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// What is taken over of a git folder, besides HEAD, config and objects. Each
// is a file or a folder of files; what is not there is left out.
var (
	ownParts = []string{ // of the worktree
		"index", "ORIG_HEAD", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG",
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

var (
	looseFolder = regexp.MustCompile(`^[0-9a-f]{2}$`)
	looseName   = regexp.MustCompile(`^([0-9a-f]{38}|[0-9a-f]{62})$`)
	packName    = regexp.MustCompile(`^pack-[0-9a-f]{40,64}\.(pack|idx|rev|bitmap|promisor|keep|mtimes)$`)
	graphName   = regexp.MustCompile(`^(commit-graph-chain|graph-[0-9a-f]{40,64}\.graph)$`)
)

// repository copies the .git of a folder and reads what its rules are.
func (c *copier) repository(d *dir, rel string) (*rules, error) {
	r, err := c.gitInto(d, rel, c.dst(), gitName, rel)
	if err == nil {
		c.report.Repositories.add(rel)
		return r, nil
	}
	var u *unreadable
	if rel == "." || !errors.As(err, &u) {
		return nil, err
	}
	// A nested one goes on without its git folder.
	if err := removeEntry(c.ctx, c.dst(), gitName); err != nil {
		return nil, err
	}
	return nil, c.skip(u.path, u.err)
}

// gitInto copies the git folder of the work tree d as name in dst; the base
// knows it as key.
func (c *copier) gitInto(d *dir, rel string, dst *dir, name, key string) (*rules, error) {
	shown := path.Join(rel, gitName)
	g, err := c.openGit(d, rel)
	if err != nil {
		return nil, &unreadable{shown, err}
	}
	defer g.close()
	if rel == "." {
		c.common = g.commonPath
	}
	cfg, err := c.readConfig(g)
	if err != nil {
		return nil, &unreadable{shown, err}
	}
	to, err := dst.ensure(name)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", shown, err)
	}
	defer to.close()
	if err := c.gitParts(g, to, shown); err != nil {
		return nil, err
	}
	if err := c.writeConfig(to, shown, cfg.text); err != nil {
		return nil, err
	}
	if err := c.base.repository(key, to); err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	if err := c.allObjects(g, to, rel); err != nil {
		return nil, err
	}
	st, err := g.git.stat()
	if err == nil {
		err = to.settle(c.own, 0o755, st.mtime)
	}
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", shown, err)
	}
	return c.rules(d, g, cfg, shown)
}

func (c *copier) readConfig(g *gitFolder) (gitConfig, error) {
	data, err := g.common.readSmall("config", maxGitConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gitConfig{}, fmt.Errorf("config: %w", err)
	}
	own, err := g.git.readSmall("config.worktree", maxGitConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gitConfig{}, fmt.Errorf("config.worktree: %w", err)
	}
	return cleanConfig(data, own, c.opts.User)
}

func (c *copier) writeConfig(to *dir, shown string, text []byte) error {
	f, err := to.create("config")
	if err != nil {
		return fmt.Errorf("copy %s: %w", shown, err)
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("copy %s: %w", shown, err)
	}
	return c.own.give(f, 0o644)
}

// rules reads what the repository ignores.
func (c *copier) rules(d *dir, g *gitFolder, cfg gitConfig, shown string) (*rules, error) {
	r := &rules{fold: cfg.ignoreCase}
	if err := r.exclude(g.common); err != nil {
		return nil, &unreadable{shown, err}
	}
	if err := r.readTracked(c.ctx, d, g.git, cfg.hashSize); err != nil {
		if cerr := c.ctx.Err(); cerr != nil {
			return nil, cerr
		}
		return nil, &unreadable{shown, err}
	}
	return r, nil
}

// exclude reads info/exclude of a git folder, which every other file of rules
// comes before.
func (r *rules) exclude(common *dir) error {
	var data []byte
	info, err := common.sub("info")
	if err == nil {
		data, err = info.readSmall("exclude", maxIgnoreFile)
		info.close()
	}
	r.levels = []level{{0, parseIgnore(data)}}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("info/exclude: %w", err)
	}
	return nil
}

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

// allObjects copies the objects of a repository and of those that it borrows
// from. It is done after the refs, so that what these name is there; a gc in
// the source meanwhile may remove what was listed, which starts it over.
func (c *copier) allObjects(g *gitFolder, to *dir, rel string) error {
	shown := path.Join(rel, gitName, "objects")
	folders, err := c.objectFolders(g, rel)
	if err != nil {
		return &unreadable{shown, err}
	}
	borrowed := folders[1:]
	for try := 1; ; try++ {
		err := c.folder(to, "objects", func(dst *dir) error {
			for _, from := range folders {
				src, err := c.openReal(from)
				if err != nil {
					return &unreadable{shown, err}
				}
				// What speeds git up may speak of objects of the other folders.
				err = c.objects(src, dst, shown, len(borrowed) == 0)
				src.close()
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !errors.Is(err, fs.ErrNotExist) || try == copyTries {
			for _, from := range borrowed {
				c.report.Borrowed.add(from)
			}
			return err
		}
	}
}

func (c *copier) objects(src, dst *dir, shown string, alone bool) error {
	names, err := src.entries()
	if err != nil {
		return &unreadable{shown, err}
	}
	for _, name := range names {
		if !looseFolder.MatchString(name) {
			continue
		}
		if err := c.objectFiles(src, dst, name, shown, looseName.MatchString); err != nil {
			return err
		}
	}
	// The names differ only in what follows the hash, and the index is listed
	// before the pack; a reader of the copy comes later, so the order is free.
	pack := func(name string) bool {
		return packName.MatchString(name) || alone && strings.HasPrefix(name, "multi-pack-index")
	}
	if err := c.objectFiles(src, dst, "pack", shown, pack); err != nil || !alone {
		return err
	}
	info, err := src.sub("info")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &unreadable{shown + "/info", err}
	}
	defer info.close()
	return c.folder(dst, "info", func(to *dir) error {
		if err := c.gitEntry(info, to, "commit-graph", "", shown+"/info", nil, 0); err != nil {
			return err
		}
		return c.objectFiles(info, to, "commit-graphs", shown+"/info", graphName.MatchString)
	})
}

// objectFiles copies the files of one folder whose names are wanted and not
// there yet: an object is the same wherever it comes from.
func (c *copier) objectFiles(src, dst *dir, name, shown string, wanted func(string) bool) error {
	rel := path.Join(shown, name)
	sub, err := src.sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &unreadable{rel, err}
	}
	defer sub.close()
	names, err := sub.entries()
	if err != nil {
		return &unreadable{rel, err}
	}
	scanner := c.pump.scanner
	c.pump.scanner = nil // they are compressed
	defer func() { c.pump.scanner = scanner }()
	return c.folder(dst, name, func(to *dir) error {
		for _, name := range names {
			if !wanted(name) || to.has(name) {
				continue
			}
			if err := c.file(sub, to, path.Join(rel, name), name); err != nil {
				return err
			}
		}
		return nil
	})
}
