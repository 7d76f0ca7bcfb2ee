package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Kind says what a Change is.
type Kind string

// What can have become of a copy.
const (
	Commits    Kind = "commits"    // a ref names an object that no ref named before
	Branch     Kind = "branch"     // the one on the host that has the commit of the agent's HEAD
	Added      Kind = "added"      // and not ignored
	Modified   Kind = "modified"   // content, or what kind of file it is
	Executable Kind = "executable" // the x bits alone
	Deleted    Kind = "deleted"
	Unreadable Kind = "unreadable" // there may be work that cannot be seen
	InHome     Kind = "in home"    // a file of the agent's home; its path begins with ~/
	Written    Kind = "written"    // into a folder of the host, where it is by now
)

// Change is one thing that the copy has and the base does not. The path is the
// agent's to choose: escape it before it is shown.
type Change struct {
	Kind   Kind
	Path   string
	Detail string // the ref, or why it is unreadable
}

// Work is what was not pulled.
type Work struct{ Changes List[Change] }

// None reports whether the copy is as it was recorded.
func (w Work) None() bool { return w.Changes.Total == 0 }

// Changed compares a copy with its base. ErrNoBase: there is none that is whole
// (the copy never was finished, then).
//
// Commits count, whatever branch, tag, stash or linked worktree they are on,
// but not on remote-tracking refs, which a fetch moves. Files of the base count
// always; new ones do unless the rules ignore them that held when the copy was
// made: those of the copy are the agent's by now. Folders that tools fill, such as
// node_modules, are ignored in any repository.
//
// A file whose size and times (of the inode too, which cannot be set) are those
// of the base is not read again.
func Changed(ctx context.Context, base, target string) (Work, error) {
	return compare(base, target, func(c *comparer, top *dir) error {
		w := walk{ctx: ctx, v: c}
		c.ctx, c.top = ctx, top
		return c.merge(func() error { return w.tree(top, ".", 0, c.outer()) })
	})
}

// ChangedGit compares a git folder that PrepareGit made with its base: commits
// only.
func ChangedGit(ctx context.Context, base, gitDir string) (Work, error) {
	return compare(base, gitDir, func(c *comparer, git *dir) error {
		c.ctx = ctx
		c.modules(git)
		return ctx.Err()
	})
}

// modules looks at each repository that the base knows in a git folder.
func (c *comparer) modules(git *dir) {
	for key := range c.known {
		d, name, err := lookup(git, key)
		if err != nil {
			c.add(Deleted, key, "")
			continue
		}
		c.module(d, name, key)
		d.close()
	}
}

func compare(base, target string, run func(*comparer, *dir) error) (Work, error) {
	f, err := os.Open(base)
	if errors.Is(err, fs.ErrNotExist) {
		return Work{}, ErrNoBase
	}
	if err != nil {
		return Work{}, err
	}
	defer f.Close()
	d, err := openDir(target)
	if err != nil {
		return Work{}, err
	}
	defer d.close()
	c := &comparer{file: f, known: map[string]map[string]bool{}, ignores: map[string]map[string][]pattern{}, pump: newPump(nil)}
	if err := c.readRefs(); err != nil {
		return Work{}, err
	}
	if err := run(c, d); err != nil {
		return Work{}, err
	}
	return c.work, nil
}

// comparer walks a copy and its base side by side.
type comparer struct {
	ctx   context.Context
	top   *dir
	file  *os.File                   // the base
	known map[string]map[string]bool // repository to hashes of its refs
	// ignores has the lines of each ignore file of each repository.
	ignores map[string]map[string][]pattern
	seen    map[string]bool // repositories met
	next    func() (record, bool)
	ahead   *record // read from the base, not yet reached
	pump    *pump
	work    Work
	pull    *puller // takes what is found; may be nil
}

func (c *comparer) add(kind Kind, path, detail string) {
	if c.pull != nil {
		if kind != Deleted { // of a repository that is gone nothing can be taken
			c.pull.left(kind, path, "", detail)
		}
		return
	}
	c.work.Changes.add(Change{kind, path, detail})
}

func (c *comparer) readRefs() error {
	n := 0
	bound := func() error {
		if n++; n > maxBaseRefs {
			return fmt.Errorf("the base has more than %d refs and rules", maxBaseRefs)
		}
		return nil
	}
	return readBase(c.file, baseReader{ref: func(repo, name, hash string) error {
		if c.known[repo] == nil {
			c.known[repo] = map[string]bool{}
		}
		if name != "" {
			c.known[repo][hash] = true
		}
		return bound()
	}, ignore: func(repo, at, line string) error {
		if c.ignores[repo] == nil {
			c.ignores[repo] = map[string][]pattern{}
		}
		if p, ok := parsePattern(line); ok {
			c.ignores[repo][at] = append(c.ignores[repo][at], p)
		}
		return bound()
	}})
}

