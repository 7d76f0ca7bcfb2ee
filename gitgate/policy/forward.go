package policy

import (
	"errors"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
)

// descends reports whether a commit has another among its ancestors. It walks the
// push, and where that ends, what the server has between both: one more look for
// the most. Where there is no way from one to the other, nothing lies between.
func (s *store) descends(commit, ancestor oid.ID) (bool, error) {
	found, edge, err := s.walk([]oid.ID{commit}, ancestor, map[oid.ID]bool{})
	if found || err != nil || len(edge) == 0 {
		return found, err
	}
	if err := s.fetch(Query{Want: edge, Have: []oid.ID{ancestor}, Filter: onlyCommits}); err != nil {
		return false, err
	}
	found, _, err = s.walk(edge, ancestor, map[oid.ID]bool{})
	return found, err
}

// errNoCommit is for a branch that is to be something else.
var errNoCommit = errors.New("what a branch shall be is no commit")

// walk follows parents until it comes to an ancestor, or to commits that are not
// at hand.
func (s *store) walk(from []oid.ID, ancestor oid.ID, seen map[oid.ID]bool) (found bool, edge []oid.ID, err error) {
	for todo := from; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if id == ancestor {
			return true, nil, nil
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		kind, ok := s.kind(id)
		switch {
		case !ok:
			edge = append(edge, id)
			continue
		case kind != object.Commit:
			return false, nil, errNoCommit
		}
		c, err := s.commit(id)
		if err != nil {
			return false, nil, err
		}
		todo = append(todo, c.parents...)
	}
	return false, edge, nil
}
