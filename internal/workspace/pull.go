package workspace

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// PullOptions say what is taken over from where to where.
type PullOptions struct {
	Base, Target string // as in Options
	Host         string // the person's folder, which the copy was made of
	ID           string // of the bottle; part of names that are made
	Mounted      bool   // Target is a git folder that PrepareGit made: there are commits only
	// Hold are paths that are never written, such as that of the manifest.
	Hold []string
	// Accept are paths of the copy, of files or folders, that are taken although a
	// program of the host runs what is there by itself.
	Accept []string
	// Getenv, if set, tells where git on the host has its config: what that runs or
	// includes is not written either.
	Getenv func(string) string
	// DryRun writes nothing, neither to Host nor to Base.
	DryRun bool
	// Force takes files that were changed on the host as well.
	Force bool
	// Progress, if set, is told how many files and objects were met, at most every
	// 100 ms, from the goroutine that called.
	Progress func(files int64)
}

// PullItem is one thing that the copy has and the base does not.
type PullItem struct {
	Change
	Target string // of a link
	As     string // where it is put when that is not its path: the name of a file, or a ref
	Reason string // why it is in conflict, or stays
	// Kept says that the host has what the agent made all the same: beside its own
	// file, or in a branch.
	Kept bool
}

// Pulled says what a pull took over, or in a dry run would. What the host has
// already is in none of the lists.
type Pulled struct {
	Taken List[PullItem]
	// Conflicts are files that both sides changed. The host's stay, the
	// agent's are put beside them.
	Conflicts List[PullItem]
	Kept      int            // how many of all items are
	Left      List[PullItem] // what no pull takes
	Ignored   List[Ignored]  // what goes with the copy, and is no work
	Heads     []Head
}

// None reports whether the host has all there is.
func (p *Pulled) None() bool { return p.Taken.Total+p.Conflicts.Total+p.Left.Total == 0 }

// Lost is how many of all items would be lost with the copy.
func (p *Pulled) Lost() int { return p.Taken.Total + p.Conflicts.Total + p.Left.Total - p.Kept }

// Ignored is a file or folder that the rules ignore, and how many files are in
// it. More says that they were not all counted.
type Ignored struct {
	Path  string
	Files int
	More  bool
}

// Head is the commit that the work tree of the copy is at, when it was taken.
type Head struct {
	Repository string // path of the host's
	Ref        string // where it is there, as git names it without refs/
	// Forward says that the commit of the host's work tree is one of its
	// ancestors: nothing was committed there since.
	Forward bool
	// Added are new files of the agent's in the host's folder, as paths in the
	// repository: a merge stops at them while git does not know them. MoreAdded says
	// that there may be others, as in a mounted workspace.
	Added     []string
	MoreAdded bool
	// Held are files and folders in the repository that git on the host reads as
	// config or runs as hooks, or that could make a folder a repository, and that are
	// others in the agent's commits.
	Held []string
}

