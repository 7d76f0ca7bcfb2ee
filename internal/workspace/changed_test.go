package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func changed(t *testing.T, c copied) Work {
	t.Helper()
	w, err := Changed(context.Background(), c.base, c.target)
	must(t, err)
	return w
}

// sameChanges compares without regard to order and to the text of Unreadable.
func sameChanges(w Work, want []Change) bool {
	got := slices.Clone(w.Changes.Items)
	for i := range got {
		if got[i].Kind == Unreadable {
			got[i].Detail = ""
		}
	}
	order := func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Detail, b.Detail))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	return slices.Equal(got, want) && w.Changes.Total == len(want)
}

func TestChanged(t *testing.T) {
	in := func(c copied, path string) string { return filepath.Join(c.target, path) }
	tests := []struct {
		name string
		work func(t *testing.T, c copied)
		want []Change
	}{
		{"nothing was done", func(*testing.T, copied) {}, nil},
		{"git status was run", func(t *testing.T, c copied) { git(t, c.target, "status") }, nil},
		{"a file was touched and is the same", func(t *testing.T, c copied) {
			must(t, os.Chtimes(in(c, "a.txt"), time.Now(), time.Now()))
		}, nil},
		{"a file was modified", func(t *testing.T, c copied) { write(t, c.target, map[string]string{"a.txt": "longer than it was"}) },
			[]Change{{Modified, "a.txt", ""}}},
		{"a file has other bytes, the same size and the old time", func(t *testing.T, c copied) {
			st, err := os.Stat(in(c, "a.txt"))
			must(t, err)
			write(t, c.target, map[string]string{"a.txt": "b\n"})
			must(t, os.Chtimes(in(c, "a.txt"), st.ModTime(), st.ModTime()))
		}, []Change{{Modified, "a.txt", ""}}},
		{"files were added, ignored ones too", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{"new/x": "", "x.o": "", "sub/node_modules/m/x": "", "a": "", "zz": "@a.txt"})
		}, []Change{{Added, "a", ""}, {Added, "new/x", ""}, {Added, "zz", ""}}},
		{"files were added that new rules of the agent ignore", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{".gitignore": "*\n", "result.md": "", "sub/new/.gitignore": "*\n", "sub/new/x": "", ".git/info/exclude": "*\n", "x.o": ""})
		}, []Change{{Modified, ".gitignore", ""}, {Added, "result.md", ""}, {Added, "sub/new/.gitignore", ""}, {Added, "sub/new/x", ""}}},
		{"tools made folders with rules of their own", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{"sub/.venv/.gitignore": "*\n", "sub/.venv/lib/x": "", "__pycache__/x": "", "web/node_modules/x/y": "", "web/package.json": ""})
		}, []Change{{Added, "web/package.json", ""}}},
		{"files were deleted", func(t *testing.T, c copied) {
			must(t, os.RemoveAll(in(c, "sub")))
			must(t, os.Remove(in(c, "link")))
		}, []Change{{Deleted, "sub/b.txt", ""}, {Deleted, "sub/deep/c.txt", ""}, {Deleted, "sub/forced.o", ""}, {Deleted, "link", ""}}},
		{"a folder became a file and a file a folder", func(t *testing.T, c copied) {
			must(t, os.RemoveAll(in(c, "sub")))
			must(t, os.Remove(in(c, "a.txt")))
			write(t, c.target, map[string]string{"sub": "", "a.txt/x": ""})
		}, []Change{{Deleted, "sub/b.txt", ""}, {Deleted, "sub/deep/c.txt", ""}, {Deleted, "sub/forced.o", ""}, {Added, "sub", ""}, {Modified, "a.txt", ""}, {Added, "a.txt/x", ""}}},
		{"a link points elsewhere", func(t *testing.T, c copied) {
			must(t, os.Remove(in(c, "link")))
			write(t, c.target, map[string]string{"link": "@b.txt"})
		}, []Change{{Modified, "link", ""}}},
		{"a file became executable", func(t *testing.T, c copied) { must(t, os.Chmod(in(c, "a.txt"), 0o755)) },
			[]Change{{Executable, "a.txt", ""}}},
		{"a commit was made", func(t *testing.T, c copied) { git(t, c.target, "commit", "-q", "--allow-empty", "-m", "x") },
			[]Change{{Commits, ".", "refs/heads/main"}}},
		{"a commit was made and packed", func(t *testing.T, c copied) {
			git(t, c.target, "commit", "-q", "--allow-empty", "-m", "x")
			git(t, c.target, "gc", "-q")
		}, []Change{{Commits, ".", "refs/heads/main"}}},
		{"a commit was made on a detached HEAD", func(t *testing.T, c copied) {
			git(t, c.target, "checkout", "-q", "--detach")
			git(t, c.target, "commit", "-q", "--allow-empty", "-m", "x")
		}, []Change{{Commits, ".", "HEAD"}}},
		{"a branch and a tag of what there was", func(t *testing.T, c copied) {
			git(t, c.target, "branch", "b")
			git(t, c.target, "tag", "t")
		}, nil},
		{"a stash", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{"a.txt": "stashed"})
			git(t, c.target, "stash", "-q")
		}, []Change{{Commits, ".", "refs/stash"}}},
		{"a fetch moved a remote's branch", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{".git/refs/remotes/origin/main": strings.Repeat("a", 40) + "\n"})
		}, nil},
		{"a commit in a linked worktree", func(t *testing.T, c copied) {
			git(t, c.target, "worktree", "add", "-q", "--detach", "x.o/wt")
			git(t, in(c, "x.o/wt"), "commit", "-q", "--allow-empty", "-m", "x")
		}, []Change{{Commits, ".", "worktrees/wt/HEAD"}}},
		{"a commit in the submodule", func(t *testing.T, c copied) { git(t, in(c, "lib"), "commit", "-q", "--allow-empty", "-m", "x") },
			[]Change{{Commits, "lib", "refs/heads/main"}}},
		{"a repository was cloned", func(t *testing.T, c copied) { git(t, c.target, "clone", "-q", in(c, "lib"), "clone") },
			[]Change{{Commits, "clone", "refs/heads/main"}, {Added, "clone/lib.c", ""}}},
		{"the rules now ignore what was there", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{".gitignore": "*\n"})
			must(t, os.Remove(in(c, "sub/b.txt")))
			write(t, c.target, map[string]string{"sub/deep/c.txt": "changed"})
		}, []Change{{Modified, ".gitignore", ""}, {Deleted, "sub/b.txt", ""}, {Modified, "sub/deep/c.txt", ""}}},
		{"the git folder is gone", func(t *testing.T, c copied) { must(t, os.RemoveAll(in(c, ".git"))) },
			[]Change{{Deleted, ".git", ""}}},
		{"the git folder became a file that names another", func(t *testing.T, c copied) {
			must(t, os.RemoveAll(in(c, ".git")))
			write(t, c.target, map[string]string{".git": "gitdir: /\n"})
		}, []Change{{Modified, ".git", "it is no folder any more"}}},
		{"the git folder became a link", func(t *testing.T, c copied) {
			must(t, os.RemoveAll(in(c, ".git")))
			write(t, c.target, map[string]string{".git": "@/"})
		}, []Change{{Modified, ".git", "it is no folder any more"}}},
		{"refs became a fifo", func(t *testing.T, c copied) {
			must(t, os.Remove(in(c, ".git/packed-refs")))
			must(t, unix.Mkfifo(in(c, ".git/packed-refs"), 0o600))
		}, []Change{{Unreadable, ".git", ""}}},
		{"refs lead out by a link", func(t *testing.T, c copied) {
			must(t, os.RemoveAll(in(c, ".git/refs")))
			write(t, c.target, map[string]string{".git/refs": "@/"})
		}, []Change{{Unreadable, ".git", ""}}},
		{"the index and the ignore file became fifos", func(t *testing.T, c copied) {
			for _, name := range []string{".git/index", ".gitignore", "sub/fifo"} {
				_ = os.Remove(in(c, name))
				must(t, unix.Mkfifo(in(c, name), 0o600))
			}
		}, []Change{{Unreadable, ".git", ""}, {Modified, ".gitignore", ""}}},
		{"the index is nonsense", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{".git/index": "DIRC\x00\x00\x00\x04\xff\xff\xff\xff"})
		}, []Change{{Unreadable, ".git", ""}}},
		{"a file is a link to itself and a folder one to its parent", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{"loop": "@loop", "up": "@.."})
		}, []Change{{Added, "loop", ""}, {Added, "up", ""}}},
		{"a huge file was added", func(t *testing.T, c copied) {
			write(t, c.target, map[string]string{"huge": ""})
			must(t, os.Truncate(in(c, "huge"), 1<<40))
		}, []Change{{Added, "huge", ""}}},
	}
	lib := newRepo(t, map[string]string{"lib.c": "int x;"})
	dir := newRepo(t, map[string]string{"a.txt": "a\n", "sub/b.txt": "b\n", "sub/deep/c.txt": "c", "link": "@a.txt", ".gitignore": "*.o\nnode_modules/\n"})
	git(t, dir, "submodule", "add", "-q", lib, "lib")
	write(t, dir, map[string]string{"sub/forced.o": "tracked although ignored", "sub/not.o": ""})
	git(t, dir, "add", "-f", "sub/forced.o")
	git(t, dir, "commit", "-q", "-am", "second")
	git(t, dir, "pack-refs", "--all")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := copyOf(t, dir)
			test.work(t, c)
			if w := changed(t, c); !sameChanges(w, test.want) {
				t.Errorf("got  %+v\nwant %+v", w.Changes.Items, test.want)
			}
		})
	}
}

