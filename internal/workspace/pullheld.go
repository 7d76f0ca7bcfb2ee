package workspace

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxHeld     = 20      // that are named of one repository
	maxHeldTree = 1 << 16 // trees that are looked into for them
)

// heldIn are the paths of a repository that the git of the host reads or runs, or
// with which it could take a folder for a repository, and that are not the same in
// two commits: a merge would bring them.
func (p *puller) heldIn(repo string, host *hostObjects, from, to plumbing.Hash) (list []string) {
	t := &tips{host: host}
	t.add(from)
	t.add(to)
	if len(t.trees) != 2 {
		return nil
	}
	for _, h := range p.holds {
		rel, in := h.as, true
		if repo != "." {
			rel, in = strings.CutPrefix(h.as, repo+"/")
		}
		if !in || h.why == holdManifest || slices.Contains(list, rel) {
			continue
		}
		was, ok := t.find(t.trees[0], rel)
		is, ok2 := t.find(t.trees[1], rel)
		if !ok || !ok2 || was != is {
			list = append(list, rel)
		}
	}
	c := partChanges{tips: t, list: list}
	c.look(t.trees[0], t.trees[1], "", 0)
	return c.list
}

// partChanges looks for what is new of gitParts in a tree, and of what programs of the
// host run by themselves.
type partChanges struct {
	*tips
	list  []string
	trees int
}

func (c *partChanges) look(from, to plumbing.Hash, at string, depth int) {
	if c.trees++; from == to || c.trees > maxHeldTree || depth > maxDepth {
		return
	}
	was, is := c.entries(from), c.entries(to)
	for _, name := range slices.Sorted(maps.Keys(is)) {
		e, old := is[name], was[name]
		switch {
		case e == old || len(c.list) >= maxHeld:
		case RunsItself(path.Join(at, name)) != "":
			c.list = append(c.list, path.Join(at, name))
		case e.mode == "40000":
			if old.mode != e.mode {
				old.hash = plumbing.ZeroHash
			}
			c.look(old.hash, e.hash, path.Join(at, name), depth+1)
		case isGitPart(name) || HasRunPart(path.Join(at, name)) && c.runsOther(path.Join(at, name), old, e):
			c.list = append(c.list, path.Join(at, name))
		}
	}
}

// runsOther reports whether what is run of a file is another than it was. What cannot be
// compared is.
func (c *partChanges) runsOther(rel string, old, e entry) bool {
	is, err := c.runOf(rel, e)
	if err != nil || is == "" {
		return err != nil
	}
	was, err := c.runOf(rel, old)
	return err != nil || was != is
}

func (c *partChanges) runOf(rel string, e entry) (string, error) {
	if e.hash.IsZero() {
		return "", nil
	}
	if !strings.HasPrefix(e.mode, "100") {
		return "", errors.New("it is no file")
	}
	if n, err := c.host.store.EncodedObjectSize(e.hash); err != nil || n > maxSelfRun {
		return "", errors.Join(err, errors.New("it is too large"))
	}
	o, err := c.host.store.EncodedObject(plumbing.BlobObject, e.hash)
	if err != nil {
		return "", err
	}
	in, err := o.Reader()
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxSelfRun))
	if err != nil {
		return "", err
	}
	return runPart(rel, string(text))
}

// entries are those of a tree, as far as it can be read.
func (c *partChanges) entries(h plumbing.Hash) map[string]entry {
	list := map[string]entry{}
	if h.IsZero() {
		return list
	}
	data, err := c.tree(h)
	for err == nil && len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, named := bytes.Cut(head, []byte(" "))
		if !ok || !named || len(rest) < len(h) {
			break
		}
		list[string(name)] = entry{string(mode), plumbing.Hash(rest[:len(h)])}
		data = rest[len(h):]
	}
	return list
}
