package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/bot-bottle/bottle/proxy"
)

// addTries is how often a file is looked at again that somebody else writes.
const addTries = 5

// AddRoute writes a route into the project's manifest, where it decides before the
// route that asked, and trusts the result. Comments, order and form of the file
// stay. It is written only if nothing else of it was changed since it was trusted;
// what another program writes at the same time is not lost. The comment of the
// route names id. load loads the manifest as it is now.
//
// It returns the manifest as it is written then.
func (t *Trust) AddRoute(load func() (*Manifest, error), g Grant, id string) (*Manifest, error) {
	if load == nil {
		return nil, errors.New("the manifest of this bottle is not read again, so nothing is written into it")
	}
	for range addTries {
		m, err := load()
		if err != nil {
			return nil, fmt.Errorf("the manifest cannot be written, since it cannot be read: %w", err)
		}
		if m.Project == nil {
			return nil, fmt.Errorf("there is no %s to write it into: make one that says \"version: 1\", or answer for the session", FileName)
		}
		if err := t.IsTrusted(m); err != nil {
			return nil, fmt.Errorf("nothing is written into a manifest that nobody agreed to: run `bottle trust` first, or answer for the session: %w", err)
		}
		next, done, err := t.addTo(m, load, g, id)
		if done || err != nil {
			return next, err
		}
	}
	return nil, fmt.Errorf("%s is written by another program all the time: try again, or answer for the session", FileName)
}

// addTo writes the route into the manifest as it was loaded. It reports false when
// the file is another by now.
func (t *Trust) addTo(m *Manifest, load func() (*Manifest, error), g Grant, id string) (*Manifest, bool, error) {
	path := m.Project.Path
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	if hashOf(path, text) != m.Project.Hash {
		return nil, false, nil
	}
	e := edit{base: filepath.Base(path), variant: m.Name, id: id, date: t.now()}
	next, err := e.add(text, g)
	if err != nil {
		return nil, false, fmt.Errorf("it cannot be written into %s without touching what else is in it (%w): write it there yourself and run `bottle trust`, or answer for the session:\n%s", path, err, g.YAML("  "))
	}
	undo, done, err := swapFile(path, text, next)
	if !done || err != nil {
		return nil, false, err
	}
	now, err := load()
	if err == nil && (now.Project == nil || now.Project.Hash != hashOf(path, next)) {
		return nil, false, nil // and somebody else has the last word
	}
	if err == nil {
		err = decides(m, now, g)
	}
	if err == nil {
		err = t.Trust(now)
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("%s is as it was: %w", path, err), undo())
	}
	return now, true, nil
}

// decides reports whether a manifest has what was granted beside one before it: the
// route, or what of a push and nothing else of git.
func decides(was, m *Manifest, g Grant) error {
	if g.Push != nil {
		if with, left := was.With([]Grant{g}); len(left) > 0 || !sameGit(with, m) {
			return errors.New("what may be pushed as it was written is not what was meant")
		}
		return nil
	}
	if !slices.ContainsFunc(m.Egress.Routes, func(r proxy.Route) bool { return identity(r) == identity(g.Route) }) {
		return errors.New("the route as it was written is not the one that was meant")
	}
	return nil
}

// swapFile puts a file with a new text in the place of one with an old text, in one
// step. It reports false, with everything as it is, when the file has another text
// by then. undo takes it back, unless the file was changed again.
func swapFile(path string, old, text []byte) (undo func() error, done bool, err error) {
	temp, err := sibling(path, text)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = os.Remove(temp) }()
	// What comes out is looked at. Where it is not what was expected, somebody wrote it in
	// between, and theirs goes back: for ours, or for what they wrote since then.
	put, expected := text, old
	for range addTries * addTries {
		if err := exchange(temp, path); err != nil {
			return nil, false, fmt.Errorf("write %s: %w", path, err)
		}
		was, err := os.ReadFile(temp)
		if err != nil {
			return nil, false, errors.Join(err, exchange(temp, path))
		}
		if string(was) == string(expected) {
			done = string(put) == string(text)
			break
		}
		put, expected = was, put
	}
	if !done {
		return nil, false, nil
	}
	undo = func() error {
		_, _, err := swapFile(path, text, old)
		return err
	}
	return undo, true, nil
}

// sibling writes a text into a new file beside path, with its mode and owner.
func sibling(path string, text []byte) (name string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), keepOwner(f, info), f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// keepOwner gives a new file the owner of the one whose place it takes. Only root
// has any other than itself.
func keepOwner(f *os.File, old os.FileInfo) error {
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
