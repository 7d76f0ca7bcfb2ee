package workspace

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// historyLimits bound what is done with the history of one repository. Where it
// takes more, all objects stay in the copy, which the report says.
type historyLimits struct {
	objects int           // held in memory by name
	time    time.Duration // to find what is reachable
	scanned int64         // bytes of files, inflated, that the scanner sees
	blob    int64         // the largest file that it sees
}

var defaultHistory = historyLimits{objects: 2 << 20, time: 40 * time.Second, scanned: 256 << 20, blob: 16 << 20}

// maxObjectCache bounds the objects that are held to resolve deltas, and
// maxNode a commit, a tree or a tag that is read.
const (
	maxObjectCache = 64 << 20
	maxNode        = 64 << 20
)

var errHistory = errors.New("its history is too large to go through")

// reach goes through the objects of a git folder of the copy, from all that
// leads to some.
type reach struct {
	ctx      context.Context
	c        *copier
	objects  *objectReader
	shown    string
	shallow  map[plumbing.Hash]bool
	seen     map[plumbing.Hash]struct{}
	commits  []plumbing.Hash // to be looked at
	scanned  int64
	deadline time.Time
}

func (c *copier) newReach(git *dir, rel string) *reach {
	return &reach{
		ctx: c.ctx, c: c, shown: rel, shallow: map[plumbing.Hash]bool{}, seen: map[plumbing.Hash]struct{}{}, deadline: time.Now().Add(c.history.time),
		objects: &objectReader{git: git},
	}
}

var objectWord = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

// roots reads what leads to commits: refs, and the files that stand for a merge,
// a rebase or the stash.
func (r *reach) roots(git *dir) error {
	words := func(name string, data []byte) error {
		for _, w := range objectWord.FindAllString(string(data), -1) {
			if h := plumbing.NewHash(w); name == "shallow" {
				r.shallow[h] = true
			} else if err := r.add(h); err != nil {
				return err
			}
		}
		return nil
	}
	if err := eachSmall(git, "", words); err != nil {
		return err
	}
	return readRefs(git, func(_, hash string) error { return r.add(plumbing.NewHash(hash)) })
}

