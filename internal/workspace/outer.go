package workspace

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// outerKey begins the name that the rules of the repository around a workspace
// have in the base; the path from that repository's top to the workspace follows.
// No repository in the workspace is called so.
const outerKey = "../"

// outer returns the scope of a workspace that is a folder inside of a repository:
// the rules of its .gitignore files on the way down, and of its git folder, hold
// in the workspace too. Where they ignore the workspace itself they say nothing
// of what is in it, as in a home folder that is a repository of a few files.
func (c *copier) outer() scope {
	top := enclosing(c.source)
	if c.report.Enclosing = top; top == "" {
		return scope{}
	}
	s, err := c.outerScope(top)
	if err != nil {
		c.report.Skipped.add(Skipped{filepath.Join(top, gitName), "the rules of the repository around the workspace are not applied: " + err.Error()})
		return scope{}
	}
	return s
}

func (c *copier) outerScope(top string) (scope, error) {
	rel, err := filepath.Rel(top, c.source)
	if err != nil {
		return scope{}, err
	}
	d, err := openDir(top)
	if err != nil {
		return scope{}, err
	}
	defer d.close()
	around := &copier{ctx: c.ctx, opts: c.opts, source: top, report: &Report{}}
	g, err := around.openGit(d, ".")
	if err != nil {
		return scope{}, err
	}
	defer g.close()
	cfg, err := around.readConfig(g)
	if err != nil {
		return scope{}, err
	}
	prefix := strings.Split(filepath.ToSlash(rel), "/")
	r := &rules{fold: cfg.ignoreCase, read: c.notedOuter(prefix)}
	if err := r.exclude(g.common); err != nil {
		return scope{}, err
	}
	if err := r.readTracked(c.ctx, d, g.git, cfg.hashSize); err != nil {
		return scope{}, err
	}
	return r.down(d, prefix)
}

// down enters the folders from the top to the one that holds the last of prefix.
func (r *rules) down(top *dir, prefix []string) (scope, error) {
	at := top
	defer func() {
		if at != nil && at != top {
			at.close()
		}
	}()
	for i, name := range prefix {
		if err := r.enter(at, prefix[:i]); err != nil {
			return scope{}, fmt.Errorf("%s: %w", strings.Join(append(slices.Clone(prefix[:i]), ".gitignore"), "/"), err)
		}
		if r.ignored(prefix[:i+1], true) {
			return scope{}, nil
		}
		if at == nil || i == len(prefix)-1 {
			continue
		}
		next, err := at.sub(name)
		if err != nil {
			return scope{}, err
		}
		if at != top {
			at.close()
		}
		at = next
	}
	return scope{rules: r, path: prefix}, nil
}

// notedOuter is noted for the rules around the workspace, of which those elsewhere
// in the repository are not kept.
func (c *copier) notedOuter(prefix []string) func(*dir, string) ([]pattern, error) {
	path := strings.Join(prefix, "/")
	note := c.noted(outerKey + path)
	return func(d *dir, at string) ([]pattern, error) {
		if at == excludeFile || at == "" || at == path || strings.HasPrefix(path, at+"/") || strings.HasPrefix(at, path+"/") {
			return note(d, at)
		}
		return readIgnore(d, at)
	}
}

// outer returns the scope that a copy of a folder inside of a repository had.
func (c *comparer) outer() scope {
	for key, files := range c.ignores {
		path, ok := strings.CutPrefix(key, outerKey)
		if !ok {
			continue
		}
		r := &rules{read: func(_ *dir, at string) ([]pattern, error) {
			if at == excludeFile {
				return append(slices.Clone(machineMade), files[at]...), nil
			}
			return files[at], nil
		}}
		// Neither reads anything, nor fails.
		_ = r.exclude(nil)
		s, _ := r.down(nil, strings.Split(path, "/"))
		return s
	}
	return scope{}
}
