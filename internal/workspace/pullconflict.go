package workspace

import (
	"errors"
	"fmt"
)

// besideName is where the agent's file is put when the person's stays.
func (p *puller) besideName(rel string) string { return rel + ".bottle-" + p.opts.ID }

// conflict leaves the host's file and puts the agent's beside it.
func (p *puller) conflict(d *difference) error {
	switch {
	case d.there.kind == '?':
		return errors.New("in your folder there is something else in its place, or in that of its folder")
	case d.there.kind == 0:
		d.item.Reason = "you removed it"
	case firstForm(d.met.was).kind == 0:
		d.item.Reason = "you have another one"
	default:
		d.item.Reason = "you changed it too"
	}
	var err error
	switch {
	case d.now.kind == 0:
		d.item.Reason += "; yours stays"
		d.item.Kept = d.pulled
	case d.item.Kind == Executable: // no other content is at stake
		d.item.Kept = d.pulled
	default:
		err = p.beside(d)
	}
	if err != nil {
		return err
	}
	if d.item.Kept {
		p.out.Kept++
	}
	p.out.Conflicts.add(d.item)
	p.note(d, &d.there)
	return nil
}

// beside puts the agent's file beside the person's, where it is not there already.
// One that the person edits stays.
func (p *puller) beside(d *difference) error {
	at, is, err := p.besideAt(d)
	if err != nil {
		return err
	}
	d.item.As = at
	d.item.Kept = is.same(d.now) || d.pulled && (is.kind == 'f' || is.kind == 'l')
	if !d.item.Kept && p.opts.DryRun {
		d.item.Kept = p.inTips(d)
		return nil
	}
	if d.item.Kept {
		return nil
	}
	return p.put(d, d.item.As, nil)
}

// maxBeside is how many versions are put beside one file.
const maxBeside = 100

// besideAt returns where the agent's file is put, and what is there: one that has
// it, or that the last pull put there, or a name with a number. All else beside is
// the person's. What was pulled before, and edited there, is not put again.
func (p *puller) besideAt(d *difference) (string, form, error) {
	name := p.besideName(d.path)
	var edited form
	for n := 1; n <= maxBeside; n++ {
		at := name
		if n > 1 {
			at = fmt.Sprintf("%s.%d", name, n)
		}
		is, err := p.host.form(at, p.sum)
		if err != nil {
			return "", form{}, err
		}
		if is.kind == d.now.kind && d.now.sum == "" {
			if d.now.sum, err = p.sum(d.parent, d.name, d.st); err != nil {
				return "", form{}, err
			}
		}
		was := d.met.was
		switch {
		case is.kind != 0 && is.same(d.now), was != nil && was.past != nil && was.past.yours != nil && is.same(wasForm(was)):
			return at, is, nil
		case is.kind == 0 && edited.kind != 0:
			return name, edited, nil
		case is.kind == 0:
			return at, is, nil
		case n == 1 && d.pulled && (is.kind == 'f' || is.kind == 'l'):
			edited = is
		}
	}
	return "", form{}, fmt.Errorf("there are more than %d versions of it beside yours: remove some", maxBeside)
}

// removeBeside removes the file beside the person's when the agent's is taken after
// all, if it is the same.
func (p *puller) removeBeside(d *difference) {
	at := p.besideName(d.path)
	if is, err := p.host.form(at, p.sum); err == nil && is.kind != 0 && is.same(d.now) {
		_ = p.host.remove(at) // one that stays does no harm
	}
}
