package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxPreviewed bounds how many entries StaysBehind looks at.
const maxPreviewed = 1 << 17

var errPreviewed = fmt.Errorf("more than %d files and folders", maxPreviewed)

// Behind is what a copy leaves behind because git ignores it: files, and folders
// with a slash at the end, in which nothing is listed.
type Behind struct {
	List[string]
	// Part says that there was too much to look at all of it.
	Part bool
}

// Has reports whether a path, relative to the workspace, stays behind.
func (b *Behind) Has(path string) bool {
	for _, p := range b.Items {
		if p == path || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// StaysBehind says what Copy would leave behind by the rules, without copying.
// Of the options it takes Source and Excludes.
func StaysBehind(ctx context.Context, opts Options) (Behind, error) {
	c := &copier{ctx: ctx, opts: opts, report: &Report{}}
	var err error
	if c.source, err = canonical(opts.Source); err != nil {
		return Behind{}, err
	}
	d, err := openDir(c.source)
	if err != nil {
		return Behind{}, err
	}
	defer d.close()
	var out Behind
	w := walk{ctx: ctx, v: &previewer{c: c}, left: func(rel string, isDir bool) {
		if isDir {
			rel += "/"
		}
		out.add(rel)
	}}
	s := scope{}
	if !hasGit(d) {
		s = c.outer()
	}
	if err = w.tree(d, ".", 0, s); errors.Is(err, errPreviewed) {
		out.Part, err = true, nil
	}
	return out, err
}

// previewer goes where a copy would go.
type previewer struct {
	c    *copier
	seen int
}

func (p *previewer) repository(d *dir, rel string) (*rules, error) {
	g, err := p.c.openGit(d, rel)
	if err != nil {
		return nil, nil // the copy says so
	}
	defer g.close()
	if rel == "." {
		p.c.common = g.commonPath
	}
	cfg, err := p.c.readConfig(g)
	if err != nil {
		return nil, nil
	}
	r, err := p.c.rules(d, g, cfg, rel)
	var u *unreadable
	if errors.As(err, &u) {
		return nil, nil
	}
	return r, err
}

func (p *previewer) count() error {
	if p.seen++; p.seen > maxPreviewed {
		return errPreviewed
	}
	return nil
}

func (p *previewer) enter(*dir, string, string, stat) (bool, error) { return true, p.count() }
func (p *previewer) leave(*dir, string, stat) error                 { return nil }
func (p *previewer) entry(*dir, string, string, stat) error         { return p.count() }
func (p *previewer) skip(string, error) error                       { return p.c.ctx.Err() }