// Names that sort otherwise by bytes than as paths do.
func TestOrderOfTheWalk(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/b": "", "a-b/c": "", "a.b": "", "a0": "", "a/b-c": "", ".gitignore": "*", "a\nb": "", "\xff": ""})
	c := copyOf(t, dir)
	if w := changed(t, c); !w.None() || c.Files != 8 {
		t.Errorf("%d files, changes: %+v", c.Files, w.Changes.Items)
	}
}

func TestChangedNeedsAWholeBase(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a", "b": "b", "c": "c"})
	c := copyOf(t, dir)
	whole := read(t, c.base)
	lines := strings.SplitAfter(whole, "\n")
	for name, text := range map[string]string{
		"empty":          "",
		"another format": strings.Replace(whole, baseVersion, "bottle workspace 2", 1),
		"cut":            whole[:len(whole)-10],
		"a line less":    strings.Join(append(slices.Clone(lines[:2]), lines[3:]...), ""),
		"a bad number":   strings.Replace(whole, "f 644 1", "f 644 x", 1),
		"a bad line":     strings.Replace(whole, "f 644", "q 644", 1),
	} {
		must(t, os.WriteFile(c.base, []byte(text), 0o600))
		if _, err := Changed(context.Background(), c.base, c.target); !errors.Is(err, ErrNoBase) {
			t.Errorf("%s: err = %v, want ErrNoBase", name, err)
		}
	}
	must(t, os.Remove(c.base))
	if _, err := Changed(context.Background(), c.base, c.target); !errors.Is(err, ErrNoBase) {
		t.Errorf("no base: err = %v, want ErrNoBase", err)
	}
}

