package policy

import (
	"slices"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// dropKnown leaves out what the server has already: a whole file arrives where a
// line was changed, with the secret that always stood in another. That is so if the
// file that the server has at the path, at one of the commits that the push builds
// on, has the same finding. A name is known if it is there.
func (x *check) dropKnown(list []*located) (left []*located, err error) {
	trees, err := x.edgeTrees()
	if err != nil {
		return nil, err
	}
	before, err := x.readBefore(list, trees)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if !before.has(l) {
			left = append(left, l)
		}
	}
	return left, nil
}

// edgeTrees are the trees of the commits that the push builds on.
func (x *check) edgeTrees() (trees []oid.ID, err error) {
	for _, id := range x.edge {
		c, err := x.store.commit(id)
		if err != nil {
			return nil, err
		}
		trees = append(trees, c.tree)
	}
	return trees, nil
}

// before is what the server has in the places of hits.
type before struct {
	at     map[*located][][]object.Entry // by the path, one for each commit that has it
	hashes map[oid.ID]map[string]bool    // what is found in a file
	format oid.Format
}

// has reports whether the server has a hit at all of its paths. A name may have
// stood in its folder all the time.
func (b *before) has(l *located) bool {
	if l.more || len(l.paths) == 0 {
		return l.kept && !l.more
	}
	for i := range l.paths {
		if !slices.ContainsFunc(b.at[l][i], func(e object.Entry) bool { return b.same(l, e) }) {
			return false
		}
	}
	return true
}

func (b *before) same(l *located, e object.Entry) bool {
	if l.Kind == object.Tree {
		return true
	}
	return l.Finding.Hash != "" && b.hashes[e.ID(b.format)][key(l.Finding)]
}

func key(f dlp.Finding) string { return f.Rule + " " + f.Hash }

// readBefore looks up the paths and scans the files that are there, which the
// server is asked for at once.
func (x *check) readBefore(list []*located, trees []oid.ID) (*before, error) {
	b := &before{map[*located][][]object.Entry{}, map[oid.ID]map[string]bool{}, x.format()}
	var missing []oid.ID
	for _, l := range list {
		for _, path := range l.paths {
			entries, err := x.lookupAll(trees, path)
			if err != nil {
				return nil, err
			}
			b.at[l] = append(b.at[l], entries)
			for _, e := range entries {
				id := e.ID(x.format())
				if l.Kind == object.Tree || e.Kind() != object.Blob || b.hashes[id] != nil {
					continue
				}
				b.hashes[id] = map[string]bool{}
				if !x.store.has(id) {
					missing = append(missing, id)
				}
			}
		}
	}
	if len(missing) > 0 {
		if err := x.store.fetch(Query{Want: missing}); err != nil {
			return nil, err
		}
	}
	return b, x.scanBefore(b)
}

// lookupAll returns the entries at a path in those of the trees that have one.
func (x *check) lookupAll(trees []oid.ID, path []string) (list []object.Entry, err error) {
	for _, tree := range trees {
		e, ok, err := x.store.lookup(tree, path)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, e)
		}
	}
	return list, nil
}

func (x *check) scanBefore(b *before) error {
	for id, hashes := range b.hashes {
		w := x.Scan.Finder(func(f dlp.Finding) { hashes[key(f)] = true })
		if err := x.store.copy(w, id); err != nil {
			return err
		}
		w.Close()
	}
	return nil
}