// index goes through what is staged. It comes last: of what commits have as well
// these are named.
func (r *reach) index(git *dir) error {
	names, err := git.entries()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != "index" && !strings.HasPrefix(name, "sharedindex.") {
			continue
		}
		f, _, err := git.open(name)
		if err != nil {
			return err
		}
		err = readEntries(f, len(plumbing.ZeroHash), func(name string, object []byte) error {
			return r.blob(plumbing.Hash(object), plumbing.ZeroHash, name)
		})
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// eachSmall calls fn with the small files of a git folder that may name objects.
func eachSmall(d *dir, at string, fn func(name string, data []byte) error) error {
	names, err := d.entries()
	if err != nil {
		return err
	}
	for _, name := range names {
		rel := path.Join(at, name)
		st, err := d.lstat(name)
		switch {
		case err != nil:
			return err
		case rel == "objects" || rel == "modules" || rel == "refs" || rel == "packed-refs" || rel == "index":
		case st.isDir():
			sub, err := d.sub(name)
			if err != nil {
				return err
			}
			err = eachSmall(sub, rel, fn)
			sub.close()
			if err != nil {
				return err
			}
		case st.isRegular() && st.size <= maxGitConfig:
			data, err := d.readSmall(name, maxGitConfig)
			if err == nil {
				err = fn(rel, data)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// see notes an object, and says whether it is new.
func (r *reach) see(h plumbing.Hash) (bool, error) {
	if _, ok := r.seen[h]; ok {
		return false, nil
	}
	if len(r.seen) >= r.c.history.objects {
		return false, fmt.Errorf("%w: more than %d objects", errHistory, r.c.history.objects)
	}
	r.seen[h] = struct{}{}
	return true, nil
}

// add notes an object that may be of any kind.
func (r *reach) add(h plumbing.Hash) error {
	isNew, err := r.see(h)
	if isNew {
		r.commits = append(r.commits, h)
	}
	return err
}

// run goes through the commits, those that refs name first, so that the newest
// files are the first that the scanner sees.
func (r *reach) run() error {
	for len(r.commits) > 0 {
		h := r.commits[0]
		r.commits = r.commits[1:]
		kind, data, err := r.read(h)
		switch {
		case err != nil:
			return err
		case kind == plumbing.CommitObject:
			err = r.commit(h, data)
		case kind == plumbing.TagObject:
			if of, ok := header(data, "object "); ok {
				err = r.add(of)
			}
		case kind == plumbing.TreeObject:
			err = r.tree(h, data, "", 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns an object that leads to others. Blobs have no content, and what
// is not there is nothing: a shallow or partial clone lacks some.
func (r *reach) read(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, nil, err
	}
	if time.Now().After(r.deadline) {
		return 0, nil, fmt.Errorf("%w: more than %s", errHistory, r.c.history.time)
	}
	kind, data, err := r.objects.read(h, maxNode)
	switch {
	case errors.Is(err, errObjectMissing):
		return plumbing.InvalidObject, nil, nil
	case kind == plumbing.BlobObject && (err == nil || errors.Is(err, errObjectLarge)):
		return kind, nil, nil
	}
	return kind, data, err
}

// header takes an object's name from the beginning of a commit or tag.
func header(data []byte, key string) (plumbing.Hash, bool) {
	rest, ok := bytes.CutPrefix(data, []byte(key))
	if !ok || len(rest) < 40 {
		return plumbing.ZeroHash, false
	}
	return plumbing.NewHash(string(rest[:40])), true
}

func (r *reach) commit(h plumbing.Hash, data []byte) error {
	tree, ok := header(data, "tree ")
	for line := range bytes.Lines(data) {
		if parent, is := header(line, "parent "); is && !r.shallow[h] {
			if err := r.add(parent); err != nil {
				return err
			}
		}
		if len(line) == 1 { // the message begins
			break
		}
	}
	if !ok {
		return nil
	}
	return r.subtree(tree, h, "", 0)
}

func (r *reach) subtree(tree, commit plumbing.Hash, at string, depth int) error {
	isNew, err := r.see(tree)
	if err != nil || !isNew {
		return err
	}
	if depth > maxDepth {
		return errDepth
	}
	_, data, err := r.read(tree)
	if err != nil {
		return err
	}
	return r.tree(commit, data, at, depth)
}

// tree goes through the entries of a tree, gitformat-pack(5).
func (r *reach) tree(commit plumbing.Hash, data []byte, at string, depth int) error {
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, named := bytes.Cut(head, []byte(" "))
		if !ok || !named || len(rest) < len(plumbing.ZeroHash) {
			return errors.New("a malformed tree")
		}
		h := plumbing.Hash(rest[:len(plumbing.ZeroHash)])
		data = rest[len(h):]
		rel := path.Join(at, string(name))
		var err error
		switch string(mode) {
		case "40000":
			err = r.subtree(h, commit, rel, depth+1)
		case "160000": // a commit of another repository
		default:
			err = r.blob(h, commit, rel)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blob notes a file, and shows it to the scanner.
func (r *reach) blob(h, commit plumbing.Hash, rel string) error {
	isNew, err := r.see(h)
	if err != nil || !isNew || r.c.pump.scanner == nil {
		return err
	}
	if r.scanned >= r.c.history.scanned {
		r.c.report.Unsearched++
		return nil
	}
	_, data, err := r.objects.read(h, min(r.c.history.blob, r.c.history.scanned-r.scanned))
	switch {
	case errors.Is(err, errObjectMissing):
		return nil
	case errors.Is(err, errObjectLarge):
		r.c.report.Unsearched++
		return nil
	case err != nil:
		return err
	}
	r.scanned += int64(len(data))
	sc := r.c.pump.scanner
	sc.Reset()
	found := capped(nil, sc.Write(data))
	for _, m := range capped(found, sc.Close()) {
		line := 1 + bytes.Count(data[:min(m.Offset, int64(len(data)))], []byte("\n"))
		found := Secret{Path: path.Join(r.shown, rel), Commit: "index", Line: line, Rule: m.Rule, Name: m.Name}
		if !commit.IsZero() {
			found.Commit = hex.EncodeToString(commit[:])
		}
		r.c.report.Secrets.add(found)
	}
	return nil
}