// Pull brings to the host what a copy has and its base does not, and notes in the
// base what it took.
//
// Files come as they are now, committed or not. Commits come as objects, as refs below
// refs/bottle/ID, and those of the agent's HEAD as the branch bottle/ID, which is moved
// forward only; no other branch of the host is moved, and its index is not touched. Files that were changed on both sides are conflicts.
//
// The copy may be anything, and may change meanwhile. On the host nothing is
// written through a symbolic link, a link that would lead out of the host's
// folder is not made, and neither is what git could take for a repository. Of the
// copy's repositories only refs and objects are read, each checked by its name.
//
// What an earlier pull took counts as far as the host has it: what is gone by now,
// or is as it was before, is taken again. What the person made something else of is
// theirs. Files that a program of the host would run by itself are not taken before the
// person has named them in Accept. A conflict lasts until the file beside is gone and theirs has changed.
//
// A pull that was stopped can be repeated: what it took is on the host by then,
// and is no conflict.
func Pull(ctx context.Context, opts PullOptions) (*Pulled, error) {
	host, err := openDir(opts.Host)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	defer host.close()
	p := &puller{ctx: ctx, opts: opts, host: &hostTree{top: host, id: opts.ID, part: partName(opts.ID, rand.Text())}, pump: newPump(nil), out: &Pulled{}, gone: map[string]bool{}, agents: map[string][]plumbing.Hash{}}
	defer func() { p.tips.close() }()
	if err := p.repositories(); err != nil {
		return nil, err
	}
	if err := p.hostGits(); err != nil {
		return nil, err
	}
	if err := p.findRunLinks(); err != nil {
		return nil, err
	}
	if !opts.DryRun {
		if p.base, err = rewriteBase(opts.Base); err != nil {
			return nil, err
		}
		defer p.base.drop()
		done, err := p.host.begin(opts.Base + pullMark)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	_, err = compare(opts.Base, opts.Target, func(c *comparer, top *dir) error {
		p.c, c.pull, c.ctx, c.top = c, p, ctx, top
		if opts.Mounted {
			c.modules(top)
			return ctx.Err()
		}
		w := walk{ctx: ctx, v: c, left: p.ignored}
		if err := c.merge(func() error { return w.tree(top, ".", 0, c.outer()) }); err != nil {
			return err
		}
		return p.postponed()
	})
	if err != nil {
		return nil, err
	}
	p.addedTo()
	return p.out, p.base.finish()
}

// puller is what a comparer tells of the differences that it meets.
type puller struct {
	ctx   context.Context
	opts  PullOptions
	c     *comparer
	host  *hostTree
	repos *copier // finds the git folders of the host
	pump  *pump
	base  *baseWriter // nil in a dry run
	out   *Pulled
	added List[string]
	// For what was pulled and is gone from the folder, in a dry run:
	agents   map[string][]plumbing.Hash // commits of the agent's that the host has, by repository
	tips     *tips                      // of the repository that was asked about last
	sought   int
	holds    []held          // of the host, never written
	late     []string        // paths whose place a folder of the host still takes
	again    bool            // those are met again
	runLinks []runLink       // of the host
	gone     map[string]bool // what a dry run would have removed
	files    int64
	told     time.Time
}

// rewriteBase begins a base with all that an earlier one has but the files.
func rewriteBase(name string) (*baseWriter, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoBase
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := newBaseWriter(name)
	if err != nil {
		return nil, err
	}
	err = readBase(f, baseReader{ref: func(repo, name, hash string) error {
		if name == "" {
			b.line("r %s", strconv.QuoteToASCII(repo))
		} else {
			b.line("R %s %s", hash, strconv.QuoteToASCII(name))
		}
		return nil
	}, ignore: func(repo, at, line string) error {
		b.ignores(repo, at, []pattern{{text: line}})
		return nil
	}})
	if err != nil {
		b.drop()
		return nil, err
	}
	return b, nil
}

func (p *puller) progress() {
	p.files++
	if p.opts.Progress != nil && time.Since(p.told) >= progressEvery {
		p.told = time.Now()
		p.opts.Progress(p.files)
	}
}

func (p *puller) left(kind Kind, path, detail, reason string) {
	p.out.Left.add(PullItem{Change: Change{kind, path, detail}, Reason: reason})
}

const maxIgnoredFiles = 1000 // counted in one folder

var errCounted = errors.New("counted enough")

// ignored counts what a rule keeps from being work.
func (p *puller) ignored(rel string, isDir bool) {
	found := Ignored{Path: rel, Files: 1}
	if isDir {
		d, name, err := lookup(p.c.top, rel)
		if err != nil {
			return
		}
		defer d.close()
		sub, err := d.sub(name)
		if err != nil {
			return
		}
		defer sub.close()
		n := fileCounter{}
		w := walk{ctx: p.ctx, v: &n}
		found.More = errors.Is(w.tree(sub, ".", 0, scope{}), errCounted)
		found.Files = n.files
	}
	if found.Files > 0 {
		p.out.Ignored.add(found)
	}
}

// fileCounter counts files.
type fileCounter struct{ files int }

func (c *fileCounter) repository(*dir, string) (*rules, error)        { return nil, nil }
func (c *fileCounter) enter(*dir, string, string, stat) (bool, error) { return true, nil }
func (c *fileCounter) leave(*dir, string, stat) error                 { return nil }
func (c *fileCounter) skip(string, error) error                       { return nil }

func (c *fileCounter) entry(*dir, string, string, stat) error {
	if c.files == maxIgnoredFiles {
		return errCounted
	}
	c.files++
	return nil
}
