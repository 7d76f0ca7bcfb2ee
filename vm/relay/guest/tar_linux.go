package guest

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unpack makes what a tar stream holds, below /. What an entry names is replaced,
// and belongs to the user that the flags say. Folders that the stream does not
// name and that are missing are this process's own.
func unpack(args []string, in io.Reader, _ io.Writer) error {
	f := flags("unpack")
	uid, gid, root := f.Int("uid", -1, ""), f.Int("gid", -1, ""), f.String("root", "/", "")
	if err := f.Parse(args); err != nil {
		return &codeError{ExitUsage, err}
	}
	u := &unpacker{root: *root, uid: *uid, gid: *gid}
	r := tar.NewReader(bufio.NewReaderSize(in, 1<<20))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, r); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return u.finish()
}

type unpacker struct {
	root     string
	uid, gid int
	folders  []*tar.Header // their modes and times come last
}

func (u *unpacker) path(name string) string { return filepath.Join(u.root, path.Clean("/"+name)) }

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	name := u.path(h.Name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.folder(name, h)
	case tar.TypeReg:
		return u.file(name, h, r)
	case tar.TypeSymlink:
		if err := remove(name); err != nil {
			return err
		}
		if err := os.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return u.own(name)
	}
	return fmt.Errorf("entry of type %q", h.Typeflag)
}

func (u *unpacker) folder(name string, h *tar.Header) error {
	if info, err := os.Lstat(name); err == nil && !info.IsDir() {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	u.folders = append(u.folders, h)
	return u.own(name)
}

func (u *unpacker) file(name string, h *tar.Header, r io.Reader) error {
	if err := remove(name); err != nil {
		return err
	}
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := u.own(name); err != nil {
		return err
	}
	return errors.Join(os.Chmod(name, h.FileInfo().Mode().Perm()), os.Chtimes(name, time.Time{}, h.ModTime))
}

// remove makes room for a file, even where a folder is in its place.
func remove(name string) error {
	err := os.RemoveAll(name)
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("something is mounted there: %w", err)
	}
	return err
}

func (u *unpacker) own(name string) error {
	if u.uid < 0 {
		return nil
	}
	return os.Lchown(name, u.uid, u.gid)
}

// finish gives folders their modes, which may forbid to write in them, and their
// times, which change when they are filled: the deepest first.
func (u *unpacker) finish() error {
	for i := len(u.folders) - 1; i >= 0; i-- {
		h := u.folders[i]
		name := u.path(h.Name)
		if err := errors.Join(os.Chmod(name, h.FileInfo().Mode().Perm()), os.Chtimes(name, time.Time{}, h.ModTime)); err != nil {
			return err
		}
	}
	return nil
}

// pack writes what is below the folders that it is given, with their absolute
// paths. What is no file, folder or link is left out, and so is what lies on
// another file system than its folder: a volume is on the host already.
func pack(args []string, _ io.Reader, out io.Writer) error {
	buf := bufio.NewWriterSize(out, 1<<20)
	w := tar.NewWriter(buf)
	for _, dir := range args {
		if err := packTree(w, dir); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), buf.Flush())
}

func packTree(w *tar.Writer, dir string) error {
	var top unix.Stat_t
	if err := unix.Lstat(dir, &top); err != nil {
		return ignoreGone(err)
	}
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went away meanwhile
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return ignoreGone(err)
		}
		if d.IsDir() && st.Dev != top.Dev {
			return filepath.SkipDir
		}
		return packOne(w, name)
	})
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func packOne(w *tar.Writer, name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return ignoreGone(err)
	}
	h := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	switch info.Mode().Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(name); err != nil {
			return ignoreGone(err)
		}
	case 0:
		return packFile(w, h, name)
	default:
		return nil
	}
	return w.WriteHeader(h)
}

// packFile writes a file with the size that it has now. One that shrinks
// meanwhile is filled with zeros: its writer has not finished.
func packFile(w *tar.Writer, h *tar.Header, name string) error {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ignoreGone(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyN(w, f, h.Size)
	if errors.Is(err, io.EOF) {
		_, err = io.CopyN(w, zeros{}, h.Size-n)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
