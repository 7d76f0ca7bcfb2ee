package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxGitFile        = 4 << 10 // of .git as a file, commondir, HEAD
	maxAlternates     = 64
	maxAlternatesFile = 1 << 20
)

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

// openGit opens the .git of the source's folder d, gitrepository-layout(5). A
// nested repository's must be in the workspace, or in the git folder of the
// workspace's own repository, where submodules have theirs: somebody else's
// archive may hold a .git file that names any repository of the user's.
func (c *copier) openGit(d *dir, rel string) (*gitFolder, error) {
	here := filepath.Join(c.source, filepath.FromSlash(rel))
	path, err := gitPath(d, here)
	if err != nil {
		return nil, err
	}
	g := &gitFolder{}
	if g.gitPath, g.git, err = c.openPart(path, rel); err != nil {
		return nil, err
	}
	g.common, g.commonPath = g.git, g.gitPath
	data, err := g.git.readSmall("commondir", maxGitFile)
	if err == nil {
		path := strings.TrimRight(string(data), "\n")
		if !filepath.IsAbs(path) {
			path = filepath.Join(g.gitPath, path)
		}
		g.commonPath, g.common, err = c.openPart(path, rel)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
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

// gitPath returns what .git is or names.
func gitPath(d *dir, here string) (string, error) {
	st, err := d.lstat(gitName)
	if err != nil {
		return "", err
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
	path = strings.TrimRight(path, "\r\n")
	if !filepath.IsAbs(path) {
		path = filepath.Join(here, path)
	}
	return path, nil
}

func (c *copier) openPart(path, rel string) (string, *dir, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", nil, err
	}
	if rel != "." && !c.trusts(path) {
		return "", nil, errElsewhere
	}
	d, err := openDir(path)
	return path, d, err
}

// trusts says whether a nested repository may have something there.
func (c *copier) trusts(path string) bool {
	return inside(path, c.source) || c.common != "" && inside(path, c.common)
}

// objectFolders returns the folders with a repository's objects: its own, and
// those that it borrows from, directly or not.
func (c *copier) objectFolders(g *gitFolder, rel string) ([]string, error) {
	var found []string
	// Git goes on without an alternate that is not there; so does the copy.
	add := func(path string) error {
		path, err := filepath.EvalSymlinks(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(found) > 0, slices.Contains(found, path):
			return nil
		case err != nil:
			return err
		case rel != "." && !c.trusts(path):
			return errElsewhere
		case len(found) > maxAlternates:
			return fmt.Errorf("more than %d alternates", maxAlternates)
		}
		found = append(found, path)
		return nil
	}
	if err := add(filepath.Join(g.commonPath, "objects")); err != nil {
		return nil, err
	}
	for i := 0; i < len(found); i++ {
		list, err := alternates(found[i])
		if err != nil {
			return nil, fmt.Errorf("alternates: %w", err)
		}
		for _, path := range list {
			if err := add(path); err != nil {
				return nil, fmt.Errorf("alternates: %w", err)
			}
		}
	}
	return found, nil
}

// alternates returns what info/alternates of a folder of objects names.
func alternates(objects string) ([]string, error) {
	d, err := openDir(objects)
	if err != nil {
		return nil, err
	}
	defer d.close()
	info, err := d.sub("info")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer info.close()
	data, err := info.readSmall("alternates", maxAlternatesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(objects, line)
		}
		list = append(list, line)
	}
	return list, nil
}
