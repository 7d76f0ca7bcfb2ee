package workspace

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// maxDirEntries bounds the names of one folder, which are held in memory to be
// sorted.
const maxDirEntries = 1 << 20

var (
	errNotRegular = errors.New("not a regular file")
	errTooMany    = fmt.Errorf("a folder of more than %d entries", maxDirEntries)
)

// dir is an open folder. Each method takes one name in it, never a path, and
// no method follows a symbolic link or waits for a fifo: whoever writes the
// tree at the same time can make a call fail, not leave the tree.
type dir struct{ f *os.File }

// ident tells two files apart, whatever their names.
type ident struct{ dev, ino uint64 }

// stat is what lstat says, of the same type everywhere.
type stat struct {
	ident
	mode         uint32 // with the type
	size         int64
	mtime, ctime time.Time
}

func (s stat) kind() uint32      { return s.mode & unix.S_IFMT }
func (s stat) isDir() bool       { return s.kind() == unix.S_IFDIR }
func (s stat) isRegular() bool   { return s.kind() == unix.S_IFREG }
func (s stat) isLink() bool      { return s.kind() == unix.S_IFLNK }
func (s stat) perm() fs.FileMode { return fs.FileMode(s.mode & 0o777) }

// same reports whether nothing was written between the two.
func (s stat) same(t stat) bool {
	return s.ident == t.ident && s.size == t.size && s.mtime.Equal(t.mtime) && s.ctime.Equal(t.ctime)
}

// openDir opens a folder by a path that a person or this program chose; links
// in it are followed.
func openDir(path string) (*dir, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &dir{f}, nil
}

func (d *dir) close() { _ = d.f.Close() }

func (d *dir) fd() int { return int(d.f.Fd()) }

func (d *dir) openat(name string, flags int, perm uint32) (*os.File, error) {
	fd, err := again(func() (int, error) {
		return unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// sub opens a folder.
func (d *dir) sub(name string) (*dir, error) {
	f, err := d.openat(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &dir{f}, nil
}

// open opens a regular file to read. It may meet a fifo that has just taken
// the file's place, hence O_NONBLOCK.
func (d *dir) open(name string) (*os.File, stat, error) {
	fd, err := again(func() (int, error) {
		return unix.Openat(d.fd(), name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, stat{}, err
	}
	st, err := fstat(fd)
	if err == nil && !st.isRegular() {
		err = errNotRegular
	}
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, stat{}, err
	}
	return os.NewFile(uintptr(fd), name), st, nil
}

// create makes a new file, 0600, to write and read.
func (d *dir) create(name string) (*os.File, error) {
	return d.openat(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
}

// mkdir makes a new folder, 0700, and opens it.
func (d *dir) mkdir(name string) (*dir, error) {
	if err := unix.Mkdirat(d.fd(), name, 0o700); err != nil {
		return nil, err
	}
	return d.sub(name)
}

// ensure is mkdir for a folder that may be there; "." is.
func (d *dir) ensure(name string) (*dir, error) {
	if name == "." {
		return d.sub(name)
	}
	if err := unix.Mkdirat(d.fd(), name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return d.sub(name)
}

func (d *dir) lstat(name string) (stat, error) {
	var st unix.Stat_t
	_, err := again(func() (int, error) {
		return 0, unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return stat{}, err
	}
	return statOf(&st), nil
}

func (d *dir) stat() (stat, error) { return fstat(d.fd()) }

// has reports whether there is anything of this name.
func (d *dir) has(name string) bool {
	_, err := d.lstat(name)
	return err == nil
}

// entries returns the names in the folder, sorted by their bytes.
func (d *dir) entries() ([]string, error) {
	f, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var names []string
	for {
		some, err := f.Readdirnames(1024)
		names = append(names, some...)
		if len(names) > maxDirEntries {
			return nil, errTooMany
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// some returns the first names in the folder, in any order.
func (d *dir) some() ([]string, error) {
	f, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(1024)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}

func (d *dir) readlink(name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := again(func() (int, error) { return unix.Readlinkat(d.fd(), name, buf) })
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// link makes a symbolic link with the owner and time given.
func (d *dir) link(target, name string, own owner, mtime time.Time) error {
	if err := unix.Symlinkat(target, d.fd(), name); err != nil {
		return err
	}
	if own.set() {
		if err := unix.Fchownat(d.fd(), name, own.uid, own.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	return d.setTime(name, mtime)
}

// setTime sets the time of an entry, or of the folder itself as ".".
func (d *dir) setTime(name string, mtime time.Time) error {
	ts := unix.NsecToTimespec(mtime.UnixNano())
	return unix.UtimesNanoAt(d.fd(), name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

// settle gives the folder its owner, mode and time, once all is in it.
func (d *dir) settle(own owner, perm fs.FileMode, mtime time.Time) error {
	if err := own.give(d.f, perm); err != nil {
		return err
	}
	return d.setTime(".", mtime)
}

// readSmall returns the whole of a regular file of at most limit bytes.
func (d *dir) readSmall(name string, limit int64) ([]byte, error) {
	f, st, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st.size > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	return data, err
}

// owner is who the copies are given to; -1 leaves what is.
type owner struct{ uid, gid int }

func (o owner) set() bool { return o.uid >= 0 || o.gid >= 0 }

// give sets owner and permissions, the latter last because a change of owner
// may clear bits.
func (o owner) give(f *os.File, perm fs.FileMode) error {
	if o.set() {
		if err := f.Chown(o.uid, o.gid); err != nil {
			return err
		}
	}
	return f.Chmod(perm)
}

// statPath follows links.
func statPath(path string) (stat, error) {
	var st unix.Stat_t
	if _, err := again(func() (int, error) { return 0, unix.Stat(path, &st) }); err != nil {
		return stat{}, err
	}
	return statOf(&st), nil
}

func fstat(fd int) (stat, error) {
	var st unix.Stat_t
	if _, err := again(func() (int, error) { return 0, unix.Fstat(fd, &st) }); err != nil {
		return stat{}, err
	}
	return statOf(&st), nil
}

func statOf(st *unix.Stat_t) stat {
	return stat{
		ident: ident{whole(st.Dev), whole(st.Ino)},
		mode:  uint32(whole(st.Mode)),
		size:  st.Size,
		mtime: time.Unix(st.Mtim.Unix()),
		ctime: time.Unix(st.Ctim.Unix()),
	}
}

// whole makes one type of what stat has on the systems we build for.
func whole[T ~int32 | ~uint16 | ~uint32 | ~uint64](n T) uint64 { return uint64(n) }

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// unlink removes an entry that is not a folder.
func (d *dir) unlink(name string) error { return unix.Unlinkat(d.fd(), name, 0) }

// rmdir removes an empty folder.
func (d *dir) rmdir(name string) error { return unix.Unlinkat(d.fd(), name, unix.AT_REMOVEDIR) }
