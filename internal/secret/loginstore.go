package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// store is where a client keeps its login.
type store interface {
	where() string
	// read returns the document; one that is not there is os.ErrNotExist.
	read() ([]byte, error)
	// prepare makes sure that a document of at most so many bytes can be kept, and
	// returns what keeps it: before the login is renewed, as a renewed login that
	// is lost is the end of it. close is called in any case. of says which token
	// is renewed, for leftovers.
	prepare(size int, of string) (save func(doc []byte) error, closeIt func(), err error)
	// leftovers are the documents that nothing was done with, since the process that
	// had prepared for them is no more.
	leftovers() []leftover
	writable() error
	modified() time.Time
}

// hostStore is where a client keeps its login on this host.
func hostStore(client, file string, opts *Options) store {
	if client == LoginClaude && runtime.GOOS == "darwin" {
		if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) {
			return keychain{service: "Claude Code-credentials", opts: opts}
		}
	}
	return fileStore{path: file}
}

// fileStore is a credentials file.
type fileStore struct {
	path string
	// written is called when a document is about to take its place: where a test ends
	// the process.
	written func()
}

func (s fileStore) where() string { return s.path }

func (s fileStore) read() ([]byte, error) {
	f, _, err := openFile(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLoginFile+1))
	if err == nil && len(b) > maxLoginFile {
		err = fmt.Errorf("%s has more than %d bytes", s.path, maxLoginFile)
	}
	return b, err
}

func (s fileStore) modified() time.Time {
	info, err := os.Stat(s.path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// writable says why the file is not to be replaced. One that its owner made
// read-only is meant to stay, although its folder would let another take its place.
func (s fileStore) writable() error {
	real, info, err := s.real()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%s is read-only: chmod u+w it", s.path)
	}
	dir := filepath.Dir(real)
	if syscall.Access(dir, 2) != nil { // W_OK
		return fmt.Errorf("the folder %s cannot be written", dir)
	}
	return room(dir, uint64(max(info.Size(), 0))+maxTokenGrowth)
}

// room says that a disk is full, as far as that can be known without writing.
func room(dir string, size uint64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Blocks == 0 || st.Bsize <= 0 {
		return nil // it says nothing of itself
	}
	free, block := st.Bavail, uint64(st.Bsize)
	if os.Geteuid() == 0 {
		free = st.Bfree
	}
	if free < (size+block-1)/block {
		return fmt.Errorf("the disk of %s is full (%d bytes are free, %d are needed): make room there", dir, free*block, size)
	}
	return nil
}

// real is the file itself, behind links that people keep their settings with.
func (s fileStore) real() (string, os.FileInfo, error) {
	real, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return "", nil, err
	}
	info, err := os.Stat(real)
	return real, info, err
}

// prepare fills another file in the same folder, so that a full disk is known
// before. It takes the place of the client's in one step: who reads sees the one or
// the other, and a crash in between leaves the old one, and this for leftovers. It is
// locked while its process lives.
func (s fileStore) prepare(size int, of string) (save func([]byte) error, closeIt func(), err error) {
	if err := s.writable(); err != nil {
		return nil, nil, err
	}
	real, info, err := s.real()
	if err != nil {
		return nil, nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(real), leftoverPrefix(real)+of+"-*") // mode 0600
	if err != nil {
		return nil, nil, fmt.Errorf("no file can be made beside %s: %w", s.path, err)
	}
	closeIt = func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // unless it has its place
	}
	_ = filelock.TryLock(f) // where there are no locks, leftovers finds none
	if err := fill(f, size, info); err != nil {
		closeIt()
		return nil, nil, fmt.Errorf("there is no room for another %s: %w", s.path, err)
	}
	save = func(doc []byte) error {
		if _, err := f.WriteAt(doc, 0); err != nil {
			return err
		}
		if err := errors.Join(f.Truncate(int64(len(doc))), f.Chmod(info.Mode().Perm()), f.Sync()); err != nil {
			return err
		}
		if s.written != nil {
			s.written()
		}
		return os.Rename(f.Name(), real)
	}
	return save, closeIt, nil
}

// fill takes the room, and gives the file its owner.
func fill(f *os.File, size int, like os.FileInfo) error {
	if _, err := f.Write(make([]byte, size)); err != nil {
		return err
	}
	if st, ok := like.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return f.Sync()
}
