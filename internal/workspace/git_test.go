package workspace

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sameRepository has the real git compare the copy with its source.
func sameRepository(t *testing.T, source, target string) {
	t.Helper()
	for _, args := range [][]string{
		{"status", "--porcelain"}, {"log", "--all", "--format=%H %D %s"}, {"show-ref"}, {"stash", "list"}, {"ls-files", "-s"},
		{"rev-parse", "--abbrev-ref", "HEAD"},
	} {
		if want, got := git(t, source, args...), git(t, target, args...); got != want {
			t.Errorf("git %s:\n got %s\nwant %s", strings.Join(args, " "), got, want)
		}
	}
	if out := git(t, target, "fsck", "--full", "--strict"); strings.Contains(out, "error") || strings.Contains(out, "missing") {
		t.Errorf("git fsck: %s", out)
	}
}

func TestRepositoryIsTheSameToGit(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, dir string){
		"as it was committed": func(*testing.T, string) {},
		"packed": func(t *testing.T, dir string) {
			git(t, dir, "gc", "-q")
			git(t, dir, "commit-graph", "write", "--reachable")
			git(t, dir, "multi-pack-index", "write")
		},
		"with branches, a tag and a stash": func(t *testing.T, dir string) {
			git(t, dir, "branch", "feature/one")
			git(t, dir, "tag", "-a", "v1", "-m", "v1")
			write(t, dir, map[string]string{"a.txt": "stashed"})
			git(t, dir, "stash", "-q")
		},
		"with changes staged and not": func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"a.txt": "staged", "new": "x"})
			git(t, dir, "add", "a.txt")
			write(t, dir, map[string]string{"a.txt": "and more"})
			must(t, os.Remove(filepath.Join(dir, "sub/b.txt")))
		},
		"with a detached HEAD": func(t *testing.T, dir string) { git(t, dir, "checkout", "-q", "--detach") },
		"in a merge": func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "-b", "other")
			write(t, dir, map[string]string{"a.txt": "theirs\n"})
			git(t, dir, "commit", "-q", "-am", "theirs")
			git(t, dir, "checkout", "-q", "main")
			write(t, dir, map[string]string{"a.txt": "ours\n"})
			git(t, dir, "commit", "-q", "-am", "ours")
			if err := gitCommand(t, dir, "merge", "-q", "other").Run(); err == nil {
				t.Fatal("the merge has no conflict")
			}
		},
		"with a split index": func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--split-index")
			write(t, dir, map[string]string{"c.txt": "c"})
			git(t, dir, "add", "c.txt")
		},
		"with an index of version 4": func(t *testing.T, dir string) { git(t, dir, "update-index", "--index-version", "4") },
		"with a sparse checkout": func(t *testing.T, dir string) {
			git(t, dir, "sparse-checkout", "set", "--no-cone", "/a.txt", "/.gitignore")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newRepo(t, map[string]string{"a.txt": "a\n", "sub/b.txt": "b\n", "run.sh": "#!/bin/sh\n", "link": "@a.txt", ".gitignore": "*.o\n"})
			prepare(t, dir)
			c := copyOf(t, dir)
			sameRepository(t, dir, c.target)
			wantList(t, "files", tree(t, c.target), tree(t, dir)...)
			wantList(t, "skipped", skippedPaths(c.Report))
			wantList(t, "repositories", c.Repositories.Items, ".")
		})
	}
}

func TestRepositoryBeforeItsFirstCommit(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "trunk")
	c := copyOf(t, dir)
	if got := git(t, c.target, "status", "-sb"); !strings.Contains(got, "trunk") {
		t.Errorf("status: %s", got)
	}
}

func TestRepositoryWithSHA256(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	git(t, dir, "init", "-q", "--object-format=sha256")
	write(t, dir, map[string]string{"a": "a", "kept.o": "tracked", ".gitignore": "*.o"})
	git(t, dir, "add", "-f", "-A")
	git(t, dir, "commit", "-q", "-m", "x")
	c := copyOf(t, dir)
	sameRepository(t, dir, c.target)
	wantList(t, "files", tree(t, c.target), ".gitignore", "a", "kept.o")
}

