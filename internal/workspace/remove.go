package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes a copy and all in it: read-only folders too, and folders
// nested deeper than there are file descriptors, which os.RemoveAll both
// leaves. It follows no link, but nobody may write to the copy meanwhile: the
// bottle is to be stopped. A path that is not there is no error.
func Remove(ctx context.Context, path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.IsDir() && st.Mode().Perm()&0o700 != 0o700 {
		if err := os.Chmod(path, 0o700); err != nil {
			return err
		}
	}
	d, err := openDir(path)
	if err != nil {
		return err
	}
	defer d.close()
	if err := removeAll(ctx, d); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return os.Remove(path)
}

// removeAll empties a folder.
func removeAll(ctx context.Context, d *dir) error {
	r := remover{ctx: ctx, top: d}
	return r.empty(d, 0)
}

// removeEntry removes one entry of a folder, if it is there.
func removeEntry(ctx context.Context, d *dir, name string) error {
	r := remover{ctx: ctx, top: d}
	return r.entry(d, name, 0)
}

// remover moves what is too deep to its top folder, where it is met again.
type remover struct {
	ctx   context.Context
	top   *dir
	moved int
}

// empty removes what is in a folder, until there is nothing: entries may have
// been moved here meanwhile, and not all names are read at once.
func (r *remover) empty(d *dir, depth int) error {
	for {
		names, err := d.some()
		if err != nil || len(names) == 0 {
			return err
		}
		for _, name := range names {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if err := r.entry(d, name, depth); err != nil {
				return err
			}
		}
	}
}

func (r *remover) entry(d *dir, name string, depth int) error {
	err := d.unlink(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	st, serr := d.lstat(name)
	if serr != nil {
		return fmt.Errorf("%s: %w", name, serr)
	}
	if !st.isDir() {
		return fmt.Errorf("%s: %w", name, err)
	}
	if st.mode&0o700 != 0o700 {
		// Not through a link: only who may write to the copy could put one here
		// since, and nobody does when it is removed.
		if err := unix.Fchmodat(d.fd(), name, 0o700, 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if depth >= maxDepth {
		return r.move(d, name)
	}
	sub, err := d.sub(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err = r.empty(sub, depth+1)
	sub.close()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := d.rmdir(name); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *remover) move(d *dir, name string) error {
	for {
		r.moved++
		err := unix.Renameat(d.fd(), name, r.top.fd(), fmt.Sprintf(".removing-%d", r.moved))
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENOTDIR) {
			return err
		}
	}
}
