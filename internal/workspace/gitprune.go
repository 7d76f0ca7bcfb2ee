package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

// prune removes from a git folder of the copy the objects that
// nothing there leads to: what was amended, rebased or reset away is in no
// branch, and git fsck --unreachable still finds it.
func (c *copier) prune(git *dir, rel string, hashSize int) error {
	if hashSize != len(plumbing.ZeroHash) {
		c.report.Kept.add(Skipped{rel, "it has SHA-256 names, which this version does not go through"})
		return nil
	}
	if git.has("reftable") {
		c.report.Kept.add(Skipped{rel, "it keeps its refs in a reftable, which this version does not read"})
		return nil
	}
	r := c.newReach(git, rel)
	defer r.objects.close()
	err := r.walk(git)
	if cerr := c.ctx.Err(); cerr != nil {
		return cerr
	}
	if err != nil { // also what git itself could not read
		c.report.Kept.add(Skipped{rel, err.Error()})
		return nil
	}
	objects, err := git.sub("objects")
	if err != nil {
		return err
	}
	defer objects.close()
	p := pruner{c: c, r: r, objects: objects, renamed: map[string]string{}}
	err = errors.Join(p.loose(), p.packs())
	c.report.Dropped += p.dropped
	if err != nil {
		return fmt.Errorf("copy %s: leave out objects: %w", path.Join(rel, gitName), err)
	}
	if p.dropped == 0 {
		return nil
	}
	return p.stale()
}

// walk goes through all that leads to objects. A panic is go-git's on a file that no git wrote.
func (r *reach) walk(git *dir) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	if err := r.roots(git); err != nil {
		return err
	}
	if err := r.run(); err != nil {
		return err
	}
	return r.index(git)
}

type pruner struct {
	c       *copier
	r       *reach
	objects *dir
	dropped int64
	old     []string          // files of packs to remove, once all are written
	renamed map[string]string // markers of packs
}

func (p *pruner) keeps(h plumbing.Hash) bool {
	_, ok := p.r.seen[h]
	return ok
}

func (p *pruner) loose() error {
	folders, err := p.objects.entries()
	if err != nil {
		return err
	}
	for _, name := range folders {
		if !looseFolder.MatchString(name) {
			continue
		}
		d, err := p.objects.sub(name)
		if err != nil {
			return err
		}
		err = p.looseIn(d, name)
		d.close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pruner) looseIn(d *dir, folder string) error {
	names, err := d.entries()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := p.c.ctx.Err(); err != nil {
			return err
		}
		if p.keeps(plumbing.NewHash(folder + name)) {
			continue
		}
		if err := d.unlink(name); err != nil {
			return err
		}
		p.dropped++
	}
	return nil
}

func (p *pruner) packs() error {
	d, err := p.objects.sub("pack")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	names, err := d.entries()
	if err != nil {
		return err
	}
	for _, name := range names {
		if base, ok := strings.CutSuffix(name, ".idx"); ok && d.has(base+".pack") {
			if err := p.pack(d, base); err != nil {
				return fmt.Errorf("%s: %w", base, err)
			}
		}
	}
	if len(p.old) == 0 {
		return nil
	}
	for _, name := range names {
		if strings.HasPrefix(name, "multi-pack-index") {
			p.old = append(p.old, name)
		}
	}
	for from, to := range p.renamed {
		if err := renameIn(d, from, to); err != nil {
			return err
		}
	}
	for _, name := range p.old {
		if err := d.unlink(name); err != nil {
			return err
		}
	}
	return nil
}

// pack leaves a pack as it is if all in it is reachable, and else puts one with
// the rest in its place.
func (p *pruner) pack(d *dir, base string) error {
	entries, err := packEntries(d, base+".idx")
	if err != nil {
		return err
	}
	keep := 0
	for _, e := range entries {
		if p.keeps(e.Hash) {
			keep++
		}
	}
	if keep == len(entries) {
		return nil
	}
	name := ""
	if keep > 0 {
		name, err = p.repack(d, base, entries, keep)
		if errors.Is(err, errPackStays) {
			p.c.report.Kept.add(Skipped{p.r.shown, err.Error()})
			return ignoreNotExist(d.unlink(newPack))
		}
		if err != nil {
			return err
		}
	}
	p.dropped += int64(len(entries) - keep)
	names, err := d.entries()
	if err != nil {
		return err
	}
	for _, old := range names {
		switch rest, ok := strings.CutPrefix(old, base+"."); {
		case !ok:
		case rest == "promisor" && name != "": // what the pack lacks can be fetched
			p.renamed[old] = name + ".promisor"
		default:
			p.old = append(p.old, old)
		}
	}
	return nil
}

// packEntries returns what an index says is in its pack, in the pack's order.
func packEntries(d *dir, name string) ([]*idxfile.Entry, error) {
	f, _, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	idx := idxfile.NewMemoryIndex()
	if err := idxfile.NewDecoder(f).Decode(idx); err != nil {
		return nil, err
	}
	it, err := idx.EntriesByOffset()
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var list []*idxfile.Entry
	for {
		e, err := it.Next()
		if err != nil {
			return list, ignoreEOF(err)
		}
		list = append(list, e)
	}
}

// stale removes what speeds git up and speaks of objects that are gone.
func (p *pruner) stale() error {
	info, err := p.objects.sub("info")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer info.close()
	return errors.Join(removeEntry(p.c.ctx, info, "commit-graph"), removeEntry(p.c.ctx, info, "commit-graphs"))
}
