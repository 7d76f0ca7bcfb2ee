package agent

import (
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Write renders the plan's files into a home folder and gives what it makes to
// uid and gid; with a uid of -1 it stays the caller's. Each file is in place
// whole or not at all, and what is there already is replaced, but for settings, which
// are merged (of a file that cannot be read as such, the old one stays beside, with
// ".old" behind its name). A path that leads
// out of the folder, through a link that somebody made there for example, is an
// error.
func (p *Plan) Write(home string, uid, gid int) error {
	root, err := os.OpenRoot(home)
	if err != nil {
		return fmt.Errorf("write the agent's files: %w", err)
	}
	defer root.Close()
	for _, f := range p.Files {
		if f.Format != "" {
			if f.Data, err = merged(root, f); err != nil {
				return fmt.Errorf("write the agent's file ~/%s: %w", f.Path, err)
			}
		}
		if err := writeFile(root, f, uid, gid); err != nil {
			return fmt.Errorf("write the agent's file ~/%s: %w", f.Path, err)
		}
	}
	return nil
}

// maxSettings are more than any file of settings has, in bytes. A parser of TOML goes as
// deep as a text says.
var maxSettings = map[Format]int64{JSON: 4 << 20, TOML: 256 << 10}

// merged is what a file of settings is to have, with what is there already.
func merged(root *os.Root, f File) (string, error) {
	info, err := root.Lstat(f.Path)
	if os.IsNotExist(err) {
		return f.Data, nil
	}
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() && info.Size() <= maxSettings[f.Format] {
		there, err := root.ReadFile(f.Path)
		if err != nil {
			return "", err
		}
		if data, err := f.Format.merge(f.Data, there); err == nil {
			return data, nil
		}
	}
	return f.Data, root.Rename(f.Path, f.Path+".old")
}

func writeFile(root *os.Root, f File, uid, gid int) error {
	if err := makeFolders(root, path.Dir(f.Path), uid, gid); err != nil {
		return err
	}
	temp := f.Path + ".bottle-new"
	if err := root.Remove(temp); err != nil && !os.IsNotExist(err) {
		return err
	}
	// 0600 until it has its owner; O_EXCL never writes through a link.
	w, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.WriteString(f.Data)
	if err == nil && uid >= 0 {
		err = w.Chown(uid, gid)
	}
	if err == nil {
		err = w.Chmod(fs.FileMode(f.Mode))
	}
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = root.Rename(temp, f.Path)
	}
	if err != nil {
		_ = root.Remove(temp) // the first error says what happened
	}
	return err
}

// makeFolders makes dir and what is missing above it.
func makeFolders(root *os.Root, dir string, uid, gid int) error {
	if dir == "." {
		return nil
	}
	if err := makeFolders(root, path.Dir(dir), uid, gid); err != nil {
		return err
	}
	err := root.Mkdir(dir, 0o700)
	switch {
	case os.IsExist(err):
		return nil
	case err != nil:
		return err
	case uid >= 0:
		return root.Lchown(dir, uid, gid)
	}
	return nil
}
