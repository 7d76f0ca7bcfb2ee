package workspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

var errHostRepository = errors.New("your folder is no repository, so the commits stay in the bottle and go with it: their files are taken")

// pulledRef is a ref of the agent's whose commit the base does not know.
type pulledRef struct {
	name string
	hash plumbing.Hash
}

// repositories prepares to find the git folders of the host.
func (p *puller) repositories() error {
	source, err := canonical(p.opts.Host)
	if err != nil {
		return fmt.Errorf("the workspace: %w", err)
	}
	p.repos = &copier{ctx: p.ctx, source: source, report: &Report{}}
	return nil
}

// hostGit opens the git folder on the host of a repository, which the base knows
// by its path, or for a mounted workspace by where it is in the git folder.
func (p *puller) hostGit(rel string) (*gitFolder, error) {
	in := rel
	if p.opts.Mounted {
		in = "."
	}
	d, err := openDir(p.repos.source)
	if err != nil {
		return nil, err
	}
	if in != "." {
		parent, name, lerr := lookup(d, in)
		d.close()
		if lerr != nil {
			return nil, errHostRepository
		}
		d, err = parent.sub(name)
		parent.close()
		if err != nil {
			return nil, errHostRepository
		}
	}
	defer d.close()
	if !hasGit(d) {
		return nil, errHostRepository
	}
	g, err := p.repos.openGit(d, in)
	if err != nil {
		return nil, fmt.Errorf("your repository: %w", err)
	}
	if in == "." {
		p.repos.common = g.commonPath
	}
	if rel == in {
		return g, nil
	}
	g.close()
	at := filepath.Join(g.commonPath, filepath.FromSlash(rel))
	if d, err = openDir(at); err != nil {
		return nil, errHostRepository
	}
	return &gitFolder{git: d, common: d, gitPath: at, commonPath: at}, nil
}

// refs takes over the commits of a repository of the agent's.
func (p *puller) refs(git *dir, rel string) {
	known := p.c.known[rel]
	var list []pulledRef
	err := readRefs(git, func(name, hash string) error {
		if !known[hash] && !strings.HasPrefix(name, "refs/remotes/") {
			list = append(list, pulledRef{name, plumbing.NewHash(hash)})
		}
		if len(list) > maxListed {
			return fmt.Errorf("more than %d new refs", maxListed)
		}
		return p.ctx.Err()
	})
	if err != nil {
		p.left(Unreadable, path.Join(rel, gitName), "", err.Error())
	}
	if len(list) == 0 {
		return
	}
	reason := p.fetch(git, rel, list)
	if reason == nil {
		return
	}
	for _, ref := range list {
		p.left(Commits, rel, ref.name, reason.Error())
	}
}

// fetch takes over the commits of refs. An error is about all of them.
func (p *puller) fetch(git *dir, rel string, list []pulledRef) error {
	if git.has("reftable") {
		return errors.New("the agent's repository keeps its refs in a reftable, which this version does not read")
	}
	g, err := p.hostGit(rel)
	if err != nil {
		return err
	}
	defer g.close()
	if g.common.has("reftable") {
		return errors.New("your repository keeps its refs in a reftable, which this version does not write")
	}
	cfg, err := p.repos.readConfig(g)
	if err != nil {
		return fmt.Errorf("your repository: %w", err)
	}
	if cfg.hashSize != len(plumbing.ZeroHash) {
		return errors.New("the repository has SHA-256 names, which this version does not read")
	}
	host, err := openObjects(g)
	if err != nil {
		return fmt.Errorf("your repository: %w", err)
	}
	defer host.close()
	f := newFetcher(p.ctx, git, host)
	defer f.close()
	there := &ancestry{ctx: p.ctx, objects: host}
	p.base.line("r %s", strconv.QuoteToASCII(rel))
	taken := map[string]bool{}
	for _, ref := range list {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		item := PullItem{Change: Change{Commits, rel, ref.name}, As: p.refName(ref.name)}
		err := p.fetchRef(f, g, there, ref, item)
		if err != nil {
			item.Reason, item.As = err.Error(), ""
			p.out.Left.add(item)
			continue
		}
		taken[ref.name] = true
		p.base.line("R %s %s", ref.hash, strconv.QuoteToASCII(ref.name))
	}
	p.head(git, g, rel, list, taken, there)
	return nil
}

