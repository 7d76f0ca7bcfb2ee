package workspace

import (
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxRefNumber is how many refs a branch that is rewritten time and again gets.
const maxRefNumber = 1000

// bottleRefs are refs of the host that pulls of one bottle made. For commits that the
// agent took back they may be all that leads to them.
type bottleRefs struct {
	top  string // refs/bottle/ID, or refs/heads/bottle
	at   map[string]plumbing.Hash
	busy map[string]bool // not moved, whatever they are at
	// within reports whether the history of a commit has another.
	within func(old, of plumbing.Hash) (bool, error)
}

// bottleRefs reads the refs of this bottle, and all branches by the folder that its
// branch is in.
func (p *puller) bottleRefs(common *dir, there *ancestry) (refs, branches *bottleRefs, err error) {
	refs = &bottleRefs{top: "refs/bottle/" + p.opts.ID, at: map[string]plumbing.Hash{}, within: there.isAncestor}
	branches = &bottleRefs{top: branchTop, at: map[string]plumbing.Hash{}, within: there.isAncestor}
	err = readRefs(common, func(name, hash string) error {
		for _, b := range []*bottleRefs{refs, branches} {
			if _, loose := b.at[name]; !loose && (name == b.top || strings.HasPrefix(name, b.top+"/")) {
				b.at[name] = plumbing.NewHash(hash)
			}
		}
		return p.ctx.Err()
	})
	return refs, branches, err
}

// place returns where a ref of the agent's is put: under its own name, or with a
// number when there is what does not go with it, or in its history.
func (b *bottleRefs) place(name string, hash plumbing.Hash) (string, error) {
	segments := strings.Split(strings.TrimPrefix(name, "refs/"), "/")
	at := b.top
	for i, segment := range segments {
		next, err := b.free(at+"/"+segment, hash, i == len(segments)-1)
		if err != nil {
			return "", err
		}
		at = next
	}
	return at, nil
}

func (b *bottleRefs) free(name string, hash plumbing.Hash, last bool) (string, error) {
	for n := 1; n <= maxRefNumber; n++ {
		at := numbered(name, n)
		old, taken := b.at[at]
		switch {
		case !last && !taken:
			return at, nil
		case !last || b.isFolder(at):
			continue
		case taken && old == hash || !taken && !b.busy[at]:
			return at, nil
		case b.busy[at]:
			continue
		}
		ok, err := b.within(old, hash)
		if ok || err != nil {
			return at, err
		}
	}
	return "", fmt.Errorf("there are more than %d refs of its name: delete some of %s", maxRefNumber, name)
}

// numbered is the name that the nth ref of a name gets.
func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, n)
}

func (b *bottleRefs) isFolder(name string) bool {
	for other := range b.at {
		if strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}
