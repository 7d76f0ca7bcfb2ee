package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// MaxSocketPath is the longest path of a socket, in bytes. The kernels' limits
// are 107 (Linux) and 103 (macOS).
const MaxSocketPath = 100

// RuntimeRoot returns the folder that holds a folder for each running bottle:
// $XDG_RUNTIME_DIR/bottle, or bottle-UID in the temporary folder when that
// variable is unset or names a folder that is not this user's to write, as
// it is for root after su. It need not be there.
func (e Env) RuntimeRoot() (string, error) {
	if base := e.get("XDG_RUNTIME_DIR"); e.ownRuntime(base) {
		root := filepath.Join(base, "bottle")
		return root, e.checkRuntime(root)
	}
	temp := e.get("TMPDIR")
	if !filepath.IsAbs(temp) {
		temp = "/tmp"
	}
	if err := e.checkTemp(temp); err != nil {
		return "", fmt.Errorf("runtime folder: %w", err)
	}
	root := filepath.Join(temp, "bottle-"+strconv.Itoa(e.uid()))
	return root, e.checkRuntime(root)
}

// RuntimeDir returns the folder of a bottle's sockets. It need not be there.
func (e Env) RuntimeDir(id string) (string, error) {
	if err := CheckID(id); err != nil {
		return "", err
	}
	root, err := e.RuntimeRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, id), nil
}

// MakeRuntimeDir is RuntimeDir, making the folder where it is missing.
func (e Env) MakeRuntimeDir(id string) (string, error) {
	dir, err := e.RuntimeDir(id)
	if err != nil {
		return "", err
	}
	// The root first and checked, so that nobody else owns what is above the
	// sockets and could swap them.
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := e.makeChild(d); err != nil {
			return "", fmt.Errorf("runtime folder: %w", err)
		}
	}
	return dir, nil
}

// SocketPath returns the path of a socket in the runtime folder of a bottle.
// One that is longer than MaxSocketPath is an error.
func (e Env) SocketPath(id, name string) (string, error) {
	dir, err := e.RuntimeDir(id)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, CheckSocketPath(path)
}

// CheckSocketPath refuses a path that a socket cannot have.
func CheckSocketPath(path string) error {
	if len(path) > MaxSocketPath {
		return fmt.Errorf("socket path %s has %d bytes, of %d that a socket can have: set XDG_RUNTIME_DIR (or TMPDIR) to a shorter folder of yours", path, len(path), MaxSocketPath)
	}
	return nil
}

func (e Env) checkRuntime(root string) error {
	if err := e.checkChild(root); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("runtime folder: %w", err)
	}
	return nil
}

// ownRuntime says whether base can hold our sockets. That others may look into
// it does no harm, since ours is a closed folder of its own; that they may
// write it would let them swap that folder.
func (e Env) ownRuntime(base string) bool {
	if !filepath.IsAbs(base) {
		return false
	}
	info, err := os.Stat(base)
	return err == nil && info.IsDir() && ownerOf(info) == e.uid() &&
		info.Mode().Perm()&0o022 == 0 && unix.Access(base, unix.W_OK|unix.X_OK) == nil
}

// checkTemp refuses a temporary folder in which others could rename what is
// ours.
func (e Env) checkTemp(temp string) error {
	info, err := os.Stat(temp)
	if err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("temporary folder %s is not a folder: set TMPDIR", temp)
	}
	if owner := ownerOf(info); owner != 0 && owner != e.uid() {
		return &privacyError{fmt.Sprintf("temporary folder %s belongs to user %d: set TMPDIR, or XDG_RUNTIME_DIR, to a folder of yours", temp, owner)}
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return &privacyError{fmt.Sprintf("in the temporary folder %s every user can replace the others' files (no sticky bit): set TMPDIR, or XDG_RUNTIME_DIR, to a folder of yours", temp)}
	}
	return nil
}
