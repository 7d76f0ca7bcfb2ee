package workspace

import (
	"errors"
	"path"
)

// maxGone bounds what a dry run remembers that it would remove.
const maxGone = 1 << 18

// there is what the host has, in a dry run without what would be removed by then.
func (p *puller) there(rel string) (form, error) {
	f, err := p.host.form(rel, p.sum)
	switch {
	case err != nil || !p.opts.DryRun:
	case f.kind == '?':
		for at := rel; at != "."; at = path.Dir(at) {
			if p.gone[at] {
				return form{}, nil
			}
		}
	case f.kind == 'd' && p.again && p.emptied(rel):
		return form{}, nil
	}
	return f, err
}

// emptied reports whether all that is in a folder of the host would be removed.
func (p *puller) emptied(rel string) bool {
	d, name, err := lookup(p.host.top, rel)
	if err != nil {
		return false
	}
	defer d.close()
	sub, err := d.sub(name)
	if err != nil {
		return false
	}
	defer sub.close()
	w := walk{ctx: p.ctx, v: &goneCheck{p.gone, rel}}
	return !hasGit(sub) && w.tree(sub, ".", 0, scope{}) == nil
}

var errStays = errors.New("a file stays")

// goneCheck stops a walk at what would not be removed.
type goneCheck struct {
	gone map[string]bool
	at   string
}

func (g *goneCheck) repository(*dir, string) (*rules, error)        { return nil, errStays }
func (g *goneCheck) enter(*dir, string, string, stat) (bool, error) { return true, nil }
func (g *goneCheck) leave(*dir, string, stat) error                 { return nil }
func (g *goneCheck) skip(string, error) error                       { return errStays }

func (g *goneCheck) entry(_ *dir, rel, _ string, _ stat) error {
	if !g.gone[path.Join(g.at, rel)] {
		return errStays
	}
	return nil
}