// refName is where a ref of the agent's is put.
func (p *puller) refName(name string) string {
	return "refs/bottle/" + p.opts.ID + "/" + strings.TrimPrefix(name, "refs/")
}

func (p *puller) fetchRef(f *fetcher, g *gitFolder, there *ancestry, ref pulledRef, item PullItem) error {
	if f.host.has(ref.hash) {
		if yes, err := there.inRefs(g, ref.hash); err != nil || yes {
			return err
		}
	}
	if !p.opts.DryRun {
		if err := f.fetch(ref.hash); err != nil {
			return err
		}
		if err := p.writeRef(g.common, item.As, ref.hash); err != nil {
			return err
		}
	}
	p.out.Taken.add(item)
	return nil
}

// head notes the commit that the agent's work tree is at, if it was taken.
func (p *puller) head(git *dir, g *gitFolder, rel string, list []pulledRef, taken map[string]bool, there *ancestry) {
	data, err := git.readSmall("HEAD", maxRefFile)
	if err != nil {
		return
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "ref: ")
	if !ok {
		name = "HEAD"
	}
	for _, ref := range list {
		if ref.name != name || !taken[name] || p.opts.DryRun {
			continue
		}
		// What is reachable on the host already has no ref here.
		if !refIs(g.common, p.refName(name), ref.hash) {
			continue
		}
		at, born := hostHead(g)
		forward := !born
		if born {
			forward, _ = there.isAncestor(at, ref.hash)
		}
		if at != ref.hash {
			p.out.Heads = append(p.out.Heads, Head{rel, strings.TrimPrefix(p.refName(name), "refs/"), forward})
		}
		return
	}
}

func refIs(common *dir, name string, hash plumbing.Hash) bool {
	d, last, err := lookup(common, name)
	if err != nil {
		return false
	}
	defer d.close()
	data, err := d.readSmall(last, maxRefFile)
	return err == nil && strings.TrimSpace(string(data)) == hash.String()
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

// writeRef sets a ref below refs/bottle as git does, by a lock beside it.
func (p *puller) writeRef(common *dir, name string, hash plumbing.Hash) error {
	if err := plumbing.ReferenceName(name).Validate(); err != nil {
		return fmt.Errorf("the ref %q: %w", name, err)
	}
	segments := strings.Split(name, "/")
	d, err := common.sub(".")
	if err != nil {
		return err
	}
	defer func() { d.close() }()
	for i, segment := range segments[:len(segments)-1] {
		if st, err := d.lstat(segment); err == nil && st.isRegular() && i > 2 {
			if err := d.unlink(segment); err != nil { // a branch of an earlier pull
				return err
			}
		}
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

// openObjects opens the objects of a repository of the host's, with those that it
// borrows.
func openObjects(g *gitFolder) (*hostObjects, error) {
	d, err := g.common.sub("objects")
	if err != nil {
		return nil, err
	}
	root := osfs.New("/")
	git := dotgit.NewWithOptions(osfs.New(g.commonPath), dotgit.Options{AlternatesFS: root})
	store := filesystem.NewObjectStorageWithOptions(git, cache.NewObjectLRU(maxObjectCache), filesystem.Options{KeepDescriptors: true, AlternatesFS: root})
	return &hostObjects{store, d}, nil
}

func (o *hostObjects) close() {
	_ = o.store.Close()
	o.objects.close()
}

// ancestry goes through the commits of the host.
type ancestry struct {
	ctx     context.Context
	objects *hostObjects
	reached map[plumbing.Hash]struct{} // from the refs; nil until somebody asks
}

// inRefs reports whether a ref of the host leads to an object.
func (a *ancestry) inRefs(g *gitFolder, h plumbing.Hash) (bool, error) {
	if a.reached == nil {
		var tips []plumbing.Hash
		if err := readRefs(g.common, func(_, hash string) error {
			tips = append(tips, plumbing.NewHash(hash))
			return nil
		}); err != nil {
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
		kind, data, err := readNode(a.objects.store, h)
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
