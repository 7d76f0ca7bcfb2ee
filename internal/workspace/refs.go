package workspace

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

const (
	maxRefFile    = 4 << 10
	maxPackedRefs = 256 << 20
	maxWorktrees  = 1000
)

var objectName = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// readRefs calls fn with each ref of a git folder that names an object, HEADs
// of linked worktrees included; a ref that is both loose and packed comes
// twice. Refs kept as a reftable come as one, whose hash is of their list of
// tables. The folder may be anybody's: nothing it refers to is opened.
func readRefs(git *dir, fn func(name, hash string) error) error {
	if err := oneRef(git, "HEAD", "HEAD", fn); err != nil {
		return err
	}
	if err := looseRefs(git, "refs", "refs", 0, fn); err != nil {
		return err
	}
	if err := packedRefs(git, fn); err != nil {
		return err
	}
	if err := worktreeHeads(git, fn); err != nil {
		return err
	}
	tables, err := git.sub("reftable")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reftable: %w", err)
	}
	defer tables.close()
	data, err := tables.readSmall("tables.list", maxRefFile)
	if err != nil {
		return fmt.Errorf("reftable: %w", err)
	}
	sum := sha256.Sum256(data)
	return fn("reftable", hex.EncodeToString(sum[:]))
}

// oneRef reads a loose ref. A symbolic one is no concern: it names another.
func oneRef(d *dir, name, ref string, fn func(name, hash string) error) error {
	data, err := d.readSmall(name, maxRefFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	hash, _, _ := strings.Cut(string(data), "\n")
	if hash = strings.TrimSpace(hash); objectName.MatchString(hash) {
		return fn(ref, hash)
	}
	return nil
}

func looseRefs(parent *dir, name, prefix string, depth int, fn func(name, hash string) error) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: %w", prefix, errDepth)
	}
	d, err := parent.sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	defer d.close()
	names, err := d.entries()
	if err != nil {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	for _, name := range names {
		ref := path.Join(prefix, name)
		st, err := d.lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("%s: %w", ref, err)
		case st.isDir():
			if err := looseRefs(d, name, ref, depth+1, fn); err != nil {
				return err
			}
		case !strings.HasSuffix(name, ".lock"):
			if err := oneRef(d, name, ref, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

func packedRefs(git *dir, fn func(name, hash string) error) error {
	f, st, err := git.open("packed-refs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && st.size > maxPackedRefs {
		f.Close()
		err = fmt.Errorf("larger than %d bytes", maxPackedRefs)
	}
	if err != nil {
		return fmt.Errorf("packed-refs: %w", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(io.LimitReader(f, maxPackedRefs))
	for sc.Scan() {
		hash, name, ok := strings.Cut(sc.Text(), " ")
		if !ok || !objectName.MatchString(hash) {
			continue // the header, or what a tag points to
		}
		if err := fn(name, hash); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("packed-refs: %w", err)
	}
	return nil
}

func worktreeHeads(git *dir, fn func(name, hash string) error) error {
	return worktrees(git, func(wt *dir, name string) error {
		return oneRef(wt, "HEAD", "worktrees/"+name+"/HEAD", fn)
	})
}

// worktrees calls fn with what a git folder has of each linked worktree.
func worktrees(git *dir, fn func(wt *dir, name string) error) error {
	d, err := git.sub("worktrees")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("worktrees: %w", err)
	}
	defer d.close()
	names, err := d.entries()
	if err == nil && len(names) > maxWorktrees {
		err = fmt.Errorf("more than %d", maxWorktrees)
	}
	if err != nil {
		return fmt.Errorf("worktrees: %w", err)
	}
	for _, name := range names {
		wt, err := d.sub(name)
		if err != nil {
			return fmt.Errorf("worktrees/%s: %w", name, err)
		}
		err = fn(wt, name)
		wt.close()
		if err != nil {
			return err
		}
	}
	return nil
}
