package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

const maxGitFile = 4 << 10 // of .git as a file, commondir, gitdir, HEAD

var (
	errNoRepository = errors.New("not a git repository")
	errElsewhere    = errors.New("its git folder is outside of the workspace")
)

// gitFolder is where a repository keeps itself. For a linked worktree, git is
// its own part and common what it shares; else they are the same folder.
type gitFolder struct {
	git, common         *dir
	gitPath, commonPath string // without links
}

func (g *gitFolder) close() {
	g.git.close()
	if g.common != g.git {
		g.common.close()
	}
}

// openGit opens the .git of the source's folder d, gitrepository-layout(5).
// Somebody else's archive may hold a .git that names any repository of the
// user's. So a nested repository's must be in the workspace, or in the git
// folder of the workspace's own repository, where submodules have theirs; and
// the workspace's own must be in it or name it back, see checkOwn.
func (c *copier) openGit(d *dir, rel string) (*gitFolder, error) {
	here := filepath.Join(c.source, filepath.FromSlash(rel))
	path, err := gitPath(d, here, rel == ".")
	if err != nil {
		return nil, err
	}
	g := &gitFolder{}
	if g.gitPath, g.git, err = c.openPart(path, rel); err != nil {
		return nil, err
	}
	g.common, g.commonPath = g.git, g.gitPath
	common, err := commonPath(g)
	if err == nil && common != g.gitPath {
		g.commonPath, g.common, err = c.openPart(common, rel)
	}
	if err == nil && rel == "." {
		err = c.checkOwn(g)
	}
	if err == nil && (!g.git.has("HEAD") || !g.common.has("objects")) {
		err = errNoRepository
	}
	if err != nil {
		if g.common == nil {
			g.common = g.git
		}
		g.close()
		return nil, err
	}
	return g, nil
}

// commonPath returns what commondir names, or the folder itself without one.
func commonPath(g *gitFolder) (string, error) {
	data, err := g.git.readSmall("commondir", maxGitFile)
	if errors.Is(err, fs.ErrNotExist) {
		return g.gitPath, nil
	}
	if err != nil {
		return "", fmt.Errorf("commondir: %w", err)
	}
	return relativeTo(g.gitPath, strings.TrimRight(string(data), "\r\n")), nil
}

func relativeTo(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// gitPath returns what .git is or names. Git makes no link of it, so that of
// the workspace must be none.
func gitPath(d *dir, here string, top bool) (string, error) {
	st, err := d.lstat(gitName)
	if err != nil {
		return "", err
	}
	if top && st.isLink() {
		return "", linkedGit(d)
	}
	if !st.isRegular() {
		return filepath.Join(here, gitName), nil
	}
	data, err := d.readSmall(gitName, maxGitFile)
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(string(data), "gitdir: ")
	if !ok {
		return "", errNoRepository
	}
	return relativeTo(here, strings.TrimRight(path, "\r\n")), nil
}

func (c *copier) openPart(path, rel string) (string, *dir, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", nil, err
	}
	if rel != "." && !c.trusts(path) {
		return "", nil, errElsewhere
	}
	d, err := c.openReal(path)
	return path, d, err
}

// openReal opens a folder whose path was found to be without links. In the
// workspace it stays so, whoever writes there meanwhile.
func (c *copier) openReal(path string) (*dir, error) {
	rel, err := filepath.Rel(c.source, path)
	if err != nil || !filepath.IsLocal(rel) {
		return openDir(path)
	}
	d, err := openDir(c.source)
	if err != nil || rel == "." {
		return d, err
	}
	for name := range strings.SplitSeq(rel, string(filepath.Separator)) {
		sub, err := d.sub(name)
		d.close()
		if err != nil {
			return nil, err
		}
		d = sub
	}
	return d, nil
}

// trusts says whether a path is the workspace's, or its own repository's.
func (c *copier) trusts(path string) bool {
	return inside(path, c.source) || c.common != "" && inside(path, c.common)
}
