package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// merge runs a walk while the base is read beside it.
func (c *comparer) merge(walk func() error) error {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var readErr error
	next, stop := iter.Pull(func(yield func(record) bool) {
		readErr = readBase(c.file, baseReader{file: func(r record) error {
			if !yield(r) {
				return errStopped
			}
			return nil
		}})
	})
	defer stop()
	c.next, c.seen = next, map[string]bool{}
	if err := walk(); err != nil {
		return err
	}
	for c.peek() {
		if err := c.passed(); err != nil {
			return err
		}
	}
	for repo := range c.known {
		if !c.seen[repo] {
			c.add(Deleted, path.Join(repo, gitName), "")
		}
	}
	return readErr
}

var errStopped = errors.New("stopped")

// peek reports whether the base has another record, which is ahead then.
func (c *comparer) peek() bool {
	if c.ahead == nil {
		if r, ok := c.next(); ok {
			c.ahead = &r
		}
	}
	return c.ahead != nil
}

// passed handles a record that the walk did not meet: it is gone, or the rules
// ignore it by now.
func (c *comparer) passed() error {
	was := *c.ahead
	c.ahead = nil
	parent, name, err := lookup(c.top, was.path)
	if err == nil {
		defer parent.close()
		var st stat
		if st, err = parent.lstat(name); err == nil {
			return c.versus(parent, name, st, was)
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder) {
		kind := Deleted
		if was.kind == 'g' {
			kind = ""
		}
		err = c.found(kind, met{path: was.path, was: &was})
	} else {
		err = c.unreadable(was, err)
	}
	return errors.Join(err, c.ctx.Err())
}

// unreadable reports what may be another file by now.
func (c *comparer) unreadable(was record, err error) error {
	c.add(Unreadable, was.path, err.Error())
	if c.pull != nil {
		c.pull.stays(met{was: &was})
	}
	return nil
}

var errNotFolder = errors.New("not a folder")

// lookup opens the folder of a path, without following links.
func lookup(top *dir, rel string) (*dir, string, error) {
	segments := strings.Split(rel, "/")
	d, err := top.sub(".")
	if err != nil {
		return nil, "", err
	}
	for _, name := range segments[:len(segments)-1] {
		st, err := d.lstat(name)
		if err == nil && !st.isDir() {
			err = errNotFolder
		}
		var next *dir
		if err == nil {
			next, err = d.sub(name)
		}
		d.close()
		if err != nil {
			return nil, "", err
		}
		d = next
	}
	return d, segments[len(segments)-1], nil
}

// versus compares an entry with its record.
func (c *comparer) versus(parent *dir, name string, st stat, was record) error {
	m := met{parent, name, st, was.path, &was}
	if was.kind == 'g' {
		if st.isRegular() || st.isLink() {
			return c.found(Added, m)
		}
		return c.found("", met{path: was.path, was: &was})
	}
	kind := map[bool]byte{true: 'l', false: 'f'}[st.isLink()]
	if kind != was.kind || !st.isLink() && !st.isRegular() {
		return c.found(Modified, m)
	}
	now := newRecord(st, was.hash, was.path)
	now.past = was.past
	if now == was {
		return c.found("", m)
	}
	same := now.size == was.size
	if same {
		sum, err := c.sum(parent, name, st)
		if cerr := c.ctx.Err(); cerr != nil {
			return cerr
		}
		if err != nil {
			return c.unreadable(was, err)
		}
		same = sum == was.hash
	}
	const executable = 0o111
	switch {
	case !same:
		return c.found(Modified, m)
	case now.perm&executable != was.perm&executable:
		return c.found(Executable, m)
	}
	return c.found("", m)
}

// sum is the hash of a file's content or a link's target.
func (c *comparer) sum(parent *dir, name string, st stat) (string, error) {
	return digestOf(parent, name, st, c.pump, func(int) error { return c.ctx.Err() })
}

func digestOf(parent *dir, name string, st stat, p *pump, step func(int) error) (string, error) {
	if st.isLink() {
		target, err := parent.readlink(name)
		return linkSum(target), err
	}
	f, now, err := parent.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, readErr, err := p.run(nil, f, now.size, step); readErr != nil || err != nil {
		return "", fmt.Errorf("read: %w", errors.Join(readErr, err))
	}
	return p.digest(), nil
}
