package workspace

import (
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxTips   = 64   // branches and the like of one repository that are looked into
	maxSought = 1000 // paths that are looked for in them
)

// tips are the trees of one repository of the host's, of the agent's commits first.
type tips struct {
	repo   string
	host   *hostObjects
	trees  []plumbing.Hash
	agents int // how many are of the agent's
}

func (t *tips) close() {
	if t != nil && t.host != nil {
		t.host.close()
	}
}

// inTips reports whether what an earlier pull took, and the folder does not have
// any more, is in a branch of the host's. In doubt it is not.
func (p *puller) inTips(d *difference) bool {
	if !d.pulled || p.sought == maxSought {
		return false
	}
	p.sought++
	repo := p.repoOf(d.path)
	if p.tips == nil || p.tips.repo != repo {
		p.tips.close()
		p.tips = p.openTips(repo)
	}
	want, err := entryOf(d)
	if err != nil {
		return false
	}
	rel := strings.TrimPrefix(d.path, repo+"/")
	for i, tree := range p.tips.trees {
		if p.ctx.Err() != nil || d.now.kind == 0 && i >= p.tips.agents { // that a branch has no such file says little
			return false
		}
		if is, ok := p.tips.find(tree, rel); ok && is == want {
			return true
		}
	}
	return false
}

// entry is what a tree has under a name; none, if it has no such name.
type entry struct {
	mode string
	hash plumbing.Hash
}

// entryOf is the entry that git would make of what the copy has.
func entryOf(d *difference) (entry, error) {
	switch d.now.kind {
	case 0:
		return entry{}, nil
	case 'l':
		return entry{"120000", plumbing.ComputeHash(plumbing.BlobObject, []byte(d.item.Target))}, nil
	}
	f, st, err := d.parent.open(d.name)
	if err != nil {
		return entry{}, err
	}
	defer f.Close()
	h := plumbing.NewHasher(plumbing.BlobObject, st.size)
	if _, err := io.Copy(h, io.LimitReader(f, st.size)); err != nil {
		return entry{}, err
	}
	return entry{map[bool]string{true: "100755", false: "100644"}[d.now.exec], h.Sum()}, nil
}

// repoOf is the repository of the host's that a path is in.
func (p *puller) repoOf(rel string) string {
	repo := path.Dir(rel)
	for repo != "." && p.c.known[repo] == nil {
		repo = path.Dir(repo)
	}
	return repo
}

// openTips reads which trees there are.
func (p *puller) openTips(repo string) *tips {
	t := &tips{repo: repo}
	g, err := p.hostGit(repo)
	if err != nil {
		return t
	}
	defer g.close()
	host, err := openObjects(g)
	if err != nil {
		return t
	}
	t.host = host
	for _, h := range p.agents[repo] {
		t.add(h)
	}
	t.agents = len(t.trees)
	if at, born := hostHead(g); born {
		t.add(at)
	}
	if readRefs(g.common, func(_, hash string) error {
		t.add(plumbing.NewHash(hash))
		return nil
	}) != nil {
		t.trees = t.trees[:t.agents]
	}
	return t
}

// add adds the tree of a commit, or of the one that a tag names.
func (t *tips) add(h plumbing.Hash) {
	for range maxDepth {
		if len(t.trees) == maxTips {
			return
		}
		kind, data, err := readNode(t.host.store, h)
		key := map[plumbing.ObjectType]string{plumbing.CommitObject: "tree ", plumbing.TagObject: "object "}[kind]
		of, ok := header(data, key)
		if err != nil || key == "" || !ok {
			return
		}
		if h = of; kind == plumbing.CommitObject {
			t.trees = append(t.trees, of)
			return
		}
	}
}

// find looks a path up. It says no when a tree cannot be read.
func (t *tips) find(tree plumbing.Hash, rel string) (entry, bool) {
	at := entry{"40000", tree}
	for name := range strings.SplitSeq(rel, "/") {
		if at.mode != "40000" {
			return entry{}, true
		}
		data, err := t.tree(at.hash)
		if err != nil {
			return entry{}, false
		}
		at = entry{}
		for len(data) > 0 {
			head, rest, ok := bytes.Cut(data, []byte{0})
			mode, is, named := bytes.Cut(head, []byte(" "))
			if !ok || !named || len(rest) < len(plumbing.ZeroHash) {
				return entry{}, false
			}
			if string(is) == name {
				at = entry{string(mode), plumbing.Hash(rest[:len(plumbing.ZeroHash)])}
				break
			}
			data = rest[len(plumbing.ZeroHash):]
		}
	}
	return at, true
}

func (t *tips) tree(h plumbing.Hash) ([]byte, error) {
	o, err := t.host.store.EncodedObject(plumbing.TreeObject, h)
	if err != nil {
		return nil, err
	}
	in, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxNode))
}
