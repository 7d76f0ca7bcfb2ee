package policy

import (
	"fmt"
	"slices"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// differ finds what a commit changes: what is in its tree like in no parent's, and
// what is in the trees of all parents but not in its own.
type differ struct {
	*store
	// enter says whether to look into a folder that differs; id is zero for one that
	// is removed.
	enter func(path []string, id oid.ID) bool
	// file is shown what differs and is no folder; e is nil for what is removed.
	file func(path []string, e *object.Entry) error
	// changed is file for who wants to know, too, whether a parent has the file.
	changed func(path []string, e *object.Entry, before bool) error
	// kept, if it is not nil, is shown the names of what is the same in folders that
	// differ.
	kept func(name []byte)
	held int64 // of trees that are compared now, in bytes
}

// maxHeld bounds the trees that are in memory while they are compared, and entryMemory
// is what one entry takes beside its bytes.
const (
	maxHeld     = 128 << 20
	entryMemory = 64
)

// errHeld is for a commit whose trees are too large to compare, as one of a thousand
// parents may have.
var errHeld = fmt.Errorf("the trees of a commit and its parents have more than %d MiB together", maxHeld>>20)

// maxDepth bounds how deep folders may lie in each other.
const maxDepth = 512

func (d *differ) commit(c *commit) error {
	parents := make([]oid.ID, len(c.parents))
	for i, id := range c.parents {
		p, err := d.store.commit(id)
		if err != nil {
			return err
		}
		if p.tree == c.tree {
			return nil
		}
		parents[i] = p.tree
	}
	return d.folder(nil, c.tree, parents)
}

// entries reads a tree; that of the zero ID is empty.
func (s *store) entries(id oid.ID) (list []object.Entry, err error) {
	if id.IsZero() {
		return nil, nil
	}
	b, err := s.read(id, object.Tree)
	if err != nil {
		return nil, err
	}
	for e, err := range object.Entries(b, id.Format()) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id.Short(), err)
		}
		list = append(list, e)
	}
	return list, nil
}

// folder compares a tree with those that the parents have in its place. All are in
// one order, in which a file and a folder of one name are two things.
func (d *differ) folder(path []string, tree oid.ID, parents []oid.ID) error {
	if len(path) > maxDepth {
		return fmt.Errorf("folders lie more than %d deep in each other", maxDepth)
	}
	lists := make([][]object.Entry, 1+len(parents))
	defer func(before int64) { d.held = before }(d.held)
	for i, id := range append([]oid.ID{tree}, parents...) {
		list, err := d.entries(id)
		if err != nil {
			return err
		}
		for _, e := range list {
			d.held += int64(len(e.Name)+len(e.Sum)) + entryMemory
		}
		if d.held > maxHeld {
			return errHeld
		}
		lists[i] = list
	}
	for at, ok := take(lists); ok; at, ok = take(lists) {
		if err := d.entry(path, at, tree.Format()); err != nil {
			return err
		}
	}
	return nil
}

// take takes the entry that is the next in any of the lists, from all in which it
// is.
func take(lists [][]object.Entry) (at []*object.Entry, ok bool) {
	var first *object.Entry
	for _, list := range lists {
		if len(list) > 0 && (first == nil || list[0].Compare(*first) < 0) {
			first = &list[0]
		}
	}
	if first == nil {
		return nil, false
	}
	at = make([]*object.Entry, len(lists))
	for i, list := range lists {
		if len(list) > 0 && list[0].Compare(*first) == 0 {
			at[i], lists[i] = &list[0], list[1:]
		}
	}
	return at, true
}

// entry looks at an entry: at[0] is the commit's, the others those of parents; nil
// where it is not.
func (d *differ) entry(folder []string, at []*object.Entry, format oid.Format) error {
	now, before := at[0], at[1:]
	for _, old := range before {
		if same(now, old) {
			if d.kept != nil && now != nil {
				d.kept(now.Name)
			}
			return nil
		}
	}
	some := now
	ids := make([]oid.ID, len(before))
	for i, old := range before {
		ids[i] = format.Zero()
		if old != nil {
			some, ids[i] = old, old.ID(format)
		}
	}
	path := append(folder[:len(folder):len(folder)], string(some.Name))
	if some.Mode != object.ModeTree {
		if d.changed != nil {
			return d.changed(path, now, slices.ContainsFunc(before, func(e *object.Entry) bool { return e != nil }))
		}
		return d.file(path, now)
	}
	id := format.Zero()
	if now != nil {
		id = now.ID(format)
	}
	if !d.enter(path, id) {
		return nil
	}
	return d.folder(path, id, ids)
}

func same(a, b *object.Entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Mode == b.Mode && string(a.Sum) == string(b.Sum)
}

// lookup returns the entry at a path below a tree, if there is one.
func (s *store) lookup(tree oid.ID, path []string) (e object.Entry, ok bool, err error) {
	for i, name := range path {
		list, err := s.entries(tree)
		if err != nil {
			return e, false, err
		}
		ok = false
		for _, e = range list {
			if string(e.Name) == name && (i == len(path)-1 || e.Mode == object.ModeTree) {
				tree, ok = e.ID(tree.Format()), true
				break
			}
		}
		if !ok {
			return e, false, nil
		}
	}
	return e, ok, nil
}
