package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// leftover is a document that was written, or not quite, by a process that was killed
// before it took its place. It may be the only copy of a login: the provider knows the
// one that was renewed no more.
type leftover struct {
	of     string // the hash of the token that was renewed
	doc    []byte
	path   string
	remove func()
}

func leftoverPrefix(real string) string { return "." + filepath.Base(real) + ".bottle-" }

// leftovers finds them beside the client's file, also when that is gone.
func (s fileStore) leftovers() (list []leftover) {
	real, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		real = s.path
	}
	dir := filepath.Dir(real)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), leftoverPrefix(real))
		if !ok || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if doc, ok := readLeftover(path); ok {
			of, _, _ := strings.Cut(name, "-")
			list = append(list, leftover{of: of, doc: doc, path: path, remove: func() { _ = os.Remove(path) }})
		}
	}
	return list
}

// readLeftover reads one, unless its process lives: another state folder has another
// lock of the login.
func readLeftover(path string) ([]byte, bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	if filelock.TryLock(f) != nil {
		return nil, false
	}
	doc, err := io.ReadAll(io.LimitReader(f, maxLoginFile+maxTokenGrowth))
	// The room that was taken for it is filled with zeros.
	return bytes.TrimRight(doc, "\x00"), err == nil
}

// recover puts what a killed renewal has left into the client's file, if it is whole
// and the file still has the token that was renewed, and else deletes it: the client
// has logged in or out since, and its word counts. It is called with the lock held.
func (l *login) recover() error {
	list := l.store.leftovers()
	if len(list) == 0 {
		return nil
	}
	t, doc, err := l.read()
	loggedOut := errors.Is(err, ErrLoggedOut) || errors.Is(err, errEmptied)
	if err != nil && !loggedOut {
		return nil // perhaps the client is writing it just now: the next one looks again
	}
	for _, left := range list {
		newer, err := l.parse(left.doc)
		whole := err == nil && Validate(newer.access) == nil && newer.refresh != "" && newer.info.Mode == t.info.Mode
		if !loggedOut && left.of == hashToken(t.access) && whole {
			if err := l.adopt(doc, newer, left.of); err != nil {
				return fmt.Errorf("a renewal of the login of %s was killed, and what it has left in %s cannot be put into %s: %w", l.name, left.path, l.store.where(), err)
			}
			l.opts.warn("a renewal of the login of %s was killed before it was kept: what it had left is in %s now", l.name, l.store.where())
			t = newer
		}
		left.remove()
	}
	return nil
}

// adopt keeps a login that was renewed by another process.
func (l *login) adopt(doc []byte, newer tokens, of string) error {
	next, err := l.edit(doc, newer, newer.lastRefresh)
	if err != nil {
		return err
	}
	save, closeIt, err := l.store.prepare(len(next), of)
	if err != nil {
		return err
	}
	defer closeIt()
	return save(next)
}

// Recover looks for what a renewal of a login that was killed has left, and puts it
// into the client's file, or deletes it when it is of no use; each renewal does so too.
// Options.Warn is told of it. Of another source nothing is looked at.
func (s *Secret) Recover() error {
	if s.login == nil || len(s.login.store.leftovers()) == 0 {
		return nil
	}
	unlock, err := s.login.lock()
	if err != nil {
		return fmt.Errorf("secret %s: %w", s.name, err)
	}
	defer unlock()
	if err := s.login.recover(); err != nil {
		return fmt.Errorf("secret %s: %w", s.name, err)
	}
	return nil
}
