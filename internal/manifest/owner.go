package manifest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// readOwn reads a manifest file: a regular one of bounded size that nobody but
// its user could have written. Whoever writes a manifest decides which commands
// run on the host.
func readOwn(path string) ([]byte, error) {
	// Opening a pipe would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := checkOwner(path, info, os.Geteuid()); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("manifest: read %s: %w", path, err)
	}
	if len(b) > maxFileSize {
		return nil, Errors{{File: path, Line: 1, Column: 1, Message: fmt.Sprintf("the file has more than %d KiB, which is no manifest", maxFileSize>>10)}}
	}
	return b, nil
}

// checkFolder refuses a manifest in a folder where anybody can put another in its
// place. In one with the sticky bit, such as /tmp, only its owner can.
func checkFolder(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
		return fmt.Errorf("manifest: everybody can write in %s (mode %04o), and so put another %s there, which decides what runs on this host: chmod o-w it", dir, info.Mode().Perm(), filepath.Base(path))
	}
	return nil
}

func checkOwner(path string, info os.FileInfo, uid int) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("manifest: %s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 {
		return fmt.Errorf("manifest: %s can be written by others (mode %04o), and whoever writes it decides what runs on this host: chmod go-w it", path, perm)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != uid {
		return fmt.Errorf("manifest: %s belongs to another user (uid %d, not %d), who decides what it says: make a copy of your own", path, st.Uid, uid)
	}
	return nil
}
