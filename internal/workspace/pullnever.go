package workspace

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"
)

// gitParts are the files that make a folder a repository, or lead from one to
// another folder or config, gitrepository-layout(5). Without a HEAD there is none.
var gitParts = []string{"HEAD", "commondir", "gitdir", "config.worktree"}

// never says why a path is not taken whatever it holds. What the copy's folders
// hold does not count for it: that can change at any time.
func (p *puller) never(m met) string {
	for part := range strings.SplitSeq(m.path, "/") {
		if isGitName(part) {
			return "it could be taken for a .git"
		}
	}
	if isGitPart(path.Base(m.path)) {
		return "with a file of this name git could take its folder for a repository, whose config names programs"
	}
	if err := p.host.open(m.path); err != nil {
		return err.Error()
	}
	if reason := p.heldBack(m.path); reason != "" {
		return reason
	}
	if m.parent != nil && !m.st.isRegular() && !m.st.isLink() && !m.st.isDir() {
		return "it is neither a file nor a link"
	}
	return ""
}

func isGitPart(name string) bool {
	name = foldName(name)
	return slices.ContainsFunc(gitParts, func(part string) bool { return strings.EqualFold(name, part) })
}

var (
	errTopRepository = errors.New("your folder has a HEAD, so git could take it for a repository, whose config names programs: no files are taken to it")
	errGitFolder     = errors.New("your folder has the git folder of a repository there")
	errInRepository  = errors.New("your folder has a HEAD there, so git could take that one for a repository, whose config names programs")
)

// open says why nothing is written below a folder of the host, or nothing.
func (h *hostTree) open(rel string) error {
	d, _, err := h.way(rel, (*dir).sub)
	switch {
	case err == nil:
		d.close()
	case errors.Is(err, errTopRepository), errors.Is(err, errInRepository), errors.Is(err, errGitFolder):
		return err
	}
	return nil // what else there is, the writing finds
}

// way opens the folder of a path, one after the other by next. It looks into
// each for what makes it a repository, right before something is done in it.
func (h *hostTree) way(rel string, next func(*dir, string) (*dir, error)) (*dir, string, error) {
	segments := strings.Split(rel, "/")
	d, err := h.top.sub(".")
	if err != nil {
		return nil, "", err
	}
	for i, name := range segments {
		if mayBeGit(d) {
			d.close()
			if i == 0 {
				return nil, "", errTopRepository
			}
			return nil, "", errInRepository
		}
		if st, err := d.stat(); err != nil || h.git[st.ident] {
			d.close()
			return nil, "", cmp.Or(err, errGitFolder)
		}
		if i == len(segments)-1 {
			break
		}
		sub, err := next(d, name)
		d.close()
		if err != nil {
			return nil, "", err
		}
		d = sub
	}
	return d, segments[len(segments)-1], nil
}

// mayBeGit reports whether a folder has what every repository has. It takes less
// than isBare: what is missing could be somewhere else, or come.
func mayBeGit(d *dir) bool {
	st, err := d.lstat("HEAD")
	return err == nil && !st.isDir()
}

// isBare reports whether git takes a folder for a repository where it is started
// in it, or for the git folder of a linked worktree.
func isBare(d *dir) bool {
	return d.has("HEAD") && (d.has("objects") && d.has("refs") || d.has("commondir"))
}

// IsRepository reports whether git takes a folder for a repository by what is in
// it, with no .git.
func IsRepository(path string) bool {
	d, err := openDir(path)
	if err != nil {
		return false
	}
	defer d.close()
	return isBare(d)
}
