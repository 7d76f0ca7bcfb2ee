package workspace

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// met is a file or link that a comparer met in a copy, or misses there.
type met struct {
	parent *dir // nil when it is gone
	name   string
	st     stat
	path   string
	was    *record // nil when it is new
}

// form is what stands at a path.
type form struct {
	kind byte   // of a record; 'd' for a folder, '?' for all else, 0 for nothing
	sum  string // of a file's content or a link's target
	exec bool
}

func (f form) same(g form) bool { return f.kind == g.kind && f.sum == g.sum }

func wasForm(r *record) form {
	if r == nil {
		return form{}
	}
	return form{r.kind, r.hash, r.perm&0o111 != 0}
}

// file takes one difference over. No kind: there is none.
func (p *puller) file(kind Kind, m met) error {
	p.progress()
	if kind == "" {
		p.base.record(*m.was)
		return p.ctx.Err()
	}
	item := PullItem{Change: Change{Kind: kind, Path: m.path}}
	if reason := p.never(m); reason != "" {
		return p.keep(item, m, reason)
	}
	err := p.take(item, m)
	if cerr := p.ctx.Err(); cerr != nil {
		return cerr
	}
	if err != nil {
		return p.keep(item, m, err.Error())
	}
	return nil
}

// keep leaves a difference, to be met again.
func (p *puller) keep(item PullItem, m met, reason string) error {
	item.Reason = reason
	p.out.Left.add(item)
	p.stays(m)
	return p.ctx.Err()
}

func (p *puller) stays(m met) {
	if m.was != nil {
		p.base.record(*m.was)
	}
}

// never says why a path is not taken whatever it holds.
func (p *puller) never(m met) string {
	for part := range strings.SplitSeq(m.path, "/") {
		if isGitName(part) {
			return "it could be taken for a .git"
		}
	}
	if p.bare != "" && strings.HasPrefix(m.path, p.bare) {
		return "its folder is one that git takes for a repository, whose config names programs"
	}
	for _, hold := range p.opts.Hold {
		if strings.EqualFold(m.path, hold) {
			return "it is the manifest, which says what the agent may do: compare the two, and change yours by hand"
		}
	}
	if m.parent != nil && !m.st.isRegular() && !m.st.isLink() && !m.st.isDir() {
		return "it is neither a file nor a link"
	}
	return ""
}

// take decides what becomes of a difference.
func (p *puller) take(item PullItem, m met) error {
	now, target, err := p.now(m)
	if err != nil {
		return err
	}
	item.Target = target
	there, err := p.there(m.path)
	if err != nil {
		return err
	}
	// The sum of a large new file is worth the time only when there is one to
	// compare it with.
	if now.kind == 'f' && there.kind == 'f' {
		if now.sum, err = p.sum(m.parent, m.name, m.st); err != nil {
			return err
		}
	}
	was := wasForm(m.was)
	modeOnly := item.Kind == Executable
	switch {
	case now.kind == 0 && (there.kind == 0 || there.kind == '?'): // gone on both sides
		return nil
	case now.kind == 'f' && (modeOnly || there.same(now)):
		return p.mode(item, m, now, was, there)
	case there.same(now):
		p.done(m, now.sum)
		return nil
	case now.kind == 'l':
		if reason := p.leadsOut(m.path, target); reason != "" {
			return errors.New(reason)
		}
	}
	switch {
	case there.kind == 'd' && now.kind != 0 && !p.again && len(p.late) < maxListed:
		p.late = append(p.late, m.path)
		p.stays(m)
		return nil
	case there.same(was) || p.opts.Force && (there.kind == 0 || there.kind == 'f' || there.kind == 'l'):
		return p.apply(item, m, now)
	}
	return p.conflict(item, m, now, there)
}

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

// now is what the copy has. A file has no sum yet.
func (p *puller) now(m met) (form, string, error) {
	switch {
	case m.parent == nil || m.st.isDir():
		return form{}, "", nil
	case m.st.isLink():
		target, err := m.parent.readlink(m.name)
		return form{kind: 'l', sum: linkSum(target)}, target, err
	}
	return form{kind: 'f', exec: m.st.perm()&0o111 != 0}, "", nil
}

func (p *puller) sum(parent *dir, name string, st stat) (string, error) {
	return digestOf(parent, name, st, p.pump, func(int) error { return p.ctx.Err() })
}

// done notes in the base that the host has what the copy has.
func (p *puller) done(m met, sum string) { p.base.record(newRecord(m.st, sum, m.path)) }