// refs reports the refs whose objects the base does not know.
func (c *comparer) refs(git *dir, rel string) {
	if c.pull != nil {
		c.pull.refs(git, rel)
		return
	}
	known := c.known[rel]
	err := readRefs(git, func(name, hash string) error {
		if !known[hash] && !strings.HasPrefix(name, "refs/remotes/") {
			c.add(Commits, rel, name)
		}
		return c.ctx.Err()
	})
	if err != nil {
		c.add(Unreadable, path.Join(rel, gitName), err.Error())
	}
}

func (c *comparer) module(parent *dir, name, key string) {
	d, err := parent.sub(name)
	if err != nil {
		c.add(Unreadable, key, err.Error())
		return
	}
	defer d.close()
	c.refs(d, key)
}

// repository is called by the walk. Only a real folder is opened: a .git file
// or link may name anything.
func (c *comparer) repository(d *dir, rel string) (*rules, error) {
	shown := path.Join(rel, gitName)
	c.seen[rel] = true
	st, err := d.lstat(gitName)
	if err != nil || !st.isDir() {
		if c.known[rel] != nil {
			c.add(Modified, shown, "it is no folder any more")
		}
		return nil, nil
	}
	git, err := d.sub(gitName)
	if err != nil {
		c.add(Unreadable, shown, err.Error())
		return nil, nil
	}
	defer git.close()
	c.refs(git, rel)
	return c.rules(d, git, rel), c.ctx.Err()
}

// machineMade are the folders that tools fill, wherever they are. Nobody writes
// in one by hand, and many bring an ignore file of their own.
var machineMade = parseIgnore([]byte(strings.Join([]string{
	"node_modules/", "__pycache__/", ".venv/", ".tox/", ".nox/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/",
	".gradle/", ".next/", ".nuxt/", ".turbo/", ".parcel-cache/", ".terraform/", ".direnv/",
}, "\n")))

// rules are those that held when the copy was made.
func (c *comparer) rules(d, git *dir, rel string) *rules {
	shown := path.Join(rel, gitName)
	r := &rules{read: func(_ *dir, at string) ([]pattern, error) {
		own := c.ignores[rel][at]
		if at == excludeFile {
			own = append(slices.Clone(machineMade), own...)
		}
		return own, nil
	}}
	if err := r.exclude(git); err != nil {
		c.add(Unreadable, shown, err.Error())
	}
	cfg := gitConfig{hashSize: 20}
	if data, err := git.readSmall("config", maxGitConfig); err == nil {
		if parsed, err := cleanConfig(data, nil, Identity{}); err == nil {
			cfg = parsed
		}
	}
	r.fold = cfg.ignoreCase
	if err := r.readTracked(c.ctx, d, git, cfg.hashSize); err != nil {
		c.add(Unreadable, shown, err.Error())
	}
	return r
}

func (c *comparer) enter(*dir, string, string, stat) (bool, error) { return true, nil }
func (c *comparer) leave(*dir, string, stat) error                 { return nil }

func (c *comparer) skip(rel string, err error) error {
	if cerr := c.ctx.Err(); cerr != nil {
		return cerr
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.add(Unreadable, rel, err.Error())
	}
	return nil
}

func (c *comparer) entry(parent *dir, rel, name string, st stat) error {
	for c.peek() && order(c.ahead.path, rel) < 0 {
		if err := c.passed(); err != nil {
			return err
		}
	}
	if c.peek() && c.ahead.path == rel {
		was := *c.ahead
		c.ahead = nil
		return c.versus(parent, name, st, was)
	}
	if st.isRegular() || st.isLink() { // sockets and fifos are no work
		return c.found(Added, met{parent, name, st, rel, nil})
	}
	return nil
}

// found reports a file or link; no kind is for one that is as it was.
func (c *comparer) found(kind Kind, m met) error {
	if c.pull != nil {
		return c.pull.file(kind, m)
	}
	if kind == "" && m.was.past != nil { // as it was pulled, which was not as it was at first
		kind = kindOf(m.was.past.first, wasForm(m.was))
	}
	if kind != "" {
		c.add(kind, m.path, "")
	}
	return nil
}

// order compares paths as the walk meets them: segment by segment.
func order(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		switch {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		case x < y:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}
