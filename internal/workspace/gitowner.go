package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bot-bottle/bottle/internal/shellword"
)

// checkOwn checks that a git folder outside of the workspace is the
// workspace's own, by the link back that git keeps there: whoever made the
// workspace can name any folder, but wrote nothing into it.
func (c *copier) checkOwn(g *gitFolder) error {
	linked := g.common != g.git
	switch {
	case inside(g.gitPath, c.source) && inside(g.commonPath, c.source):
		return nil
	case linked && !isWorktreeOf(g.gitPath, g.commonPath):
		return foreignGit(g.commonPath)
	}
	back := c.worktreeOf
	if linked {
		back = c.linkOf
	}
	ok, err := back(g)
	switch {
	case err != nil || ok:
		return err
	case linked:
		return foreignGit(g.gitPath)
	}
	return fmt.Errorf("%w; if you made it with --separate-git-dir, run git -C %s config core.worktree %s, which names it back", foreignGit(g.gitPath), shellword.Quote(c.source), shellword.Quote(c.source))
}

// isWorktreeOf reports whether git is where common has its linked worktrees.
func isWorktreeOf(git, common string) bool {
	worktrees := filepath.Dir(git)
	return filepath.Base(worktrees) == "worktrees" && filepath.Dir(worktrees) == common
}

// linkOf says whether the gitdir file of a linked worktree names the .git of
// the workspace, gitrepository-layout(5).
func (c *copier) linkOf(g *gitFolder) (bool, error) {
	data, err := g.git.readSmall("gitdir", maxGitFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("gitdir: %w", err)
	}
	path := relativeTo(g.gitPath, strings.TrimRight(string(data), "\r\n"))
	if filepath.Base(path) != gitName {
		return false, nil
	}
	return c.isSource(filepath.Dir(path)), nil
}

// worktreeOf says whether core.worktree is the workspace, as git sets it for a
// submodule. With worktree configs it is in config.worktree, git-worktree(1).
func (c *copier) worktreeOf(g *gitFolder) (bool, error) {
	path := ""
	for _, name := range []string{"config", "config.worktree"} {
		data, err := g.git.readSmall(name, maxGitConfig)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		cfg, err := parseConfig(data)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		if own := cfg.Section("core").Options.Get("worktree"); own != "" {
			path = own
		}
	}
	return path != "" && c.isSource(relativeTo(g.gitPath, path)), nil
}

// isSource says whether a path leads to the workspace.
func (c *copier) isSource(path string) bool {
	path, err := filepath.EvalSymlinks(path)
	return err == nil && path == c.source
}

// What to do is in the text, since it is not the same for the three.

func linkedGit(d *dir) error {
	target, err := d.readlink(gitName)
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: it is a symbolic link to %q; name the folder that this is the repository of as the workspace,"+
		" or make a linked worktree of it with git worktree add", ErrForeign, target)
}

func foreignGit(path string) error {
	return fmt.Errorf("%w: it names %q, which does not name this workspace as its work tree;"+
		" if both are yours and a linked worktree was moved, run git worktree repair in its main work tree,"+
		" else remove .git or name the folder that this is the repository of as the workspace", ErrForeign, path)
}

// foreignObjects names the folder of objects that borrows, if one does.
func foreignObjects(by, path string) error {
	if by == "" {
		return fmt.Errorf("%w: objects leads to %q; put the folder itself there", ErrForeign, path)
	}
	return fmt.Errorf("%w: %q borrows objects from %q; if both are yours, run git repack -a -d and remove info/alternates there,"+
		" or clone again without --shared and --reference", ErrForeign, by, path)
}
