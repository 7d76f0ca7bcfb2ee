package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxPulledObjects bounds the objects that are taken from one repository,
	// whose names are held in memory.
	maxPulledObjects = 2 << 20
	// maxPulledObject bounds one of them, and in a pack what it is a delta of; both
	// are held in memory.
	maxPulledObject = 512 << 20
)

// fetcher copies objects from a repository of the agent's to one of the host's.
// An object is written once all that it leads to is there, so that one that is
// there is whole, whenever the copying was stopped.
type fetcher struct {
	ctx  context.Context
	from *objectReader // the agent's
	host *hostObjects
	seen map[plumbing.Hash]struct{} // are on the host by now
	step func()                     // called for each object
}

func newFetcher(ctx context.Context, git *dir, host *hostObjects) *fetcher {
	return &fetcher{ctx: ctx, from: &objectReader{git: git}, host: host, seen: map[plumbing.Hash]struct{}{}}
}

func (f *fetcher) close() { f.from.close() }

// has reports whether an object is on the host with all that it leads to.
func (f *fetcher) has(h plumbing.Hash) bool {
	if _, ok := f.seen[h]; ok {
		return true
	}
	if !f.host.has(h) {
		return false
	}
	if len(f.seen) < maxPulledObjects {
		f.seen[h] = struct{}{}
	}
	return true
}

// fetch copies an object and all that it leads to. A panic is go-git's on what no
// git wrote.
func (f *fetcher) fetch(tip plumbing.Hash) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the repository cannot be read: %v", r)
		}
	}()
	// A history is too deep to go down by calls.
	for todo := []plumbing.Hash{tip}; len(todo) > 0; {
		h := todo[len(todo)-1]
		if f.has(h) {
			todo = todo[:len(todo)-1]
			continue
		}
		kind, data, err := f.node(h)
		if err != nil {
			return err
		}
		missing, err := f.before(kind, data)
		switch {
		case err != nil:
			return fmt.Errorf("object %s: %w", h, err)
		case len(missing) > 0:
			if todo = append(todo, missing...); len(todo) > maxPulledObjects {
				return fmt.Errorf("%w: more than %d objects", errHistory, maxPulledObjects)
			}
			continue
		case kind == plumbing.TreeObject:
			err = f.tree(h, data, 0)
		default:
			err = f.put(h, kind, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// before returns what has to be fetched before a commit or a tag; the tree of a
// commit it fetches itself.
func (f *fetcher) before(kind plumbing.ObjectType, data []byte) (missing []plumbing.Hash, err error) {
	switch kind {
	case plumbing.CommitObject:
		tree, ok := header(data, "tree ")
		if !ok {
			return nil, errors.New("a commit without a tree")
		}
		for line := range bytes.Lines(data) {
			if parent, is := header(line, "parent "); is && !f.has(parent) {
				missing = append(missing, parent)
			}
			if len(line) == 1 { // the message begins
				break
			}
		}
		if len(missing) == 0 {
			err = f.subtree(tree, 0)
		}
	case plumbing.TagObject:
		of, ok := header(data, "object ")
		if !ok {
			return nil, errors.New("a tag of nothing")
		}
		if !f.has(of) {
			missing = []plumbing.Hash{of}
		}
	}
	return missing, err
}

// subtree copies a tree.
func (f *fetcher) subtree(h plumbing.Hash, depth int) error {
	if f.has(h) {
		return nil
	}
	kind, data, err := f.node(h)
	if err == nil && kind != plumbing.TreeObject {
		err = fmt.Errorf("object %s is no tree", h)
	}
	if err != nil {
		return err
	}
	return f.tree(h, data, depth)
}

// tree copies what is in a tree and then the tree. Names that git fsck refuses
// are refused.
func (f *fetcher) tree(h plumbing.Hash, data []byte, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	for rest := data; len(rest) > 0; {
		head, after, ok := bytes.Cut(rest, []byte{0})
		mode, name, named := bytes.Cut(head, []byte(" "))
		if !ok || !named || len(after) < len(h) {
			return fmt.Errorf("object %s: a malformed tree", h)
		}
		of := plumbing.Hash(after[:len(h)])
		rest = after[len(h):]
		if n := string(name); n == "" || n == "." || n == ".." || strings.Contains(n, "/") || isGitName(n) ||
			string(mode) == "120000" && strings.EqualFold(n, ".gitmodules") {
			return fmt.Errorf("object %s: a tree with the name %q, which git refuses", h, n)
		}
		var err error
		switch string(mode) {
		case "40000":
			err = f.subtree(of, depth+1)
		case "160000": // a commit of another repository
		default:
			err = f.blob(of)
		}
		if err != nil {
			return err
		}
	}
	return f.put(h, plumbing.TreeObject, data)
}

// node reads a commit, a tree or a tag; a blob that a tag names is copied at once.
func (f *fetcher) node(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	kind, size, in, err := f.open(h, maxNode)
	if err != nil {
		return 0, nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, size+1))
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, err)
	}
	if plumbing.ComputeHash(kind, data) != h {
		return 0, nil, fmt.Errorf("object %s is another one by its content", h)
	}
	return kind, data, nil
}

func (f *fetcher) put(h plumbing.Hash, kind plumbing.ObjectType, data []byte) error {
	return f.write(h, kind, int64(len(data)), bytes.NewReader(data))
}

func (f *fetcher) blob(h plumbing.Hash) error {
	if f.has(h) {
		return nil
	}
	kind, size, in, err := f.open(h, maxPulledObject)
	if err != nil {
		return err
	}
	defer in.Close()
	if kind != plumbing.BlobObject {
		return fmt.Errorf("object %s is no file", h)
	}
	return f.write(h, kind, size, in)
}

func (f *fetcher) write(h plumbing.Hash, kind plumbing.ObjectType, size int64, in io.Reader) error {
	if len(f.seen) >= maxPulledObjects {
		return fmt.Errorf("%w: more than %d objects", errHistory, maxPulledObjects)
	}
	if err := f.host.write(h, kind, size, in); err != nil {
		return fmt.Errorf("object %s: %w", h, err)
	}
	f.seen[h] = struct{}{}
	f.step()
	return nil
}

// open opens an object of the agent's. Nothing of it was checked.
func (f *fetcher) open(h plumbing.Hash, most int64) (plumbing.ObjectType, int64, io.ReadCloser, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, 0, nil, err
	}
	return f.from.open(h, most)
}
