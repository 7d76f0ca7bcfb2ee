package workspace

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// hostTree writes below a person's folder. Paths are taken apart, and no segment
// is followed that is a link.
type hostTree struct {
	top *dir
	// part is the name of a file that is being written, in its folder. Nobody has one
	// of that name: what there is of it is left alone.
	part string
	id   string // of the bottle
	// stopped says that an earlier pull was stopped, and swept are folders in which
	// what it left of files is gone.
	stopped bool
	swept   map[ident]bool
	git     map[ident]bool // git folders in it that have another name
}

// execBits say what becomes of the x bits of a file that is replaced.
type execBits int

const (
	keepExec execBits = iota
	setExec
	clearExec
)

func (e execBits) of(perm uint32) uint32 {
	switch e {
	case setExec:
		return perm | perm>>2&0o111
	case clearExec:
		return perm &^ 0o111
	}
	return perm
}

// form says what stands at a path. Where a folder on the way is none, that is
// something, too: nothing can be written there.
func (h *hostTree) form(rel string, sum func(*dir, string, stat) (string, error)) (form, error) {
	d, name, err := lookup(h.top, rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return form{}, nil
	case errors.Is(err, errNotFolder):
		return form{kind: '?'}, nil
	case err != nil:
		return form{}, fmt.Errorf("your folder: %w", err)
	}
	defer d.close()
	st, err := d.lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return form{}, nil
	case err != nil:
		return form{}, fmt.Errorf("your file: %w", err)
	case st.isDir():
		return form{kind: 'd'}, nil
	case !st.isRegular() && !st.isLink():
		return form{kind: '?'}, nil
	}
	f := form{kind: 'f', exec: st.perm()&0o111 != 0}
	if st.isLink() {
		f = form{kind: 'l'}
	}
	if f.sum, err = sum(d, name, st); err != nil {
		return form{}, fmt.Errorf("your file: %w", err)
	}
	return f, nil
}

// folder opens the folder of a path, which is made where it is missing.
func (h *hostTree) folder(rel string) (*dir, string, error) {
	d, name, err := h.way(rel, subOrNew)
	if err != nil {
		return nil, "", fmt.Errorf("the folder of %s: %w", rel, err)
	}
	return d, name, nil
}

// subOrNew opens a folder, or makes it as a person's mkdir would.
func subOrNew(d *dir, name string) (*dir, error) {
	next, err := d.sub(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return next, err
	}
	if err := unix.Mkdirat(d.fd(), name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if next, err = d.sub(name); err != nil {
		return nil, err
	}
	if err := giveAs(next.f, d.f); err != nil {
		next.close()
		return nil, err
	}
	return next, nil
}

// giveAs gives a file to the owner of another, when root writes to the folder
// of somebody else.
func giveAs(f, like *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(like.Fd()), &st); err != nil {
		return err
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

// write replaces what is at a path by a file of the copy, all at once, and
// returns its sum. It says no when the file changed meanwhile.
func (h *hostTree) write(rel string, m met, exec execBits, p *pump, step func(int) error) (sum string, ok bool, err error) {
	in, before, err := m.parent.open(m.name)
	if err != nil {
		return "", false, err
	}
	defer in.Close()
	d, name, err := h.folder(rel)
	if err != nil {
		return "", false, err
	}
	defer d.close()
	h.sweep(d)
	out, err := d.openat(h.part, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, uint32(before.perm())|0o600)
	if err != nil {
		return "", false, err
	}
	defer out.Close()
	_, readErr, err := p.run(out, in, before.size, step)
	err = cmp.Or(err, readErr)
	if err == nil {
		err = h.dress(d, name, out, exec)
	}
	after, serr := fstat(int(in.Fd()))
	if err = cmp.Or(err, serr); err != nil || !before.same(after) || !before.same(m.st) {
		return "", false, errors.Join(err, d.unlink(h.part))
	}
	if err := renameIn(d, h.part, name); err != nil {
		return "", false, errors.Join(err, d.unlink(h.part))
	}
	return p.digest(), true, nil
}

// dress gives a new file the owner and mode of the one that it replaces.
func (h *hostTree) dress(d *dir, name string, out *os.File, exec execBits) error {
	old, st, err := d.open(name)
	if err != nil { // none, or a link
		return giveAs(out, d.f)
	}
	defer old.Close()
	if err := giveAs(out, old); err != nil {
		return err
	}
	return unix.Fchmod(int(out.Fd()), exec.of(uint32(st.perm())))
}

// link replaces what is at a path by a link.
func (h *hostTree) link(rel, target string) error {
	d, name, err := h.folder(rel)
	if err != nil {
		return err
	}
	defer d.close()
	if err := unix.Symlinkat(target, d.fd(), h.part); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		var st unix.Stat_t
		if err := unix.Fstat(d.fd(), &st); err != nil {
			return err
		}
		if err := unix.Fchownat(d.fd(), h.part, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if err := renameIn(d, h.part, name); err != nil {
		return errors.Join(err, d.unlink(h.part))
	}
	return nil
}

func (h *hostTree) chmod(rel string, exec bool) error {
	d, name, err := h.way(rel, (*dir).sub)
	if err != nil {
		return err
	}
	defer d.close()
	f, st, err := d.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	bits := map[bool]execBits{true: setExec, false: clearExec}[exec]
	return unix.Fchmod(int(f.Fd()), bits.of(uint32(st.perm())))
}

func (h *hostTree) remove(rel string) error {
	d, name, err := h.way(rel, (*dir).sub)
	if err != nil {
		return err
	}
	defer d.close()
	return d.unlink(name)
}

// prune removes folders that are empty, and are not in the copy any more.
func (h *hostTree) prune(rel string, top *dir) {
	for ; rel != "."; rel = path.Dir(rel) {
		if parent, name, err := lookup(top, rel); err == nil {
			st, err := parent.lstat(name)
			parent.close()
			if err == nil && st.isDir() {
				return
			}
		}
		d, name, err := lookup(h.top, rel)
		if err != nil {
			return
		}
		err = d.rmdir(name)
		d.close()
		if err != nil {
			return
		}
	}
}
