package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// check refuses a folder of another user, or with one of the permission bits.
// One that is missing is fine. Symbolic links on the way are the person's own:
// what counts is where they lead.
func (e Env) check(dir string, bits fs.FileMode) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.checkInfo(dir, info, bits)
}

func (e Env) checkInfo(dir string, info fs.FileInfo, bits fs.FileMode) error {
	if !info.IsDir() {
		return &fs.PathError{Op: "use", Path: dir, Err: syscall.ENOTDIR}
	}
	if owner := ownerOf(info); owner != e.uid() {
		return &privacyError{fmt.Sprintf("%s belongs to user %d and this is user %d: run bottle as that user, or with HOME and the XDG variables of this one", dir, owner, e.uid())}
	}
	if perm := info.Mode().Perm(); perm&bits != 0 {
		mode, verb := "700", "reach"
		if bits == 0o022 {
			mode, verb = "go-w", "write to"
		}
		return &privacyError{fmt.Sprintf("other users can %s %s (mode %04o): see that nothing in it was tampered with, then run: chmod %s %s", verb, dir, perm, mode, dir)}
	}
	return nil
}

// makePrivate makes dir and what is missing above it, mode 0700, and checks
// what is then there: another process may have been faster.
func (e Env) makePrivate(dir string, bits fs.FileMode) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return e.check(dir, bits)
}

// makeChild makes one folder in a private one. It never follows a link.
func (e Env) makeChild(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return e.checkChild(dir)
}

// CheckPrivate refuses a folder that is not there, is a symbolic link, belongs
// to another user or can be reached by others.
func (e Env) CheckPrivate(dir string) error { return e.checkChild(dir) }

// checkChild is check for a folder that bottle itself made: no link either.
func (e Env) checkChild(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return &privacyError{fmt.Sprintf("%s is a symbolic link, which bottle did not make: remove it", dir)}
	}
	return e.checkInfo(dir, info, 0o077)
}

func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

type privacyError struct{ text string }

func (e *privacyError) Error() string        { return e.text }
func (e *privacyError) Is(target error) bool { return target == ErrNotPrivate }