// mode takes over whether a file is executable, which is the only difference
// then.
func (p *puller) mode(item PullItem, m met, now, was, there form) error {
	if item.Kind == Executable {
		now.sum = was.sum
	}
	switch {
	case there.kind != 'f':
		return p.conflict(item, m, now, there)
	case now.exec != there.exec && (m.was == nil || now.exec != was.exec):
		item.Kind = Executable
		if !p.opts.DryRun {
			if err := p.host.chmod(m.path, now.exec); err != nil {
				return err
			}
		}
		p.out.Taken.add(item)
	}
	p.done(m, now.sum)
	return nil
}

// apply writes what the copy has to the host.
func (p *puller) apply(item PullItem, m met, now form) error {
	if p.opts.DryRun {
		if now.kind == 0 && len(p.gone) < maxGone {
			p.gone[m.path] = true
		}
		p.out.Taken.add(item)
		return nil
	}
	switch now.kind {
	case 0:
		if err := p.host.remove(m.path); err != nil {
			return err
		}
		p.host.prune(path.Dir(m.path), p.c.top)
	default:
		sum, err := p.put(&m, m.path, item.Target)
		if err != nil {
			return err
		}
		p.done(m, sum)
	}
	p.out.Taken.add(item)
	return nil
}

// put writes a file or link of the copy to a path of the host, and returns the
// sum of it. A file that somebody writes to is tried again as it is then.
func (p *puller) put(m *met, at, target string) (string, error) {
	if m.st.isLink() {
		return linkSum(target), p.host.link(at, target)
	}
	exec := keepExec
	if x := m.st.perm()&0o111 != 0; m.was == nil || m.was.kind != 'f' || x != (m.was.perm&0o111 != 0) {
		exec = map[bool]execBits{true: setExec, false: clearExec}[x]
	}
	for range copyTries {
		sum, ok, err := p.host.write(at, *m, exec, p.pump, func(int) error { return p.ctx.Err() })
		if err != nil || ok {
			return sum, err
		}
		if m.st, err = m.parent.lstat(m.name); err != nil {
			return "", err
		}
	}
	return "", errChanged
}

// conflict leaves the host's file and puts the agent's beside it.
func (p *puller) conflict(item PullItem, m met, now, there form) error {
	switch {
	case there.kind == '?':
		return errors.New("in your folder there is something else in its place, or in that of its folder")
	case there.kind == 0:
		item.Reason = "you removed it"
	case m.was == nil:
		item.Reason = "you have another one"
	default:
		item.Reason = "you changed it too"
	}
	if now.kind == 0 {
		item.Reason += "; yours stays"
		p.out.Conflicts.add(item) // and the base forgets it: it is said once
		return nil
	}
	if item.Kind == Executable { // no other content is at stake
		p.out.Conflicts.add(item)
		p.done(m, now.sum)
		return nil
	}
	item.As = m.path + ".bottle-" + p.opts.ID
	if p.again {
		// What is put off is in no base: what came of it is seen on the host alone.
		if beside, err := p.host.form(item.As, p.sum); err == nil && now.kind == beside.kind {
			if now.sum, err = p.sum(m.parent, m.name, m.st); err == nil && beside.same(now) {
				return nil
			}
		}
	}
	sum, beside := now.sum, m
	beside.was = nil
	if !p.opts.DryRun {
		var err error
		if sum, err = p.put(&beside, item.As, item.Target); err != nil {
			return err
		}
	}
	p.out.Conflicts.add(item)
	p.done(met{st: beside.st, path: m.path}, sum)
	return nil
}

// postponed tries those again whose place a folder took that may have gone.
func (p *puller) postponed() error {
	base := p.base
	p.base, p.again = nil, true // the base has them already
	defer func() { p.base = base }()
	for _, name := range p.late {
		parent, last, err := lookup(p.c.top, name)
		if err != nil {
			continue // it went meanwhile
		}
		st, err := parent.lstat(last)
		if err == nil {
			err = p.file(Added, met{parent: parent, name: last, st: st, path: name})
		}
		parent.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// bareTop notes that the copy's own folder looks like a repository.
func (p *puller) bareTop(top *dir) {
	if !hasGit(top) {
		p.noteBare(top, "")
	}
}

// noteBare notes a folder that git takes for a repository where it is started in
// it, gitrepository-layout(5).
func (p *puller) noteBare(d *dir, prefix string) {
	if p.bare != "" && strings.HasPrefix(prefix, p.bare) {
		return
	}
	p.bare = ""
	if d.has("HEAD") && d.has("objects") && d.has("refs") {
		p.bare = prefix
	}
}
