package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// PrivateGit is a git folder to mount over a workspace's own.
type PrivateGit struct {
	Report Report
	// File says that the workspace's .git is a file (a linked worktree, a
	// submodule): a folder cannot be mounted over it, so the target is mounted
	// elsewhere and over .git a file of one line, "gitdir: PATH".
	File bool
	// None says that the workspace has no .git: the target is an empty folder to
	// mount where it would be, so that the agent makes its repository there.
	None bool
	// Nested are all nested .git, files and folders, and git folders of another
	// name that a .git names. Exposed are those folders
	// among them that stay the host's own, with whatever credentials their configs
	// hold.
	Nested, Exposed List[string]
}

// PrepareGit fills Options.Target with what the .git of a copy would be, for a
// workspace that is mounted. The git folders of submodules are in it where the
// workspace's has them, in modules. Its Base knows refs only; see ChangedGit.
// The error is ErrForeign as in Copy.
//
// The agent's commits then stay in the bottle until they are pulled, and no
// hook or config that it writes is run on the host. The work tree has no such
// border: that is why this mode is the weaker one.
func PrepareGit(ctx context.Context, opts Options) (PrivateGit, error) {
	var out PrivateGit
	report, err := start(ctx, opts, func(c *copier, src, _ *dir) error {
		if err := c.privateGit(src, &out); err != nil {
			return err
		}
		w := walk{ctx: ctx, v: &nested{c, &out}}
		if err := w.tree(src, ".", 0, scope{}); err != nil {
			return err
		}
		places, _, err := c.gitPlaces(src)
		for _, rel := range c.plainGits(places) {
			out.Nested.add(rel)
			out.Exposed.add(rel)
		}
		return err
	})
	out.Report = report
	return out, err
}

// privateGit fills the target.
func (c *copier) privateGit(src *dir, out *PrivateGit) error {
	if out.None = !hasGit(src); out.None {
		if err := c.own.give(c.dst().f, 0o755); err != nil {
			return err
		}
		return c.base.repository(".", c.dst())
	}
	st, err := src.lstat(gitName)
	if err != nil {
		return fmt.Errorf("%s: %w", gitName, err)
	}
	out.File = st.isRegular()
	if _, err := c.gitInto(src, ".", c.dst(), ".", "."); err != nil {
		return err
	}
	c.report.Repositories.add(".")
	return nil
}

// nested goes through all of a work tree, ignored folders too: in this mode
// they are in the bottle. It takes over git folders in modules.
type nested struct {
	c   *copier
	out *PrivateGit
}

func (n *nested) repository(d *dir, rel string) (*rules, error) {
	if rel == "." {
		return nil, nil
	}
	n.out.Nested.add(path.Join(rel, gitName))
	err := n.module(d, rel)
	var u *unreadable
	switch {
	case err == nil:
		n.c.report.Repositories.add(rel)
	case errors.As(err, &u):
		n.out.Exposed.add(path.Join(rel, gitName))
		err = nil
	}
	return nil, err
}

// module copies a git folder to where the one of the workspace has it.
func (n *nested) module(d *dir, rel string) error {
	g, err := n.c.openGit(d, rel)
	if err != nil {
		return &unreadable{rel, err}
	}
	at := g.gitPath
	g.close()
	key, err := filepath.Rel(n.c.common, at)
	if err != nil || !strings.HasPrefix(key, "modules/") {
		return &unreadable{rel, errElsewhere}
	}
	return n.c.below(n.c.dst(), path.Dir(key), func(to *dir) error {
		_, err := n.c.gitInto(d, rel, to, path.Base(key), key)
		return err
	})
}

// below runs fill on a folder by its path.
func (c *copier) below(dst *dir, name string, fill func(*dir) error) error {
	first, rest, deeper := strings.Cut(name, "/")
	return c.folder(dst, first, func(to *dir) error {
		if !deeper {
			return fill(to)
		}
		return c.below(to, rest, fill)
	})
}

func (n *nested) enter(*dir, string, string, stat) (bool, error) { return true, nil }
func (n *nested) leave(*dir, string, stat) error                 { return nil }
func (n *nested) entry(*dir, string, string, stat) error         { return nil }
func (n *nested) skip(string, error) error                       { return nil }
