package workspace

import (
	"fmt"
	"strings"
)

// past is what a base keeps of a path that a pull took: without it, what the host
// has lost since could not be told from what it never was to have.
type past struct {
	first form  // in the copy when it was made
	yours *form // on the host when the agent's was put beside it; nil when it was taken
}

// formKinds are the words for forms in a base; the hash follows, if there is one.
var formKinds = map[byte]string{0: "-", 'f': "f", 'l': "l", 'd': "d", '?': "?"}

func (f form) text() string {
	if f.kind == 'f' && f.exec {
		return "x" + f.sum
	}
	return formKinds[f.kind] + f.sum
}

func parseForm(s string) (form, bool) {
	if s == "" {
		return form{}, false
	}
	f := form{kind: s[0], sum: s[1:]}
	switch s[0] {
	case '-':
		f.kind = 0
	case 'x':
		f.kind, f.exec = 'f', true
	}
	_, ok := formKinds[f.kind]
	return f, ok
}

// noConflict stands for yours.
const noConflict = "."

func (p *past) text() string {
	yours := noConflict
	if p.yours != nil {
		yours = p.yours.text()
	}
	return p.first.text() + " " + yours
}

func parsePast(s string) (*past, error) {
	first, yours, _ := strings.Cut(s, " ")
	var p past
	var ok bool
	if p.first, ok = parseForm(first); ok && yours != noConflict {
		p.yours = new(form)
		*p.yours, ok = parseForm(yours)
	}
	if !ok {
		return nil, fmt.Errorf("%w: a line that says what was pulled", ErrNoBase)
	}
	return &p, nil
}

// firstForm is what a path was when the copy was made.
func firstForm(r *record) form {
	if r != nil && r.past != nil {
		return r.past.first
	}
	return wasForm(r)
}

// kindOf says what became of a form.
func kindOf(was, now form) Kind {
	switch {
	case was == now:
		return ""
	case was.kind == 0:
		return Added
	case now.kind == 0:
		return Deleted
	case was.same(now):
		return Executable
	}
	return Modified
}

// note puts into the base what a path is in the copy now, and that it is the
// agent's; yours is what the person has there in a conflict. What is as it was at
// first is no work.
func (p *puller) note(d *difference, yours *form) {
	if yours == nil {
		p.known(d.met)
	}
	r := record{kind: 'g', path: d.path}
	switch {
	case d.now.kind == 0:
	case d.pulled:
		r = *d.met.was
	default:
		r = newRecord(d.st, d.now.sum, d.path)
	}
	first := firstForm(d.met.was)
	if r.past = nil; first != wasForm(&r) || yours != nil {
		r.past = &past{first, yours}
	}
	if r.kind != 'g' || r.past != nil {
		p.base.record(r)
	}
}

// stillThere reports whether the person has, or made something else of, what was
// taken. What is as it was before the agent's was taken, or is gone, is neither.
func (p *puller) stillThere(d *difference) bool {
	past, now, there := d.met.was.past, d.now, d.there
	switch {
	case there.same(now):
		modeOnly := past.first.same(now)
		return past.yours == nil && (there.exec == now.exec || !modeOnly && !p.opts.Force)
	case now.kind == 0 && there.kind == 'd' && past.yours == nil: // a folder came in the place of the file
		return true
	case p.opts.Force || there.same(past.first) || there.kind != 'f' && there.kind != 'l':
		return false
	case past.yours == nil:
		return true
	case there.same(*past.yours):
		return false
	case now.kind == 0:
		return true
	}
	beside, err := p.host.form(p.besideName(d.path), p.sum)
	return err == nil && beside.kind == 0
}

// known counts a new file that the host has among those that git has to be told
// of before it merges.
func (p *puller) known(m met) {
	if m.parent != nil && !m.st.isDir() && firstForm(m.was).kind == 0 {
		p.added.add(m.path)
	}
}
