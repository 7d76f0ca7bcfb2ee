package workspace

import (
	"errors"
	"io/fs"
	"path"
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
	if r == nil || r.kind == 'g' {
		return form{}
	}
	return form{r.kind, r.hash, r.perm&0o111 != 0}
}

// difference is one thing that the agent did, and what the host has there.
type difference struct {
	met
	item   PullItem
	was    form // what the host has if the person did nothing there
	pulled bool // an earlier pull took it as it is now
	now    form
	there  form
}

// file takes one difference over. No kind: it is as the base has it.
func (p *puller) file(kind Kind, m met) error {
	p.progress()
	d := &difference{met: m, item: PullItem{Change: Change{Kind: kind, Path: m.path}}, was: wasForm(m.was)}
	if kind == "" {
		if m.was.past == nil {
			p.base.record(*m.was)
			return p.ctx.Err()
		}
		d.was, d.pulled = m.was.past.first, true
		d.item.Kind = kindOf(d.was, wasForm(m.was))
	}
	if reason := p.never(m); reason != "" {
		return p.keep(d, reason)
	}
	err := p.take(d)
	if cerr := p.ctx.Err(); cerr != nil {
		return cerr
	}
	if err != nil {
		return p.keep(d, err.Error())
	}
	return nil
}

// keep leaves a difference, to be met again.
func (p *puller) keep(d *difference, reason string) error {
	d.item.Reason = reason
	p.out.Left.add(d.item)
	p.stays(d.met)
	return p.ctx.Err()
}

func (p *puller) stays(m met) {
	if m.was != nil {
		p.base.record(*m.was)
	}
}

// take decides what becomes of a difference.
func (p *puller) take(d *difference) error {
	if err := p.look(d); err != nil {
		return err
	}
	now, there := d.now, d.there
	modeOnly := d.item.Kind == Executable
	switch {
	case d.pulled && p.stillThere(d):
		p.known(d.met)
		p.stays(d.met)
		return nil
	case now.kind == 0 && (there.kind == 0 || there.kind == '?'): // gone on both sides
		p.note(d, nil)
		return nil
	case now.kind == 'f' && (modeOnly || there.same(now)):
		if reason := p.quarantine(d.met); reason != "" && now.exec && !there.exec {
			return errors.New(reason) // by that alone it may be run
		}
		return p.mode(d)
	case there.same(now):
		p.note(d, nil)
		return nil
	case now.kind == 'l':
		if reason := p.leadsOut(d.path, d.item.Target); reason != "" {
			return errors.New(reason)
		}
	}
	// What the host has already, it runs already: this is about what would be written.
	if reason := p.quarantine(d.met); reason != "" {
		return errors.New(reason)
	}
	switch {
	case there.kind == 'd' && now.kind != 0 && !p.again && len(p.late) < maxListed:
		p.late = append(p.late, d.path)
		p.stays(d.met)
		return nil
	case there.same(d.was), there.same(firstForm(d.met.was)),
		d.pulled && d.met.was.past.yours == nil && there.kind == 0, // it was there, and is gone
		p.opts.Force && (there.kind == 0 || there.kind == 'f' || there.kind == 'l'):
		return p.apply(d)
	}
	return p.conflict(d)
}

// look finds out what the copy and the host have.
func (p *puller) look(d *difference) (err error) {
	if d.now, d.item.Target, err = p.now(d.met); err != nil {
		return err
	}
	if d.there, err = p.there(d.path); err != nil {
		return err
	}
	switch {
	case d.pulled:
		d.now = wasForm(d.met.was)
	case d.item.Kind == Executable:
		d.now.sum = d.was.sum
	// The sum of a large new file is worth the time only when there is one to
	// compare it with.
	case d.now.kind == 'f' && d.there.kind == 'f':
		d.now.sum, err = p.sum(d.parent, d.name, d.st)
	}
	return err
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

// mode takes over whether a file is executable, which is the only difference
// then.
func (p *puller) mode(d *difference) error {
	switch {
	case d.there.kind != 'f':
		return p.conflict(d)
	case d.now.exec != d.there.exec && (p.opts.Force || d.met.was == nil || d.now.exec != d.was.exec):
		d.item.Kind = Executable
		if d.item.Kept = p.opts.DryRun && p.inTips(d); d.item.Kept {
			p.out.Kept++
		}
		if !p.opts.DryRun {
			if err := p.host.chmod(d.path, d.now.exec); err != nil {
				return err
			}
		}
		p.out.Taken.add(d.item)
	}
	p.note(d, nil)
	return nil
}

// apply writes what the copy has to the host.
func (p *puller) apply(d *difference) error {
	if p.opts.DryRun {
		if d.now.kind == 0 && len(p.gone) < maxGone {
			p.gone[d.path] = true
		}
		if d.item.Kept = p.inTips(d); d.item.Kept {
			p.out.Kept++
		}
		p.out.Taken.add(d.item)
		return nil
	}
	if d.now.kind == 0 {
		if err := p.host.remove(d.path); err != nil {
			return err
		}
		p.host.prune(path.Dir(d.path), p.c.top)
	} else if err := p.put(d, d.path, d.met.was); err != nil {
		return err
	}
	if d.met.was != nil && d.met.was.past != nil && d.met.was.past.yours != nil {
		p.removeBeside(d)
	}
	p.note(d, nil)
	p.out.Taken.add(d.item)
	return nil
}

// put writes a file or link of the copy to a path of the host. A file that
// somebody writes to is tried again as it is then.
func (p *puller) put(d *difference, at string, was *record) error {
	if d.st.isLink() {
		return p.host.link(at, d.item.Target)
	}
	exec := keepExec
	if x := d.st.perm()&0o111 != 0; d.pulled || was == nil || was.kind != 'f' || x != (was.perm&0o111 != 0) {
		exec = map[bool]execBits{true: setExec, false: clearExec}[x]
	}
	for range copyTries {
		sum, ok, err := p.host.write(at, d.met, exec, p.pump, func(int) error { return p.ctx.Err() })
		if err != nil {
			return err
		}
		if ok {
			d.now.sum = sum
			return nil
		}
		if d.st, err = d.parent.lstat(d.name); err != nil {
			return err
		}
		if reason := p.quarantine(d.met); reason != "" {
			return errors.New(reason)
		}
	}
	return errChanged
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