func TestChangedBoundsItsList(t *testing.T) {
	dir := t.TempDir()
	c := copyOf(t, dir)
	for i := range maxListed + 5 {
		write(t, c.target, map[string]string{fmt.Sprintf("n%04d", i): ""})
	}
	w := changed(t, c)
	if len(w.Changes.Items) != maxListed || w.Changes.Total != maxListed+5 {
		t.Errorf("%d listed of %d", len(w.Changes.Items), w.Changes.Total)
	}
}

// deep nests folders, further than a path can name.
func deep(t *testing.T, dir string, n int) {
	t.Helper()
	d, err := openDir(dir)
	must(t, err)
	for range n {
		sub, err := d.mkdir("d")
		must(t, err)
		d.close()
		d = sub
	}
	d.close()
}

func TestDeepFoldersAreReportedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a"})
	c := copyOf(t, dir)
	deep(t, c.target, 3*maxDepth)
	w := changed(t, c)
	if w.Changes.Total != 1 || w.Changes.Items[0].Kind != Unreadable {
		t.Errorf("changes: %+v", w.Changes)
	}
	must(t, os.MkdirAll(filepath.Join(c.target, "locked/x"), 0o700))
	must(t, os.Chmod(filepath.Join(c.target, "locked"), 0))
	write(t, c.target, map[string]string{"out": "@" + dir})
	must(t, Remove(context.Background(), c.target))
	if _, err := os.Lstat(c.target); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if read(t, dir, "a") != "a" {
		t.Error("a link was followed")
	}
	must(t, Remove(context.Background(), c.target))
}

func TestChangedStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a"})
	c := copyOf(t, dir)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Changed(ctx, c.base, c.target); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}
