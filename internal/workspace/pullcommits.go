package workspace

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// noRepository says why the commits of a repository stay.
func noRepository(rel string) error {
	where := "your folder"
	if rel != "." {
		where = rel + " in your folder"
	}
	return fmt.Errorf("%s is no repository, so the commits stay in the bottle and go with it: their files are taken", where)
}

// pulledRef is a ref of the agent's whose commit is not of the person's. The base
// does not learn of it: whether the host has it is looked at each time.
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
	if in != "." && p.repos.common == "" { // where a submodule has its git folder
		if g, err := p.hostGit("."); err == nil {
			g.close()
		}
	}
	if in != "." {
		parent, name, lerr := lookup(d, in)
		d.close()
		if lerr != nil {
			return nil, noRepository(rel)
		}
		d, err = parent.sub(name)
		parent.close()
		if err != nil {
			return nil, noRepository(rel)
		}
	}
	defer d.close()
	if !hasGit(d) {
		return nil, noRepository(rel)
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
		return nil, noRepository(rel)
	}
	return &gitFolder{git: d, common: d, gitPath: at, commonPath: at}, nil
}

// refs takes over the commits of a repository of the agent's.
func (p *puller) refs(git *dir, rel string) {
	known := p.c.known[rel]
	var list []pulledRef
	seen := map[string]bool{}
	err := readRefs(git, func(name, hash string) error {
		if seen[name] { // the loose one came first, and is the one that counts
			return nil
		}
		if seen[name] = true; len(seen) > maxBaseRefs {
			return fmt.Errorf("more than %d refs", maxBaseRefs)
		}
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
	f.step = p.progress
	defer f.close()
	r := &repoPull{
		puller: p, rel: rel, g: g, f: f,
		there: &ancestry{ctx: p.ctx, objects: host},
		both:  &ancestry{ctx: p.ctx, objects: host, more: f.from},
	}
	if r.refs, r.branches, err = p.bottleRefs(g.common, r.both); err != nil {
		return fmt.Errorf("your repository: %w", err)
	}
	at, named := headOf(git, list)
	had := named && host.has(at.hash)
	for _, ref := range list {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		item := PullItem{Change: Change{Commits, rel, ref.name}}
		if err := r.fetchRef(ref, item); err != nil {
			item.Reason = err.Error()
			p.out.Left.add(item)
			named = named && ref.name != at.name
		}
	}
	if named {
		r.head(at, r.branch(at, had))
	}
	return nil
}

// repoPull takes the commits of one repository over.
type repoPull struct {
	*puller
	rel            string
	g              *gitFolder // the host's
	f              *fetcher
	there, both    *ancestry // of what the host has; and the agent
	refs, branches *bottleRefs
}

func (r *repoPull) fetchRef(ref pulledRef, item PullItem) error {
	if r.f.host.has(ref.hash) {
		yes, err := r.there.inRefs(r.g, ref.hash)
		if err != nil {
			return err
		}
		if yes {
			r.agents[item.Path] = append(r.agents[item.Path], ref.hash)
			return nil
		}
	}
	if !r.opts.DryRun {
		if err := r.f.fetch(ref.hash); err != nil {
			return err
		}
	}
	var err error
	if item.As, err = r.refs.place(ref.name, ref.hash); err != nil {
		return err
	}
	if err := r.put(r.refs, item.As, ref.hash); err != nil {
		return err
	}
	r.out.Taken.add(item)
	return nil
}

// put writes a ref, unless nothing is written.
func (r *repoPull) put(refs *bottleRefs, name string, hash plumbing.Hash) error {
	if !r.opts.DryRun {
		if err := r.writeRef(r.g.common, name, refs.at[name], hash); err != nil {
			return err
		}
	}
	refs.at[name] = hash
	return nil
}

// headOf returns the one of some refs that the agent's work tree is at.
func headOf(git *dir, list []pulledRef) (pulledRef, bool) {
	data, err := git.readSmall("HEAD", maxRefFile)
	if err != nil {
		return pulledRef{}, false
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "ref: ")
	if !ok {
		name = "HEAD"
	}
	for _, ref := range list {
		if ref.name == name {
			return ref, true
		}
	}
	return pulledRef{}, false
}

// head notes the commit that the agent's work tree is at, and where it is on the host:
// on the branch, if there is one.
func (r *repoPull) head(ref pulledRef, branch string) {
	if r.opts.DryRun {
		return
	}
	as := strings.TrimPrefix(branch, "refs/heads/")
	if as == "" {
		// What is reachable on the host already has no ref here.
		if as = r.refOf(ref); as == "" {
			return
		}
		as = strings.TrimPrefix(as, "refs/")
	}
	at, born := hostHead(r.g)
	if !born {
		r.out.Heads = append(r.out.Heads, Head{Repository: r.rel, Ref: as, Forward: true})
		return
	}
	if has, _ := r.there.isAncestor(ref.hash, at); has {
		return
	}
	forward, _ := r.there.isAncestor(at, ref.hash)
	r.out.Heads = append(r.out.Heads, Head{
		Repository: r.rel, Ref: as, Forward: forward, Held: r.heldIn(r.rel, r.there.objects, at, ref.hash),
	})
}

// refOf returns the ref below refs/bottle/ID that is at the commit of one of the agent's.
func (r *repoPull) refOf(ref pulledRef) string {
	as, err := r.refs.place(ref.name, ref.hash)
	if err != nil || r.refs.at[as] != ref.hash {
		return ""
	}
	return as
}

// addedTo shares the new files out among the repositories that have them.
func (p *puller) addedTo() {
	for i := range p.out.Heads {
		h := &p.out.Heads[i]
		h.MoreAdded = p.opts.Mounted || p.added.Total > len(p.added.Items)
		for _, file := range p.added.Items {
			if repo := p.repoOf(file); h.Repository == repo {
				h.Added = append(h.Added, strings.TrimPrefix(file, repo+"/"))
			}
		}
	}
}
