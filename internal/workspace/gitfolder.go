package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxGitFile    = 4 << 10 // of .git as a file, commondir, HEAD
	maxAlternates = 64
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

// alternates returns the folders of objects that one borrows from, with what
// those borrow from in turn.
func (c *copier) alternates(objects, rel string) ([]string, error) {
	seen := map[string]bool{objects: true}
	queue := []string{objects}
	for i := 0; i < len(queue); i++ {
		data, err := os.ReadFile(filepath.Join(queue[i], "info", "alternates"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimRight(line, "\r\n")
			if line == "" || line[0] == '#' {
				continue
			}
			if !filepath.IsAbs(line) {
				line = filepath.Join(queue[i], line)
			}
			path, err := filepath.EvalSymlinks(line)
			if errors.Is(err, fs.ErrNotExist) {
				continue // git says so too, and goes on
			}
			if err != nil {
				return nil, err
			}
			if seen[path] {
				continue
			}
			if rel != "." && !c.trusts(path) {
				return nil, errElsewhere
			}
			if len(queue) > maxAlternates {
				return nil, fmt.Errorf("more than %d alternates", maxAlternates)
			}
			seen[path] = true
			queue = append(queue, path)
		}
	}
	return queue[1:], nil
}
