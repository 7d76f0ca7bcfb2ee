package workspace

import (
	"crypto/rand"
	"errors"
	"io"
	"os"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"golang.org/x/sys/unix"
)

// hostObjects are those of a repository of the host's.
type hostObjects struct {
	store   *filesystem.ObjectStorage
	objects *dir
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

func (o *hostObjects) has(h plumbing.Hash) bool { return o.store.HasEncodedObject(h) == nil }

// write adds a loose object, when its content has that name.
func (o *hostObjects) write(h plumbing.Hash, kind plumbing.ObjectType, size int64, in io.Reader) error {
	name := h.String()
	d, err := subOrNew(o.objects, name[:2])
	if err != nil {
		return err
	}
	defer d.close()
	part := "tmp_obj_" + rand.Text()
	f, err := d.create(part)
	if err != nil {
		return err
	}
	defer f.Close()
	err = deflate(f, h, kind, size, in)
	if err == nil {
		err = giveAs(f, d.f)
	}
	if err == nil {
		err = unix.Fchmod(int(f.Fd()), 0o444)
	}
	if err == nil {
		err = renameIn(d, part, name[2:])
	}
	if err != nil {
		return errors.Join(err, d.unlink(part))
	}
	return nil
}

func deflate(f *os.File, h plumbing.Hash, kind plumbing.ObjectType, size int64, in io.Reader) error {
	w := objfile.NewWriter(f)
	err := w.WriteHeader(kind, size)
	if err == nil {
		// A byte more than there should be makes another object, which is found out.
		_, err = io.Copy(w, io.LimitReader(in, size+1))
	}
	sum := w.Hash()
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if sum != h {
		return errors.New("it is another one by its content")
	}
	return nil
}
