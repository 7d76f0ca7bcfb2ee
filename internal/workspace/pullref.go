package workspace

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// writeRef sets a ref below refs/bottle as git does, by a lock beside it. One
// that is there by now is no other than it was, or is packed.
func (p *puller) writeRef(common *dir, name string, was, hash plumbing.Hash) error {
	if err := plumbing.ReferenceName(name).Validate(); err != nil {
		return fmt.Errorf("the ref %q: %w", name, err)
	}
	segments := strings.Split(name, "/")
	d, err := common.sub(".")
	if err != nil {
		return err
	}
	defer func() { d.close() }()
	for _, segment := range segments[:len(segments)-1] {
		next, err := subOrNew(d, segment)
		if err != nil {
			return fmt.Errorf("the ref %s: %w", name, err)
		}
		d.close()
		d = next
	}
	last := segments[len(segments)-1]
	lock := last + ".lock"
	f, err := d.create(lock)
	if err != nil {
		return fmt.Errorf("the ref %s: %w", name, err)
	}
	_, err = f.WriteString(hash.String() + "\n")
	_ = d.rmdir(last) // left of refs that were deleted
	if now, rerr := d.readSmall(last, maxRefFile); err == nil && rerr == nil && strings.TrimSpace(string(now)) != was.String() {
		err = errors.New("another one is there")
	}
	if err == nil {
		err = giveAs(f, d.f)
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = renameIn(d, lock, last)
	}
	if err != nil {
		return fmt.Errorf("the ref %s: %w", name, errors.Join(err, d.unlink(lock)))
	}
	return nil
}

// hostHead returns the commit that the host's work tree is at, if there is one.
func hostHead(g *gitFolder) (at plumbing.Hash, born bool) {
	data, err := g.git.readSmall("HEAD", maxRefFile)
	if err != nil {
		return at, false
	}
	text := strings.TrimSpace(string(data))
	name, ok := strings.CutPrefix(text, "ref: ")
	if !ok {
		return plumbing.NewHash(text), objectName.MatchString(text)
	}
	// A loose ref comes before the packed one, which it replaces.
	err = readRefs(g.common, func(ref, hash string) error {
		if ref == name && !born {
			at, born = plumbing.NewHash(hash), true
		}
		return nil
	})
	return at, born && err == nil
}
