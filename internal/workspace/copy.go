package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/bot-bottle/bottle/internal/paths"
)

// copier is one copy on its way.
type copier struct {
	ctx      context.Context
	opts     Options
	own      owner
	pump     *pump
	base     *baseWriter
	report   *Report
	source   string // without links
	common   string // the top repository's common folder, without links
	excluded map[ident]bool
	gits     map[ident]bool // git folders that have another name
	anyGit   bool           // they are not all known
	open     []*dir         // of the target, from the top to where the walk is
	told     time.Time
	history  historyLimits
}

// Copy copies a workspace. An error means that there is no copy: what was
// written is removed again, at the end of ctx too. A process that dies in the
// middle leaves a target without a base.
//
// A file or folder that cannot be read, or that changes while it is read, is
// not an error but in Report.Skipped; so is the .git of a nested repository.
// The workspace's own .git must be whole, and its own: else ErrForeign.
func Copy(ctx context.Context, opts Options) (Report, error) {
	return start(ctx, opts, func(c *copier, src, dst *dir) error {
		w := walk{ctx: ctx, v: c}
		s := scope{}
		if !hasGit(src) {
			s = c.outer()
		}
		st, err := src.stat()
		if err != nil {
			return err
		}
		if err := c.findGits(src); err != nil {
			return err
		}
		if err := w.tree(src, ".", 0, s); err != nil {
			return err
		}
		return dst.settle(c.own, st.perm()|0o700, st.mtime)
	})
}

// start prepares source and target and cleans up if fill fails.
func start(ctx context.Context, opts Options, fill func(c *copier, src, dst *dir) error) (_ Report, err error) {
	c := &copier{ctx: ctx, opts: opts, own: owner{opts.UID, opts.GID}, report: &Report{}, excluded: map[ident]bool{}, history: defaultHistory}
	if c.source, err = canonical(opts.Source); err != nil {
		return Report{}, fmt.Errorf("the workspace: %w", err)
	}
	src, err := openDir(c.source)
	if err != nil {
		return Report{}, fmt.Errorf("the workspace: %w", err)
	}
	defer src.close()
	dst, err := openTarget(opts.Target)
	if err != nil {
		return Report{}, err
	}
	defer dst.close()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(context.WithoutCancel(ctx), dst))
		}
	}()
	if err := c.exclude(dst); err != nil {
		return Report{}, err
	}
	if inside(opts.Base, opts.Target) {
		return Report{}, fmt.Errorf("the base %s is inside of the target", opts.Base)
	}
	if c.base, err = newBaseWriter(opts.Base); err != nil {
		return Report{}, fmt.Errorf("record the copy: %w", err)
	}
	var scanner FileScanner
	if opts.Scan != nil {
		scanner = opts.Scan()
	}
	c.pump = newPump(scanner)
	c.open = []*dir{dst}
	defer func() {
		for _, d := range c.open[1:] {
			d.close()
		}
	}()
	if err := fill(c, src, dst); err != nil {
		c.base.drop()
		return Report{}, err
	}
	if err := c.base.finish(); err != nil {
		return Report{}, err
	}
	if opts.Progress != nil {
		opts.Progress(c.report.Files, c.report.Bytes)
	}
	return *c.report, nil
}

// openTarget makes the target if need be and makes sure that it is empty.
func openTarget(path string) (*dir, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("the target: %w", err)
	}
	d, err := openDir(path)
	if err != nil {
		return nil, fmt.Errorf("the target: %w", err)
	}
	names, err := d.entries()
	if err == nil && len(names) > 0 {
		err = ErrNotEmpty
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// exclude notes what stays behind: by what it is, since it may be reached by
// another name.
func (c *copier) exclude(dst *dir) error {
	st, err := dst.stat()
	if err != nil {
		return err
	}
	c.excluded[st.ident] = true
	for _, path := range c.opts.Exclude {
		st, err := statPath(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("exclude %s: %w", path, err)
		}
		c.excluded[st.ident] = true
	}
	return nil
}

// count adds to what was copied.
func (c *copier) count(files, bytes int64) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	c.report.Files += files
	c.report.Bytes += bytes
	l := c.opts.Limits
	if l.Files > 0 && c.report.Files > l.Files {
		return fmt.Errorf("%w of %d files", ErrTooLarge, l.Files)
	}
	if l.Bytes > 0 && c.report.Bytes > l.Bytes {
		return fmt.Errorf("%w of %d bytes", ErrTooLarge, l.Bytes)
	}
	if c.opts.Progress != nil && time.Since(c.told) >= progressEvery {
		c.told = time.Now()
		c.opts.Progress(c.report.Files, c.report.Bytes)
	}
	return nil
}

