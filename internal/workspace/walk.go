package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
)

const gitName = ".git"

// visitor is what a walk meets, in order: a folder's entries sorted by their
// bytes, each folder's content where its name stands. An error ends the walk.
type visitor interface {
	// repository is called for a folder with a .git, before its entries. No
	// rules: it is no repository, and the rules above go on.
	repository(d *dir, rel string) (*rules, error)
	// enter says whether to go into a folder; leave is called after it.
	enter(d *dir, rel, name string, st stat) (bool, error)
	leave(d *dir, rel string, st stat) error
	// entry is called for all that is not a folder.
	entry(parent *dir, rel, name string, st stat) error
	// skip is called for what cannot be read.
	skip(rel string, err error) error
}

// walk goes through a tree without following links, leaving out .git and what
// the rules ignore.
type walk struct {
	ctx  context.Context
	v    visitor
	left func(rel string, isDir bool) // told what the rules leave out; may be nil
}

// scope is the repository that a folder is in.
type scope struct {
	rules   *rules   // nil outside of repositories
	path    []string // from the repository's top
	ignored bool     // only what is tracked counts
}

func (s scope) child(name string) scope {
	s.path = append(s.path[:len(s.path):len(s.path)], name)
	return s
}

// keeps says whether an entry counts, and what holds below it.
func (s scope) keeps(isDir bool) (scope, bool) {
	if s.rules == nil {
		return s, true
	}
	if !s.ignored && !s.rules.ignored(s.path, isDir) {
		return s, true
	}
	s.ignored = true
	rel := strings.Join(s.path, "/")
	return s, s.rules.isTracked(rel) || isDir && s.rules.tracksBelow(rel)
}

// tree walks the folder d, which is rel below the start.
func (w *walk) tree(d *dir, rel string, depth int, s scope) error {
	if depth > maxDepth {
		return w.v.skip(rel, errDepth)
	}
	if hasGit(d) {
		own, err := w.v.repository(d, rel)
		if err != nil {
			return err
		}
		if own != nil {
			s = scope{rules: own}
		}
	}
	if s.rules != nil && !s.ignored {
		err := s.rules.enter(d, s.path)
		defer s.rules.leave()
		if err != nil {
			if err := w.v.skip(path.Join(rel, ".gitignore"), fmt.Errorf("its rules are not applied: %w", err)); err != nil {
				return err
			}
		}
	}
	names, err := d.entries()
	if err != nil {
		return w.v.skip(rel, err)
	}
	for _, name := range names {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.one(d, name, path.Join(rel, name), depth, s); err != nil {
			return err
		}
	}
	return nil
}

// hasGit reports whether a folder has a .git. An empty folder of that name is
// none for git, and is what is left where a .git was kept from being made.
func hasGit(d *dir) bool {
	st, err := d.lstat(gitName)
	if err != nil || !st.isDir() {
		return err == nil
	}
	git, err := d.sub(gitName)
	if err != nil {
		return true
	}
	defer git.close()
	names, err := git.some()
	return err != nil || len(names) > 0
}

func (w *walk) one(d *dir, name, rel string, depth int, s scope) error {
	if strings.EqualFold(name, gitName) {
		if name == gitName {
			return nil
		}
		return w.v.skip(rel, errors.New("another spelling of .git"))
	}
	st, err := d.lstat(name)
	if err != nil {
		return w.v.skip(rel, err)
	}
	s, ok := s.child(name).keeps(st.isDir())
	if !ok {
		if w.left != nil {
			w.left(rel, st.isDir())
		}
		return nil
	}
	if !st.isDir() {
		return w.v.entry(d, rel, name, st)
	}
	sub, err := d.sub(name)
	if err != nil {
		return w.v.skip(rel, err)
	}
	defer sub.close()
	if now, err := sub.stat(); err != nil || now.ident != st.ident {
		return w.v.skip(rel, errChanged)
	}
	if ok, err := w.v.enter(sub, rel, name, st); err != nil || !ok {
		return err
	}
	if err := w.tree(sub, rel, depth+1, s); err != nil {
		return err
	}
	return w.v.leave(sub, rel, st)
}