func TestShallowClone(t *testing.T) {
	dir := newRepo(t, map[string]string{"a": "1"})
	write(t, dir, map[string]string{"a": "2"})
	git(t, dir, "commit", "-qam", "second")
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, dir, "clone", "-q", "--depth=1", "file://"+dir, shallow)
	sameRepository(t, shallow, copyOf(t, shallow).target)
}

// Alternates come from "git clone --shared" and --reference: their objects are
// brought in if that was asked for, through several steps.
func TestAlternatesAreBroughtIn(t *testing.T) {
	dir := newRepo(t, map[string]string{"a": "1"})
	git(t, dir, "gc", "-q")
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	git(t, dir, "clone", "-q", "--shared", dir, one)
	write(t, one, map[string]string{"a": "2"})
	git(t, one, "commit", "-qam", "loose in the middle")
	git(t, one, "clone", "-q", "--shared", one, two)

	c := copyOf(t, two, func(o *Options) { o.Alternates = true })
	if c.Borrowed.Total != 2 {
		t.Errorf("borrowed from %q, want two", c.Borrowed.Items)
	}
	want := git(t, two, "log", "--format=%H")
	must(t, os.RemoveAll(dir))
	must(t, os.RemoveAll(one))
	if got := git(t, c.target, "log", "--format=%H"); got != want {
		t.Errorf("log: %s, want %s", got, want)
	}
	git(t, c.target, "fsck", "--full")
	if _, err := os.Stat(filepath.Join(c.target, ".git/objects/info/alternates")); err == nil {
		t.Error("the copy still has alternates")
	}
}

func TestLinkedWorktreeBecomesARepository(t *testing.T) {
	dir := newRepo(t, map[string]string{"a": "1"})
	wt := filepath.Join(t.TempDir(), "wt")
	git(t, dir, "worktree", "add", "-q", "-b", "side", wt)
	write(t, wt, map[string]string{"a": "2", "b": "new"})
	git(t, wt, "add", "a")
	c := copyOf(t, wt)
	if st, err := os.Lstat(filepath.Join(c.target, ".git")); err != nil || !st.IsDir() {
		t.Fatal(".git is no folder in the copy")
	}
	want, got := git(t, wt, "status", "-sb"), git(t, c.target, "status", "-sb")
	if got != want {
		t.Errorf("status: %s, want %s", got, want)
	}
	must(t, os.RemoveAll(dir))
	git(t, c.target, "fsck", "--full")
}

func TestSubmoduleHasItsOwnGitFolder(t *testing.T) {
	lib := newRepo(t, map[string]string{"lib.c": "int x;", ".gitignore": "*.o\n"})
	dir := newRepo(t, map[string]string{"a": "1", ".gitignore": "*.log\nvendor/\n"})
	git(t, dir, "submodule", "add", "-q", lib, "third/lib")
	git(t, dir, "submodule", "add", "-q", "--force", lib, "vendor/lib") // ignored, and tracked
	git(t, dir, "commit", "-q", "-am", "submodules")
	write(t, dir, map[string]string{"third/lib/x.o": "", "third/lib/y.log": "", "vendor/z": ""})
	c := copyOf(t, dir)
	sameRepository(t, dir, c.target)
	for _, sub := range []string{"third/lib", "vendor/lib"} {
		sameRepository(t, filepath.Join(dir, sub), filepath.Join(c.target, sub))
	}
	wantList(t, "repositories", c.Repositories.Items, ".", "third/lib", "vendor/lib")
	// The rules of the outer repository end at the submodule.
	wantList(t, "files", tree(t, c.target), ".gitignore", ".gitmodules", "a", "third/lib/.gitignore", "third/lib/lib.c",
		"third/lib/y.log", "vendor/lib/.gitignore", "vendor/lib/lib.c")
}