func (c *copier) dst() *dir { return c.open[len(c.open)-1] }

// findGits notes the git folders that do not come as they are, with their config,
// but as the .git of the copy.
func (c *copier) findGits(src *dir) error {
	places, all, err := c.gitPlaces(src)
	c.gits, c.anyGit = c.gitIdents(places), !all
	return err
}

func (c *copier) enter(from *dir, rel, name string, st stat) (bool, error) {
	if c.excluded[st.ident] {
		return false, c.skip(rel, errors.New("excluded"))
	}
	if c.gits[st.ident] || c.anyGit && isBare(from) {
		return false, c.skip(rel, errors.New("the git folder of a repository: its config may hold credentials"))
	}
	d, err := c.dst().mkdir(name)
	if err != nil {
		return false, fmt.Errorf("copy %s: %w", rel, err)
	}
	c.open = append(c.open, d)
	return true, nil
}

func (c *copier) leave(_ *dir, rel string, st stat) error {
	d := c.dst()
	c.open = c.open[:len(c.open)-1]
	defer d.close()
	if err := d.settle(c.own, st.perm(), st.mtime); err != nil {
		return fmt.Errorf("copy %s: %w", rel, err)
	}
	return nil
}

func (c *copier) entry(parent *dir, rel, name string, st stat) error {
	var sum string
	var err error
	switch {
	case c.excluded[st.ident]:
		return c.skip(rel, errors.New("excluded"))
	case st.isRegular():
		if err = c.file(parent, c.dst(), rel, name); err == nil {
			sum = c.pump.digest()
		}
	case st.isLink():
		sum, err = c.symlink(parent, rel, name, st)
	default:
		err = &unreadable{rel, errors.New("a fifo, socket or device")}
	}
	var u *unreadable
	if errors.As(err, &u) {
		return c.skip(rel, u.err)
	}
	if err != nil || c.base == nil {
		return err
	}
	now, err := c.dst().lstat(name)
	if err != nil {
		return fmt.Errorf("copy %s: %w", rel, err)
	}
	c.base.record(newRecord(now, sum, rel))
	return nil
}

func (c *copier) symlink(parent *dir, rel, name string, st stat) (string, error) {
	target, err := parent.readlink(name)
	if err != nil {
		return "", &unreadable{rel, err}
	}
	if leaves(rel, target) {
		c.report.Outside.add(Link{rel, target})
	}
	if err := c.dst().link(target, name, c.own, st.mtime); err != nil {
		return "", fmt.Errorf("copy %s: %w", rel, err)
	}
	c.report.Links++
	return linkSum(target), c.ctx.Err()
}

func linkSum(target string) string {
	sum := sha256.Sum256([]byte(target))
	return hex.EncodeToString(sum[:])
}

// leaves reports whether a link points out of the tree, by its text: links in
// the middle of it are links of their own.
func leaves(rel, target string) bool {
	return path.IsAbs(target) || !filepath.IsLocal(path.Join(path.Dir(rel), target))
}

func (c *copier) skip(rel string, err error) error {
	if rel == "." {
		return fmt.Errorf("the workspace: %w", err)
	}
	c.report.Skipped.add(Skipped{rel, err.Error()})
	return nil
}

// canonical is the absolute path without links.
func canonical(p string) (string, error) {
	p, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(p)
}

// inside reports whether a path is top or below it, going by the text.
func inside(p, top string) bool {
	if p == "" {
		return false
	}
	p, err := filepath.Abs(p)
	if err != nil {
		return false
	}
	top, err = filepath.Abs(top)
	return err == nil && (p == top || paths.Below(p, top))
}

// enclosing returns the nearest folder above with a .git, or "".
func enclosing(source string) string {
	for dir := filepath.Dir(source); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, gitName)); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}
