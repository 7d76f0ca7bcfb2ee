package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// open returns the mount that the step is about, or -1. It runs while the
// host's folders are seen.
func (s *step) open() (int, error) {
	target := string(s.Target)
	switch s.Kind {
	case stepBind:
		if s.Tree > 0 {
			return treeFD + s.Tree, nil // the parent has set its flags
		}
		return s.openBind()
	case stepFS:
		return newFS(string(s.Source), s.Options, s.Attr)
	case stepMask:
		fi, err := os.Lstat(target)
		if err != nil {
			return -1, nil
		}
		if fi.IsDir() {
			return newFS("tmpfs", []string{"mode=0555", "size=4k"}, roAttr|dataAttr)
		}
		null := step{Kind: stepBind, Source: []byte("/dev/null"), Attr: devAttr | unix.MOUNT_ATTR_RDONLY}
		return null.openBind()
	}
	return -1, nil
}

// openBind opens a path of the host. Root's parent does it for the machine,
// which acts as a user that may not go there.
func (s *step) openBind() (int, error) {
	tree, err := cloneTree(string(s.Source))
	if errors.Is(err, unix.ENOENT) && s.Optional {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	if err := setAttr(tree, s.Attr); err != nil {
		_ = unix.Close(tree)
		return -1, &os.PathError{Op: "mount_setattr", Path: string(s.Source), Err: err}
	}
	return tree, nil
}

// do does the step in the new root, with the mount that open returned.
func (s *step) do(tree int) error {
	target := string(s.Target)
	switch s.Kind {
	case stepBind, stepFS:
		if tree < 0 {
			return nil
		}
		if err := makeTarget(target, s.Dir); err != nil {
			return err
		}
		return attachClose(tree, target)
	case stepMask:
		if _, err := os.Lstat(target); err != nil || tree < 0 {
			return nil
		}
		return attachClose(tree, target)
	case stepSeal:
		seal := step{Source: s.Target, Attr: s.Attr, Optional: s.Optional}
		tree, err := seal.openBind()
		if err != nil || tree < 0 {
			return err
		}
		return attachClose(tree, target)
	case stepFile:
		if err := makeTarget(path.Dir(target), true); err != nil {
			return err
		}
		return writeNew(target, s.Data)
	case stepDir:
		if err := makeTarget(target, true); err != nil {
			return err
		}
		return unix.Chmod(target, s.Mode)
	case stepLink:
		return makeLink(string(s.Source), target)
	case stepWrite:
		return os.WriteFile(target, s.Data, 0)
	}
	return fmt.Errorf("a step of the unknown kind %q", s.Kind)
}

func attachClose(tree int, target string) error {
	defer func() { _ = unix.Close(tree) }()
	return attach(tree, target)
}

func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// makeLink makes a symbolic link, over another one at most.
func makeLink(to, name string) error {
	dir, base := path.Split(name)
	if err := makeTarget(path.Clean(dir), true); err != nil {
		return err
	}
	at, err := openNoLinks(unix.AT_FDCWD, path.Clean(dir))
	if err != nil {
		return linkHint(err)
	}
	defer func() { _ = unix.Close(at) }()
	err = unix.Symlinkat(to, at, base)
	if errors.Is(err, unix.EEXIST) {
		var st unix.Stat_t
		if e := unix.Fstatat(at, base, &st, unix.AT_SYMLINK_NOFOLLOW); e == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			if err = unix.Unlinkat(at, base, 0); err == nil {
				err = unix.Symlinkat(to, at, base)
			}
		}
	}
	if err != nil {
		return missingHint(&os.LinkError{Op: "symlink", Old: to, New: name, Err: err})
	}
	return nil
}
