package workspace

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5"
)

// packFS shows go-git the packs of a git folder that is the agent's, and nothing
// else of it: neither loose objects, which are read without it, nor alternates.
// No link is followed, and nothing is written.
type packFS struct{ git *dir }

const maxPackIndex = 256 << 20 // held in memory

var (
	errPackIndex       = errors.New("a malformed index of a pack")
	_                  = billy.Filesystem(packFS{})
	errReadOnly  error = billy.ErrReadOnly
)

// packFile makes a billy.File of a file: it is locked against nobody.
type packFile struct {
	*os.File
	name string
}

// Name is where go-git opens it again.
func (f packFile) Name() string { return f.name }

func (packFile) Lock() error   { return nil }
func (packFile) Unlock() error { return nil }

func (f packFS) shows(name string) bool {
	dir := path.Dir(path.Clean(name))
	return dir == "objects/pack" && !strings.HasSuffix(name, ".rev")
}

func (f packFS) Open(name string) (billy.File, error) {
	if !f.shows(name) {
		return nil, fs.ErrNotExist
	}
	d, last, err := lookup(f.git, path.Clean(name))
	if err != nil {
		return nil, err
	}
	defer d.close()
	file, st, err := d.open(last)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".idx") {
		if err := checkPackIndex(file, st.size); err != nil {
			file.Close()
			return nil, err
		}
	}
	return packFile{file, name}, nil
}

// checkPackIndex holds the number of objects that an index claims against its
// size, gitformat-pack(5): as many are made room for.
func checkPackIndex(f io.ReaderAt, size int64) error {
	const header, table, perObject = 8, 4 * 256, 20 + 4 + 4
	var fanout [table]byte
	if size > maxPackIndex {
		return errPackIndex
	}
	if _, err := f.ReadAt(fanout[:], header); err != nil {
		return errPackIndex
	}
	last := uint32(0)
	for b := fanout[:]; len(b) > 0; b = b[4:] {
		n := binary.BigEndian.Uint32(b)
		if n < last {
			return errPackIndex
		}
		last = n
	}
	if size < header+table+int64(last)*perObject {
		return errPackIndex
	}
	return nil
}

func (f packFS) OpenFile(name string, flag int, _ os.FileMode) (billy.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE) != 0 {
		return nil, errReadOnly
	}
	return f.Open(name)
}

func (f packFS) Lstat(name string) (os.FileInfo, error) {
	if !f.shows(name) {
		return nil, fs.ErrNotExist
	}
	d, last, err := lookup(f.git, path.Clean(name))
	if err != nil {
		return nil, err
	}
	defer d.close()
	st, err := d.lstat(last)
	if err != nil {
		return nil, err
	}
	if !st.isRegular() {
		return nil, errNotRegular
	}
	return packInfo{last, st}, nil
}

func (f packFS) Stat(name string) (os.FileInfo, error) { return f.Lstat(name) }

func (f packFS) ReadDir(name string) ([]os.FileInfo, error) {
	if path.Clean(name) != "objects/pack" {
		return nil, nil
	}
	d, last, err := lookup(f.git, "objects/pack")
	if err != nil {
		return nil, err
	}
	defer d.close()
	pack, err := d.sub(last)
	if err != nil {
		return nil, err
	}
	defer pack.close()
	names, err := pack.entries()
	if err != nil {
		return nil, err
	}
	var list []os.FileInfo
	for _, name := range names {
		if st, err := pack.lstat(name); err == nil && st.isRegular() {
			list = append(list, packInfo{name, st})
		}
	}
	return list, nil
}

func (packFS) Create(string) (billy.File, error)           { return nil, errReadOnly }
func (packFS) Rename(string, string) error                 { return errReadOnly }
func (packFS) Remove(string) error                         { return errReadOnly }
func (packFS) TempFile(string, string) (billy.File, error) { return nil, errReadOnly }
func (packFS) MkdirAll(string, os.FileMode) error          { return errReadOnly }
func (packFS) Symlink(string, string) error                { return errReadOnly }
func (packFS) Readlink(string) (string, error)             { return "", fs.ErrNotExist }
func (packFS) Chroot(string) (billy.Filesystem, error)     { return nil, billy.ErrNotSupported }
func (packFS) Join(elem ...string) string                  { return path.Join(elem...) }
func (packFS) Root() string                                { return "/" }

// packInfo is a regular file.
type packInfo struct {
	name string
	st   stat
}

func (i packInfo) Name() string       { return i.name }
func (i packInfo) Size() int64        { return i.st.size }
func (i packInfo) Mode() fs.FileMode  { return i.st.perm() }
func (i packInfo) ModTime() time.Time { return i.st.mtime }
func (i packInfo) IsDir() bool        { return false }
func (i packInfo) Sys() any           { return nil }
