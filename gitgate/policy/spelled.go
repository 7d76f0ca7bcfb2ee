package policy

import (
	"strings"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/scan"
)

// spelled finds known values that the paths of the commits spell, which the names in
// trees, scanned one by one, do not tell. Nearly always the scan knows that there are
// none.
func (x *check) spelled(commits []*commit) (list []*located, err error) {
	if x.Scan == nil || !x.Scan.MaySpell() {
		return nil, nil
	}
	if err := x.needEdge(commits); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, c := range commits {
		note := func(path []string, folder bool) error {
			found := x.Scan.Spelled(path, folder)
			if text := strings.Join(path, "/"); len(found) == 0 || seen[text] {
				return nil
			} else if seen[text] = true; len(seen) > scan.MaxHits {
				return scan.ErrTooMany
			}
			list = append(list, &located{Hit: scan.Hit{Kind: object.Tree, Finding: found[0].Finding}, commit: c.id, paths: [][]string{path}, whole: true})
			return nil
		}
		var failed error
		d := differ{store: x.store}
		d.enter = func(path []string, id oid.ID) bool {
			if id.IsZero() || failed != nil {
				return false
			}
			failed = note(path, true)
			_, begun := x.Scan.Spells(path) // what the server has may complete it
			return failed == nil && (begun || x.store.new(id))
		}
		d.file = func(path []string, e *object.Entry) error {
			if e == nil || failed != nil {
				return failed
			}
			return note(path, false)
		}
		if err := d.commit(c); err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, failed
		}
	}
	return list, nil
}

// spelledIn returns which names of a path spell a known value together.
func (x *check) spelledIn(path []string) map[int]bool {
	if x.Scan == nil {
		return nil
	}
	var parts map[int]bool
	for n := 2; n <= len(path); n++ {
		for _, s := range x.Scan.Spelled(path[:n], n < len(path)) {
			if parts == nil {
				parts = map[int]bool{}
			}
			for i := s.From; i < n; i++ {
				parts[i] = true
			}
		}
	}
	return parts
}