// A .git file that came in an archive must not fetch another repository.
func TestNestedGitFileCannotNameAnotherRepository(t *testing.T) {
	private := newRepo(t, map[string]string{"secret": "x"})
	dir := newRepo(t, map[string]string{"a": "1"})
	write(t, dir, map[string]string{
		"evil/.git":       "gitdir: " + private + "/.git\n",
		"evil/a":          "",
		"link/.git":       "@" + private + "/.git",
		"broken/.git":     "nonsense",
		"empty/.git/HEAD": "ref: refs/heads/main\n",
	})
	borrow := filepath.Join(dir, "borrow")
	git(t, dir, "clone", "-q", "--shared", private, borrow)
	for _, name := range []string{"objects", "fifo"} {
		git(t, dir, "init", "-q", name)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "objects/.git/objects")))
	write(t, dir, map[string]string{"objects/.git/objects": "@" + private + "/.git/objects"})
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo/.git/objects/info/alternates"), 0o600))
	c := copyOf(t, dir)
	wantList(t, "skipped", skippedPaths(c.Report), "objects/.git/objects", "fifo/.git/objects", "borrow/.git/objects", "broken/.git", "empty/.git", "evil/.git", "link/.git")
	for _, sub := range []string{"evil", "link", "borrow", "broken", "empty", "objects", "fifo"} {
		if _, err := os.Lstat(filepath.Join(c.target, sub, ".git")); err == nil {
			t.Errorf("%s has a .git in the copy", sub)
		}
	}
}

func TestTopGitThatIsNoneIsAnError(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"an empty folder": {".git/x": ""},
		"a file":          {".git": "x"},
		"a dead pointer":  {".git": "gitdir: /nowhere/at/all\n"},
		"a bad HEAD":      {".git/HEAD": "../../x", ".git/objects/x": ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, files)
			opts := options(t, dir)
			if _, err := Copy(context.Background(), opts); err == nil || !strings.Contains(err.Error(), ".git") {
				t.Fatalf("err = %v", err)
			}
			wantList(t, "left behind", tree(t, opts.Target))
		})
	}
}

func TestHooksAndCredentialsStayBehind(t *testing.T) {
	dir := newRepo(t, map[string]string{"a": "1"})
	write(t, dir, map[string]string{
		".git/hooks/pre-commit": "#!/bin/sh\ntouch /tmp/x\n",
		".git/FETCH_HEAD":       "https://user:hunter2@example.com/x",
		".git/credentials":      "https://user:hunter2@example.com",
		".git/logs/HEAD":        "clone: from https://user:hunter2@example.com/x",
		".git/index.lock":       "hunter2",
		".git/refs/x.lock":      "hunter2",
		".git/extra.conf":       "[http]\n\textraHeader = hunter2\n",
	})
	for _, kv := range [][2]string{
		{"remote.origin.url", "https://user:hunter2@example.com/org/repo.git"},
		{"remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"},
		{"remote.origin.proxy", "http://user:hunter2@proxy"},
		{"branch.main.remote", "origin"}, {"branch.main.merge", "refs/heads/main"},
		{"http.extraheader", "Authorization: hunter2"}, {"include.path", "extra.conf"},
		{"includeIf.gitdir:/.path", "extra.conf"}, {"credential.helper", "store --file=hunter2"},
		{"core.hooksPath", "/hunter2"}, {"core.fsmonitor", "hunter2"}, {"core.sshCommand", "ssh -i hunter2"},
		{"core.worktree", dir}, {"filter.x.clean", "hunter2"}, {"url.https://u:hunter2@h/.insteadOf", "https://h/"},
		{"alias.x", "!hunter2"}, {"core.pager", "hunter2"}, {"diff.x.textconv", "hunter2"}, {"user.signingkey", "hunter2"},
	} {
		git(t, dir, "config", kv[0], kv[1])
	}
	c := copyOf(t, dir, func(o *Options) { o.User = Identity{`An "Agent"`, "agent@example.com"} })
	must(t, filepath.WalkDir(filepath.Join(c.target, ".git"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(read(t, path), "hunter2") {
			t.Errorf("%s holds the secret: %s", path, read(t, path))
		}
		return err
	}))
	for key, want := range map[string]string{
		"remote.origin.url":   "https://example.com/org/repo.git",
		"remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
		"branch.main.merge":   "refs/heads/main",
		"user.name":           `An "Agent"`, "user.email": "agent@example.com", "core.bare": "false",
	} {
		if got := strings.TrimSpace(git(t, c.target, "config", "--local", key)); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(c.target, ".git/hooks")); err == nil {
		t.Error("the copy has hooks")
	}
}

