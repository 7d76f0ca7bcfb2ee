package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// The mount calls of Linux 5.2 to 5.12 (open_tree(2), move_mount(2),
// fsopen(2), mount_setattr(2)) work on descriptors, so that what is mounted is
// what was opened, and a mount has its flags before it is seen anywhere.

// openNoLinks opens name below dir for reference only. No part of it may be a
// symbolic link.
func openNoLinks(dir int, name string) (int, error) {
	// Not O_NOFOLLOW: with O_PATH it would open a link at the end itself.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	if dir != unix.AT_FDCWD {
		how.Resolve |= unix.RESOLVE_IN_ROOT
	}
	var fd int
	var err error
	for range openTries {
		fd, err = unix.Openat2(dir, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN { // EAGAIN: a rename raced with the lookup
			break
		}
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// openTries bounds how often a lookup is tried that others disturb.
const openTries = 100

// cloneTree makes a detached copy of the mount at an absolute path, with what
// is mounted below it.
func cloneTree(name string) (int, error) {
	fd, err := openNoLinks(unix.AT_FDCWD, name)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fd) }()
	tree, err := unix.OpenTree(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, &os.PathError{Op: "open_tree", Path: name, Err: err}
	}
	return tree, nil
}

// newFS makes a detached mount of a new file system. An option is "key" or
// "key=value".
func newFS(kind string, options []string, attr uint64) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, &os.PathError{Op: "fsopen", Path: kind, Err: err}
	}
	defer func() { _ = unix.Close(fs) }()
	for _, o := range options {
		if k, v, ok := strings.Cut(o, "="); ok {
			err = unix.FsconfigSetString(fs, k, v)
		} else {
			err = unix.FsconfigSetFlag(fs, k)
		}
		if err != nil {
			return -1, &os.PathError{Op: "fsconfig " + o, Path: kind, Err: err}
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, &os.PathError{Op: "fsconfig create", Path: kind, Err: err}
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attr))
	if err != nil {
		return -1, &os.PathError{Op: "fsmount", Path: kind, Err: err}
	}
	return fd, nil
}

// setAttr adds flags to a mount and to what is mounted below it, and makes
// them private.
func setAttr(fd int, attr uint64) error {
	return unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE,
		&unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE})
}

// attach puts a detached mount at a path in the current root, where a file or
// folder like it must be.
func attach(tree int, target string) error {
	at, err := openNoLinks(unix.AT_FDCWD, target)
	if err != nil {
		return linkHint(err)
	}
	defer func() { _ = unix.Close(at) }()
	if err := unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "move_mount", Path: target, Err: err}
	}
	return nil
}

// makeTarget makes the folders on the way to target and, unless it is there,
// target itself: a folder, or an empty file. It goes through no symbolic link,
// for an agent of an earlier run may have made those below its home.
func makeTarget(target string, dir bool) error {
	if path.Clean(target) == "/" {
		return nil
	}
	at, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() { _ = unix.Close(at) }()
	parts := strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/")
	for i, part := range parts {
		if last := i == len(parts)-1; last && !dir {
			return makeFile(at, part, target)
		}
		if err := unix.Mkdirat(at, part, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return missingHint(&os.PathError{Op: "mkdir", Path: "/" + path.Join(parts[:i+1]...), Err: err})
		}
		next, err := openNoLinks(at, part)
		if err != nil {
			return linkHint(&os.PathError{Op: "open", Path: "/" + path.Join(parts[:i+1]...), Err: errors.Unwrap(err)})
		}
		_ = unix.Close(at)
		at = next
	}
	return nil
}

func makeFile(at int, name, target string) error {
	fd, err := unix.Openat(at, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return missingHint(&os.PathError{Op: "create", Path: target, Err: err})
	}
	return unix.Close(fd)
}

// linkHint and missingHint say what the two usual errors of a bad mount mean.
func linkHint(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return fmt.Errorf("%w: it is or goes through a symbolic link; name the path that the link stands for", err)
	}
	return err
}

func missingHint(err error) error {
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%w: it lies in a read-only mount and is not there to be mounted over", err)
	}
	return err
}
