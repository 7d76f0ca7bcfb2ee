package workspace

import (
	"context"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// ancestry goes through the commits of the host.
type ancestry struct {
	ctx     context.Context
	objects *hostObjects
	more    *objectReader              // where those are that the host lacks; may be nil
	reached map[plumbing.Hash]struct{} // from the refs; nil until somebody asks
}

// inRefs reports whether a ref of the host leads to an object.
func (a *ancestry) inRefs(g *gitFolder, h plumbing.Hash) (bool, error) {
	if a.reached == nil {
		tips, err := tipsOf(g.common, "")
		if err != nil {
			return false, err
		}
		a.reached = map[plumbing.Hash]struct{}{}
		if _, err := a.walk(tips, a.reached, plumbing.ZeroHash); err != nil {
			return false, err
		}
	}
	_, ok := a.reached[h]
	return ok, nil
}

// tipsOf returns what all refs are at, but for those below one; "" is none.
func tipsOf(common *dir, but string) (tips []plumbing.Hash, err error) {
	err = readRefs(common, func(name, hash string) error {
		if but == "" || !strings.HasPrefix(name, but+"/") {
			tips = append(tips, plumbing.NewHash(hash))
		}
		return nil
	})
	return tips, err
}

// isAncestor reports whether the history of a commit has another.
func (a *ancestry) isAncestor(of, h plumbing.Hash) (bool, error) {
	return a.walk([]plumbing.Hash{h}, map[plumbing.Hash]struct{}{}, of)
}

// walk notes all commits and tags that some lead to, until it meets one. What
// is more than maxPulledObjects back is not looked at.
func (a *ancestry) walk(todo []plumbing.Hash, seen map[plumbing.Hash]struct{}, until plumbing.Hash) (bool, error) {
	for len(todo) > 0 && len(seen) < maxPulledObjects {
		if err := a.ctx.Err(); err != nil {
			return false, err
		}
		h := todo[0]
		todo = todo[1:]
		if h == until && !h.IsZero() {
			return true, nil
		}
		if _, ok := seen[h]; ok {
			continue
		}
		seen[h] = struct{}{}
		kind, data, err := a.read(h)
		if err != nil {
			continue // a shallow clone ends here
		}
		for line := range strings.Lines(string(data)) {
			key := map[plumbing.ObjectType]string{plumbing.CommitObject: "parent ", plumbing.TagObject: "object "}[kind]
			if of, is := header([]byte(line), key); is && key != "" {
				todo = append(todo, of)
			}
			if len(line) == 1 { // the message begins
				break
			}
		}
	}
	return false, nil
}

// read reads a commit or tag.
func (a *ancestry) read(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	kind, data, err := readNode(a.objects.store, h)
	if err != nil && a.more != nil {
		return a.more.read(h, maxNode)
	}
	return kind, data, err
}

// readNode reads a commit or tag of the host; a tree or file has no content.
func readNode(store *filesystem.ObjectStorage, h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	o, err := store.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return 0, nil, err
	}
	if o.Type() != plumbing.CommitObject && o.Type() != plumbing.TagObject {
		return o.Type(), nil, nil
	}
	in, err := o.Reader()
	if err != nil {
		return 0, nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxNode))
	return o.Type(), data, err
}