func TestPrepareGitWhereThereIsNone(t *testing.T) {
	needGit(t)
	for name, files := range map[string]map[string]string{"no .git": {"a": "1"}, "an empty one": {"a": "1", ".git/x": ""}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, files)
			_ = os.Remove(filepath.Join(dir, ".git/x"))
			opts := options(t, dir)
			p, err := PrepareGit(context.Background(), opts)
			must(t, err)
			if !p.None {
				t.Errorf("got %+v", p)
			}
			_ = os.Remove(filepath.Join(dir, ".git"))
			must(t, os.Rename(opts.Target, filepath.Join(dir, ".git"))) // what a mount does
			git(t, dir, "init", "-q", "-b", "main")
			w, err := ChangedGit(context.Background(), opts.Base, filepath.Join(dir, ".git"))
			must(t, err)
			if !w.None() {
				t.Errorf("changed before there was a commit: %+v", w)
			}
			git(t, dir, "commit", "-q", "--allow-empty", "-m", "work")
			w, err = ChangedGit(context.Background(), opts.Base, filepath.Join(dir, ".git"))
			must(t, err)
			if want := []Change{{Commits, ".", "refs/heads/main"}}; !sameChanges(w, want) {
				t.Errorf("changes %+v, want %+v", w.Changes.Items, want)
			}
		})
	}
}

func TestPrepareGit(t *testing.T) {
	lib := newRepo(t, map[string]string{"lib.c": "int x;"})
	dir := newRepo(t, map[string]string{"a": "1"})
	git(t, dir, "submodule", "add", "-q", lib, "lib")
	git(t, dir, "clone", "-q", lib, "own")
	git(t, dir, "commit", "-q", "-am", "sub")
	git(t, dir, "config", "http.extraheader", "hunter2")
	opts := options(t, dir)
	p, err := PrepareGit(context.Background(), opts)
	must(t, err)
	wantList(t, "exposed", p.Exposed.Items, "own/.git")
	wantList(t, "nested", p.Nested.Items, "lib/.git", "own/.git")
	if p.File {
		t.Error(".git is said to be a file")
	}
	w, err := ChangedGit(context.Background(), opts.Base, opts.Target)
	must(t, err)
	if !w.None() {
		t.Errorf("changed before anything was done: %+v", w)
	}
	// What a mount does.
	must(t, os.RemoveAll(filepath.Join(dir, ".git")))
	must(t, os.Rename(opts.Target, filepath.Join(dir, ".git")))
	if got := git(t, dir, "status", "--porcelain"); got != "?? own/\n" {
		t.Errorf("status: %s", got)
	}
	for _, sub := range []string{".", "lib"} {
		git(t, filepath.Join(dir, sub), "commit", "-q", "--allow-empty", "-m", "work")
		git(t, filepath.Join(dir, sub), "fsck")
	}
	w, err = ChangedGit(context.Background(), opts.Base, filepath.Join(dir, ".git"))
	must(t, err)
	if want := []Change{{Commits, ".", "refs/heads/main"}, {Commits, "modules/lib", "refs/heads/main"}}; !sameChanges(w, want) {
		t.Errorf("changes %+v, want %+v", w.Changes.Items, want)
	}
}
