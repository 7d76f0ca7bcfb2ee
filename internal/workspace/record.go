package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
)

// maxRecorded bounds what Record reads of one file: it is the agent's, who can
// make a terabyte of nothing.
const maxRecorded = 1 << 30

// noSum stands for the hash of a file that was not read: any other time on it
// is a change.
const noSum = "-"

// Record writes a base for a copy as it is now, in place of the one before:
// after its work was pulled. What is ignored or cannot be read is left out, so
// that it shows up as work later if the rules change.
func Record(ctx context.Context, base, target string) error {
	d, err := openDir(target)
	if err != nil {
		return err
	}
	defer d.close()
	if inside(base, target) {
		return fmt.Errorf("the base %s is inside of the target", base)
	}
	b, err := newBaseWriter(base)
	if err != nil {
		return fmt.Errorf("record the copy: %w", err)
	}
	// The comparer is used for its rules; what it finds is of no concern.
	r := &recorder{comparer: &comparer{ctx: ctx, seen: map[string]bool{}, pump: newPump(nil)}, base: b}
	w := walk{ctx: ctx, v: r}
	if err := w.tree(d, ".", 0, scope{}); err != nil {
		b.drop()
		return err
	}
	return b.finish()
}

type recorder struct {
	*comparer
	base *baseWriter
}

func (r *recorder) repository(d *dir, rel string) (*rules, error) {
	own, err := r.comparer.repository(d, rel)
	if own == nil || err != nil {
		return own, err
	}
	git, err := d.sub(gitName)
	if err != nil {
		return nil, err
	}
	defer git.close()
	if err := r.base.repository(rel, git); err != nil {
		return nil, fmt.Errorf("%s: %w", path.Join(rel, gitName), err)
	}
	return own, nil
}

func (r *recorder) entry(parent *dir, rel, name string, st stat) error {
	if !st.isRegular() && !st.isLink() {
		return nil
	}
	sum, err := noSum, error(nil)
	if st.size <= maxRecorded {
		sum, err = r.sum(parent, name, st)
	}
	if cerr := r.ctx.Err(); cerr != nil {
		return cerr
	}
	if err != nil {
		return r.skip(rel, err)
	}
	now, err := parent.lstat(name)
	if err != nil || !now.same(st) {
		return r.skip(rel, errors.Join(err, errChanged))
	}
	r.base.record(newRecord(st, sum, rel))
	return nil
}
