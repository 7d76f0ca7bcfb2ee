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
	// Exposed are the nested git folders that stay the host's own, with
	// whatever credentials their configs hold.
	Exposed List[string]
}

// PrepareGit fills Options.Target with what the .git of a copy would be, for a
// workspace that is mounted. The git folders of submodules are in it where the
// workspace's has them, in modules. Its Base knows refs only; see ChangedGit.
// The error is fs.ErrNotExist if the workspace has no .git, ErrForeign as in
// Copy.
//
// The agent's commits then stay in the bottle until they are pulled, and no
// hook or config that it writes is run on the host. The work tree has no such
// border: that is why this mode is the weaker one.
func PrepareGit(ctx context.Context, opts Options) (PrivateGit, error) {
	var out PrivateGit
	report, err := start(ctx, opts, func(c *copier, src, _ *dir) error {
		st, err := src.lstat(gitName)
		if err != nil {
			return fmt.Errorf("%s: %w", gitName, err)
		}
		out.File = st.isRegular()
		if _, err := c.gitInto(src, ".", c.dst(), ".", "."); err != nil {
			return err
		}
		c.report.Repositories.add(".")
		w := walk{ctx: ctx, v: &nested{c, &out.Exposed}}
		return w.tree(src, ".", 0, scope{})
	})
	out.Report = report
	return out, err
}

// nested goes through all of a work tree, ignored folders too: in this mode
// they are in the bottle. It takes over git folders in modules.
type nested struct {
	c       *copier
	exposed *List[string]
}

func (n *nested) repository(d *dir, rel string) (*rules, error) {
	if rel == "." {
		return nil, nil
	}
	err := n.module(d, rel)
	var u *unreadable
	switch {
	case err == nil:
		n.c.report.Repositories.add(rel)
	case errors.As(err, &u):
		n.exposed.add(path.Join(rel, gitName))
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
