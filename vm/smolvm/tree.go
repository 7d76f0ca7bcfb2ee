package smolvm

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/vm"
)

// progressEvery is after how many files progress is told.
const progressEvery = 2000

// The bounds of what is brought back from a machine. The bytes are those of its disk:
// files with holes and links are told as more than they take.
const (
	maxFiles     = 5_000_000
	maxPath      = 4096 // of a path in bytes, as in the machine (path_resolution(7))
	defaultBytes = 20 << 30
)

// writeTree writes what a mount shows as a tar stream with the paths of the
// machine. What is neither file, folder nor link is left out.
func writeTree(ctx context.Context, w *tar.Writer, m vm.Mount, progress func(files int)) error {
	files := 0
	return filepath.WalkDir(m.Source, func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(m.Source, name)
		if err != nil {
			return err
		}
		if files++; files%progressEvery == 0 {
			progress(files)
		}
		return writeEntry(w, name, strings.TrimPrefix(path.Join(m.Target, filepath.ToSlash(rel)), "/"))
	})
}

func writeEntry(w *tar.Writer, name, inside string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	h := &tar.Header{Name: inside, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Format: tar.FormatPAX}
	switch info.Mode().Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, inside+"/"
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(name); err != nil {
			return err
		}
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = io.CopyN(w, f, h.Size)
		return err
	default:
		return nil
	}
	return w.WriteHeader(h)
}

// readTrees makes the files of a tar stream, which the agent may have made up, in
// new folders, one for each mount.
type readTrees struct {
	mounts   []vm.Mount
	roots    []*os.Root // nil where nothing is wanted
	folders  []folder   // their modes and times come last
	files    int
	bytes    int64
	limit    int64 // of bytes
	progress func(files int)
}

// folder has no header: one of the agent's may hold a megabyte.
type folder struct {
	root     *os.Root
	name     string
	mode     fs.FileMode
	modified time.Time
}

// errCut says that a stream ended between two files, as that of a call that was cut
// off may: what did not come is not what the agent deleted.
var errCut = errors.New("the files did not all come")

// endOfTar is how many zeros a whole stream ends with.
const endOfTar = 1024

// zeroEnd counts the zeros at the end of what was read.
type zeroEnd struct {
	io.Reader
	zeros int
}

func (z *zeroEnd) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	kept := len(bytes.TrimRight(p[:n], "\x00"))
	if kept > 0 {
		z.zeros = 0
	}
	z.zeros += n - kept
	return n, err
}

func (t *readTrees) read(ctx context.Context, r io.Reader) error {
	end := &zeroEnd{Reader: r}
	tr := tar.NewReader(bufio.NewReaderSize(end, 1<<20))
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			if end.zeros < endOfTar {
				return errCut
			}
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := t.entry(h, tr); err != nil {
			return fmt.Errorf("%.300q: %w", h.Name, err)
		}
	}
	for i := len(t.folders) - 1; i >= 0; i-- { // the deepest first
		f := t.folders[i]
		// Its owner can always look into it: somebody has to remove it one day.
		if err := f.root.Chmod(f.name, f.mode|0o700); err != nil {
			return err
		}
		if err := f.root.Chtimes(f.name, f.modified, f.modified); err != nil {
			return err
		}
	}
	return nil
}

func (t *readTrees) entry(h *tar.Header, r io.Reader) error {
	if len(h.Name) > maxPath || len(h.Linkname) > maxPath {
		return fmt.Errorf("a path of more than %d bytes", maxPath)
	}
	t.files++
	if t.files > maxFiles || h.Size < 0 || h.Size > t.limit-t.bytes { // a sum could run over
		return fmt.Errorf("the machine's files are more than %d, or more than %d GiB: delete some in it, or raise resources.disk in the manifest", maxFiles, t.limit>>30)
	}
	t.bytes += h.Size
	if t.files%progressEvery == 0 {
		t.progress(t.files)
	}
	root, name, found := t.place(path.Clean("/" + h.Name))
	switch {
	case !found:
		return errors.New("it was not asked for")
	case root == nil:
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(name, 0o700); err != nil {
			return err
		}
		t.folders = append(t.folders, folder{root, strings.Clone(name), h.FileInfo().Mode().Perm(), h.ModTime})
		return nil
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		w, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		if err := root.Chmod(name, h.FileInfo().Mode().Perm()); err != nil {
			return err
		}
		return root.Chtimes(name, h.ModTime, h.ModTime)
	}
	return fmt.Errorf("an entry of type %q", h.Typeflag)
}

// place returns where a path of the machine belongs: the mount that it is deepest
// in. found is false for what belongs nowhere, root nil for what is not wanted.
func (t *readTrees) place(inside string) (root *os.Root, name string, found bool) {
	deepest := -1
	for i, m := range t.mounts {
		if (inside == m.Target || paths.Below(inside, m.Target)) && len(m.Target) > deepest {
			deepest, root, found = len(m.Target), t.roots[i], true
			if name = strings.TrimPrefix(inside[len(m.Target):], "/"); name == "" {
				name = "."
			}
		}
	}
	return root, name, found
}
