package workspace

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// gitPlace is a repository in a workspace, by its .git.
type gitPlace struct {
	at          string // the folder of the .git
	git, common string // where it keeps itself, without links
}

// placeFinder looks for each .git below a folder, in what is ignored too.
type placeFinder struct {
	c       *copier
	list    []gitPlace
	folders int
}

// gitPlaces finds the repositories of the source. It does not look whether they
// are its own. all is false when there were too many folders to look at.
func (c *copier) gitPlaces(top *dir) (list []gitPlace, all bool, err error) {
	f := &placeFinder{c: c}
	all, err = f.look(top, ".", 0)
	return f.list, all, err
}

func (f *placeFinder) look(d *dir, rel string, depth int) (all bool, err error) {
	if f.folders++; f.folders > maxSearched || depth > maxDepth {
		return false, nil
	}
	f.place(d, rel)
	names, err := d.entries()
	if err != nil {
		return true, nil // nothing of it is copied
	}
	all = true
	for _, name := range names {
		if err := f.c.ctx.Err(); err != nil {
			return false, err
		}
		st, err := d.lstat(name)
		if err != nil || !st.isDir() || name == gitName {
			continue
		}
		sub, err := d.sub(name)
		if err != nil {
			continue
		}
		ok, err := f.look(sub, path.Join(rel, name), depth+1)
		sub.close()
		if err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}

// place notes the .git of a folder, if there is one that leads anywhere.
func (f *placeFinder) place(d *dir, rel string) {
	at, err := gitPath(d, filepath.Join(f.c.source, filepath.FromSlash(rel)), false)
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	if err != nil {
		return
	}
	git, err := openDir(at)
	if err != nil {
		return
	}
	defer git.close()
	p := gitPlace{rel, at, at}
	if common, err := commonPath(&gitFolder{git: git, gitPath: at}); err == nil {
		if common, err = filepath.EvalSymlinks(common); err == nil {
			p.common = common
		}
	}
	f.list = append(f.list, p)
}

// plainGits are the paths of the git folders that lie in the source like any other
// folder, none of them in another.
func (c *copier) plainGits(places []gitPlace) (list []string) {
	var all []string
	for _, p := range places {
		for _, at := range []string{p.git, p.common} {
			rel, err := filepath.Rel(c.source, at)
			if rel = filepath.ToSlash(rel); err == nil && rel != "." && filepath.IsLocal(rel) && !slices.Contains(strings.Split(rel, "/"), gitName) {
				all = append(all, rel)
			}
		}
	}
	slices.Sort(all)
	for _, rel := range all {
		if !slices.ContainsFunc(list, func(top string) bool { return rel == top || strings.HasPrefix(rel, top+"/") }) {
			list = append(list, rel)
		}
	}
	return list
}

// gitIdents are the git folders that lie in the source like any other folder.
func (c *copier) gitIdents(places []gitPlace) map[ident]bool {
	found := map[ident]bool{}
	for _, p := range places {
		for _, at := range []string{p.git, p.common} {
			if st, err := statPath(at); err == nil && at != c.source && inside(at, c.source) {
				found[st.ident] = true
			}
		}
	}
	return found
}
