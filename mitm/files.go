package mitm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// maxPrivateFile bounds what is read of a key or certificate file.
const maxPrivateFile = 64 << 10

// lockDir makes dir, checks that it is the user's, and waits for the lock in
// it. The lock ends with the process at the latest.
func lockDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder but a %s", dir, kind(info.Mode()))
	}
	if err := checkOwner(dir, info, os.Geteuid(), 0o022); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// readOwned reads a regular file of the calling user on which nobody else has
// the permissions in others.
func readOwned(path string, others fs.FileMode) ([]byte, error) {
	// Without O_NONBLOCK a FIFO would hang here.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, which could lead to somebody else's file%s", path, replaceHint)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file but a %s%s", path, kind(info.Mode()), replaceHint)
	}
	if err := checkOwner(path, info, os.Geteuid(), others); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPrivateFile+1))
	if err == nil && len(data) > maxPrivateFile {
		err = fmt.Errorf("%s is larger than %d KiB%s", path, maxPrivateFile>>10, replaceHint)
	}
	return data, err
}

// checkOwner refuses what is not uid's, or open to others.
func checkOwner(path string, info fs.FileInfo, uid int, others fs.FileMode) error {
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != uid {
		owner := "somebody else"
		if ok {
			owner = fmt.Sprintf("uid %d", st.Uid)
		}
		return fmt.Errorf("%s belongs to %s, not to you (uid %d)%s", path, owner, uid, replaceHint)
	}
	mode := info.Mode().Perm()
	if mode&others == 0 {
		return nil
	}
	can := "change"
	if others&0o044 != 0 {
		can = "read or change"
	}
	return fmt.Errorf("others can %s %s (its mode is %04o): run chmod %o %s", can, path, mode, mode&^others, path)
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode.IsDir():
		return "folder"
	case mode.IsRegular():
		return "file"
	default:
		return "special file"
	}
}

// writeFile writes a file so that it is there whole, with its mode, or not at
// all.
func writeFile(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems cannot sync a folder; the rename is atomic all the same.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
