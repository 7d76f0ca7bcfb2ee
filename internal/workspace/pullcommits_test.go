package workspace

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// agentCommits makes a commit of a file in a copy.
func agentCommits(t *testing.T, dir, name, text string) {
	t.Helper()
	write(t, dir, files{name: text})
	git(t, dir, "add", "-f", name)
	git(t, dir, "commit", "-q", "-m", "agent: "+name)
}

func rev(t *testing.T, dir, name string) string {
	t.Helper()
	return strings.TrimSpace(git(t, dir, "rev-parse", "--verify", name))
}

// forget removes all refs that pulls made.
func forget(t *testing.T, dir string) {
	t.Helper()
	for _, ref := range strings.Fields(git(t, dir, "for-each-ref", "--format=%(refname)", "refs/bottle", branchTop)) {
		git(t, dir, "update-ref", "-d", ref)
	}
}

func TestPullCommits(t *testing.T) {
	for _, test := range []struct {
		name  string
		agent func(t *testing.T, dir string)
		want  []string
		refs  map[string]string // of the host, to the rev of the copy
	}{
		{"on the branch", func(t *testing.T, dir string) { agentCommits(t, dir, "n", "1"); agentCommits(t, dir, "m", "2") },
			[]string{"taken added m", "taken added n", "taken branch . refs/heads/main", "taken commits . refs/heads/main"}, map[string]string{"refs/bottle/b1/heads/main": "main", "refs/heads/bottle/b1": "main"}},
		{"packed", func(t *testing.T, dir string) {
			agentCommits(t, dir, "n", strings.Repeat("a line that can be a delta\n", 1000))
			agentCommits(t, dir, "n", strings.Repeat("a line that can be a delta\n", 1001))
			large := make([]byte, maxCached+1)
			_, err := rand.Read(large)
			must(t, err)
			agentCommits(t, dir, "large", string(large))
			git(t, dir, "gc", "-q", "--prune=now")
		}, []string{"taken added large", "taken added n", "taken branch . refs/heads/main", "taken commits . refs/heads/main"}, map[string]string{"refs/bottle/b1/heads/main": "main", "refs/heads/bottle/b1": "main"}},
		{"amended since they were packed", func(t *testing.T, dir string) {
			agentCommits(t, dir, "n", "1")
			git(t, dir, "pack-refs", "--all")
			git(t, dir, "commit", "-q", "--amend", "-m", "amended")
		}, []string{"taken added n", "taken branch . refs/heads/main", "taken commits . refs/heads/main"}, map[string]string{"refs/bottle/b1/heads/main": "main", "refs/heads/bottle/b1": "main"}},
		{"on branches, a merge, a tag and a stash", func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "-b", "a/b")
			agentCommits(t, dir, "n", "1")
			git(t, dir, "checkout", "-q", "main")
			agentCommits(t, dir, "m", "1")
			git(t, dir, "merge", "-q", "--no-edit", "a/b")
			git(t, dir, "tag", "-a", "-m", "v", "v1")
			write(t, dir, files{"a": "stashed"})
			git(t, dir, "stash", "-q")
		}, []string{"taken added m", "taken added n", "taken branch . refs/heads/main", "taken commits . refs/heads/a/b", "taken commits . refs/heads/main", "taken commits . refs/tags/v1", "taken commits . refs/stash"},
			map[string]string{"refs/bottle/b1/heads/a/b": "a/b", "refs/bottle/b1/heads/main": "main", "refs/heads/bottle/b1": "main", "refs/bottle/b1/tags/v1": "v1", "refs/bottle/b1/stash": "refs/stash"}},
		{"on a detached HEAD", func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "--detach")
			agentCommits(t, dir, "n", "1")
		},
			[]string{"taken added n", "taken branch . HEAD", "taken commits . HEAD"}, map[string]string{"refs/bottle/b1/HEAD": "HEAD", "refs/heads/bottle/b1": "HEAD"}},
		{"in a repository that is gone", func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, ".git"))) }, nil, nil},
		{"that the host has", func(t *testing.T, dir string) { git(t, dir, "branch", "old", "HEAD~1") }, nil, nil},
		{"in a linked worktree", func(t *testing.T, dir string) {
			git(t, dir, "worktree", "add", "-q", "--detach", "x.o/wt")
			agentCommits(t, filepath.Join(dir, "x.o/wt"), "n", "1")
		}, []string{"taken commits . worktrees/wt/HEAD"}, map[string]string{"refs/bottle/b1/worktrees/wt/HEAD": "refs/heads/wt", "refs/heads/bottle/b1": "-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1", ".gitignore": "*.o\n"})
			git(t, dir, "commit", "-q", "--allow-empty", "-m", "second")
			c := copyOf(t, dir)
			test.agent(t, c.target)
			branch, index := rev(t, dir, "main"), read(t, dir, ".git/index")
			wantList(t, "a dry run", said(pull(t, c, dry)), test.want...)
			wantList(t, "the pull", said(pull(t, c)), test.want...)
			git(t, dir, "fsck", "--strict", "--no-dangling")
			for ref, is := range test.refs {
				at := c.target
				if is == "-" {
					has(t, dir, files{".git/" + ref: "-"})
					continue
				}
				if is == "refs/heads/wt" {
					at, is = filepath.Join(at, "x.o/wt"), "HEAD"
				}
				if got, want := rev(t, dir, ref), rev(t, at, is); got != want {
					t.Errorf("%s is %s, want %s", ref, got, want)
				}
			}
			if rev(t, dir, "main") != branch || read(t, dir, ".git/index") != index {
				t.Error("the person's branch or index changed")
			}
			wantList(t, "a second pull", said(pull(t, c)))
			wantList(t, "without its record, what is there", said(pull(t, copied{source: dir, target: c.target, base: c.base}, dry)))
		})
	}
}

// After a pull the printed reset shows what was not committed, and nothing else.
func TestPullHead(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	c := copyOf(t, dir)
	agentCommits(t, c.target, "n", "1")
	write(t, c.target, files{"u": "u"})
	out := pull(t, c)
	want := Head{Repository: ".", Ref: "bottle/b1", Forward: true, Added: []string{"n", "u"}}
	for range 2 { // it is said as long as the branch lacks them
		if len(out.Heads) != 1 || !reflect.DeepEqual(out.Heads[0], want) {
			t.Fatalf("heads: %+v", out.Heads)
		}
		out = pull(t, c)
	}
	git(t, dir, "reset", "-q", out.Heads[0].Ref)
	if s := git(t, dir, "status", "--short"); s != "?? u\n" {
		t.Errorf("status: %q", s)
	}
	if out = pull(t, c); len(out.Heads) != 0 {
		t.Errorf("the branch has them: %+v", out.Heads)
	}
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "mine")
	if out = pull(t, c); len(out.Heads) != 0 {
		t.Errorf("the branch has them, and went on: %+v", out.Heads)
	}
	agentCommits(t, c.target, "m", "1")
	if out = pull(t, c); len(out.Heads) != 1 || out.Heads[0].Forward {
		t.Errorf("the host has a commit of its own: %+v", out.Heads)
	}
	// A branch below the name of another one.
	git(t, c.target, "checkout", "-q", "-b", "x")
	agentCommits(t, c.target, "x1", "1")
	pull(t, c)
	git(t, c.target, "branch", "-m", "x/y")
	agentCommits(t, c.target, "x2", "1")
	if wantList(t, "a folder", said(pull(t, c)), "taken added x2", "taken branch . refs/heads/x/y", "taken commits . refs/heads/x/y"); rev(t, dir, "refs/bottle/b1/heads/x.2/y") != rev(t, c.target, "HEAD") {
		t.Error("the ref is another one")
	}
}

// Commits that were pulled and are gone from the host are pulled again.
func TestPullCommitsAfterLoss(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	c := copyOf(t, dir)
	agentCommits(t, c.target, "n", "1")
	pull(t, c)
	forget(t, dir)
	git(t, dir, "clean", "-fdq")
	want := []string{"taken added n", "taken branch . refs/heads/main", "taken commits . refs/heads/main"}
	out := pull(t, c, dry)
	if wantList(t, "a dry run", said(out), want...); out.Lost() != 2 {
		t.Errorf("%d would be lost, want 2", out.Lost())
	}
	wantList(t, "the pull", said(pull(t, c)), want...)
	if rev(t, dir, "refs/bottle/b1/heads/main") != rev(t, c.target, "main") {
		t.Error("the ref is another one")
	}
}

// What the folder does not have any more, but a branch has, is not lost.
func TestPullOfWhatABranchHas(t *testing.T) {
	agent := func(t *testing.T, dir string) {
		git(t, dir, "rm", "-q", "gone")
		write(t, dir, files{"a": "2", "d/l": "@../a"})
		must(t, os.Chmod(filepath.Join(dir, "x"), 0o755))
		git(t, dir, "add", "-A")
		agentCommits(t, dir, "d/n", "1")
	}
	for _, test := range []struct {
		name   string
		person func(t *testing.T, dir string) // after the pull
		lost   int
	}{
		{"the agent's", func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", ".")
			git(t, dir, "clean", "-fdq")
		}, 1},
		{"the person's", func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "-b", "side")
			git(t, dir, "reset", "-q", "bottle/b1/heads/main")
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "-m", "all")
			forget(t, dir)
			git(t, dir, "checkout", "-q", "main")
		}, 0},
		{"none", func(t *testing.T, dir string) {
			git(t, dir, "stash", "-q", "-u")
			git(t, dir, "stash", "drop", "-q")
			forget(t, dir)
		}, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1", "gone": "g", "x": "x"})
			c := copyOf(t, dir)
			agent(t, c.target)
			write(t, c.target, files{"uncommitted": "u"})
			pull(t, c)
			test.person(t, dir)
			out := pull(t, c, dry)
			if out.Lost() != test.lost {
				t.Errorf("%d would be lost, want %d: %+v", out.Lost(), test.lost, out.Taken.Items)
			}
			if out.None() {
				t.Error("a pull brings it back")
			}
		})
	}
}

// A folder that is a repository in the bottle alone is named.
func TestPullOfNestedRepository(t *testing.T) {
	dir := newRepo(t, files{"a": "1", "lib/x": "1"})
	c := copyOf(t, dir)
	git(t, filepath.Join(c.target, "lib"), "init", "-q", "-b", "main")
	agentCommits(t, filepath.Join(c.target, "lib"), "n", "1")
	if out := pull(t, c); out.Left.Total != 1 || !strings.HasPrefix(out.Left.Items[0].Reason, "lib in your folder is no repository") {
		t.Errorf("left: %+v", out.Left.Items)
	}
}

// What was merged by hand counts as taken.
func TestPullSeesWhatWasFetched(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	c := copyOf(t, dir)
	agentCommits(t, c.target, "n", "1")
	agentCommits(t, c.target, "m", "1")
	git(t, dir, "pull", "-q", c.target, "main")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "after")
	if out := pull(t, c, dry); !out.None() {
		t.Errorf("left: %q", said(out))
	}
	git(t, dir, "reset", "-q", "--hard", "HEAD~3")
	git(t, dir, "reflog", "expire", "--expire=now", "--all")
	if out := pull(t, c, dry); out.Taken.Total != 4 {
		t.Errorf("objects that nothing leads to count: %q", said(out))
	}
}

func TestPullCommitsNowhere(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	write(t, dir, files{"a": "1"})
	c := copyOf(t, dir)
	git(t, c.target, "init", "-q", "-b", "main")
	agentCommits(t, c.target, "n", "1")
	for range 2 {
		out := pull(t, c)
		if out.Left.Total != 1 || !strings.Contains(out.Left.Items[0].Reason, "is no repository") {
			t.Errorf("left: %+v", out.Left.Items)
		}
	}
	has(t, dir, files{"n": "1", ".git": "-"})
}

func TestPullOfWorktreeAndSubmodule(t *testing.T) {
	lib := newRepo(t, files{"lib.c": "1"})
	main := newRepo(t, files{"a": "1"})
	git(t, main, "submodule", "add", "-q", lib, "lib")
	git(t, main, "commit", "-qm", "lib")
	dir := filepath.Join(t.TempDir(), "wt")
	git(t, main, "worktree", "add", "-q", "-b", "side", dir)
	for _, dir := range []string{main, dir} {
		c := copyOf(t, dir)
		if dir == main {
			agentCommits(t, filepath.Join(c.target, "lib"), "l", "1")
		} else {
			agentCommits(t, c.target, "n", dir)
		}
		pull(t, c)
		if out := pull(t, c, dry); !out.None() {
			t.Errorf("left: %q", said(out))
		}
	}
	git(t, main, "log", "refs/bottle/b1/heads/side")
	git(t, filepath.Join(main, "lib"), "log", "refs/bottle/b1/heads/main")
	for _, dir := range []string{main, filepath.Join(main, "lib")} {
		git(t, dir, "log", "refs/heads/bottle/b1")
	}
}

func TestPullOfMounted(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	opts := options(t, dir)
	_, err := PrepareGit(context.Background(), opts)
	must(t, err)
	inside := func(args ...string) {
		git(t, dir, append([]string{"--git-dir", opts.Target, "--work-tree", dir}, args...)...)
	}
	write(t, dir, files{"n": "1"})
	inside("add", "n")
	inside("commit", "-qm", "agent")
	mounted := func(o *PullOptions) { o.Mounted = true }
	c := copied{source: dir, target: opts.Target, base: opts.Base}
	out := pull(t, c, mounted)
	wantList(t, "the pull", said(out), "taken branch . refs/heads/main", "taken commits . refs/heads/main")
	if len(out.Heads) != 1 || !out.Heads[0].Forward {
		t.Fatalf("heads: %+v", out.Heads)
	}
	git(t, dir, "reset", "-q", out.Heads[0].Ref)
	if s := git(t, dir, "status", "--short"); s != "" {
		t.Errorf("status: %q", s)
	}
	if out := pull(t, c, mounted); !out.None() {
		t.Errorf("left: %q", said(out))
	}
}

// object writes a loose object, under a name of its own if one is given.
func object(t *testing.T, dir, kind, content, name string) string {
	t.Helper()
	whole := fmt.Sprintf("%s %d\x00%s", kind, len(content), content)
	if name == "" {
		sum := sha1.Sum([]byte(whole))
		name = hex.EncodeToString(sum[:])
	}
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := z.Write([]byte(whole))
	must(t, err)
	must(t, z.Close())
	at := filepath.Join(dir, ".git/objects", name[:2])
	must(t, os.MkdirAll(at, 0o755))
	must(t, os.WriteFile(filepath.Join(at, name[2:]), b.Bytes(), 0o444))
	return name
}

func TestPullOfHostileRepositories(t *testing.T) {
	commit := func(t *testing.T, dir, entries string) {
		tree := object(t, dir, "tree", entries, "")
		h := object(t, dir, "commit", "tree "+tree+"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n", "")
		write(t, dir, files{".git/refs/heads/evil": h + "\n"})
	}
	raw := strings.Repeat("\x01", 20)
	for name, evil := range map[string]func(t *testing.T, dir string){
		"a tree with .git":       func(t *testing.T, dir string) { commit(t, dir, "40000 .git\x00"+raw) },
		"a tree with .GIT":       func(t *testing.T, dir string) { commit(t, dir, "100644 .GIT\x00"+raw) },
		"a tree with a path":     func(t *testing.T, dir string) { commit(t, dir, "100644 a/b\x00"+raw) },
		"a tree with ..":         func(t *testing.T, dir string) { commit(t, dir, "40000 ..\x00"+raw) },
		"a link as .gitmodules":  func(t *testing.T, dir string) { commit(t, dir, "120000 .gitmodules\x00"+raw) },
		"a tree that is cut":     func(t *testing.T, dir string) { commit(t, dir, "100644 a\x00abc") },
		"a file that is missing": func(t *testing.T, dir string) { commit(t, dir, "100644 a\x00"+raw) },
		"a file under another one's name": func(t *testing.T, dir string) {
			object(t, dir, "blob", "evil", strings.Repeat("01", 20))
			commit(t, dir, "100644 a\x00"+raw)
		},
		"a commit under another one's name": func(t *testing.T, dir string) {
			h := object(t, dir, "commit", "tree "+strings.Repeat("01", 20)+"\n\n", strings.Repeat("02", 20))
			write(t, dir, files{".git/refs/heads/evil": h + "\n"})
		},
		"an object that is a fifo": func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, ".git/objects/01"), 0o755))
			must(t, unix.Mkfifo(filepath.Join(dir, ".git/objects/01", strings.Repeat("01", 19)), 0o600))
			commit(t, dir, "100644 a\x00"+raw)
		},
		"objects of another repository": func(t *testing.T, dir string) {
			other := newRepo(t, files{"secret": "s"})
			write(t, dir, files{".git/refs/heads/evil": rev(t, other, "HEAD") + "\n", ".git/objects/info/alternates": other + "/.git/objects\n"})
		},
		"the rest of another repository, by commondir": func(t *testing.T, dir string) {
			other := newRepo(t, files{"secret": "s"})
			write(t, dir, files{".git/refs/heads/evil": rev(t, other, "HEAD") + "\n", ".git/commondir": other + "/.git\n"})
		},
		"another repository in its place, by a link": func(t *testing.T, dir string) {
			other := newRepo(t, files{"secret": "s"})
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			write(t, dir, files{".git": "@" + other + "/.git"})
		},
		"another repository in its place, by a file": func(t *testing.T, dir string) {
			other := newRepo(t, files{"secret": "s"})
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			write(t, dir, files{".git": "gitdir: " + other + "/.git\n"})
		},
		"a link to the objects of another": func(t *testing.T, dir string) {
			other := newRepo(t, files{"secret": "s"})
			git(t, other, "repack", "-q", "-a", "-d")
			must(t, os.RemoveAll(filepath.Join(dir, ".git/objects/pack")))
			write(t, dir, files{".git/refs/heads/evil": rev(t, other, "HEAD") + "\n", ".git/objects/pack": "@" + other + "/.git/objects/pack"})
		},
		"an index of a pack that claims too much": func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, ".git/objects/pack"), 0o755))
			name := ".git/objects/pack/pack-" + strings.Repeat("01", 20)
			write(t, dir, files{name + ".pack": "PACK", name + ".idx": "\xfftOc\x00\x00\x00\x02" + strings.Repeat("\xff", 1024), ".git/refs/heads/evil": strings.Repeat("03", 20) + "\n"})
		},
		"a ref with a name that git refuses": func(t *testing.T, dir string) {
			write(t, dir, files{".git/packed-refs": rev(t, dir, "HEAD^{tree}") + " refs/heads/../../config\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			c := copyOf(t, dir)
			config := read(t, dir, ".git/config")
			evil(t, c.target)
			out := pull(t, c)
			if out.Left.Total == 0 || out.Taken.Total > 0 {
				t.Errorf("taken %+v, left %+v", out.Taken.Items, out.Left.Items)
			}
			if read(t, dir, ".git/config") != config {
				t.Error("the config changed")
			}
			has(t, dir, files{".git/refs/bottle/b1/heads/evil": "-"})
			git(t, dir, "fsck", "--strict", "--no-dangling")
		})
	}
}

// No program that the agent's repository names runs.
func TestPullRunsNothing(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	c := copyOf(t, dir)
	agentCommits(t, c.target, "n", "1")
	mark := filepath.Join(t.TempDir(), "ran")
	script := "#!/bin/sh\ntouch " + mark + "\n"
	write(t, c.target, files{".git/hooks/post-checkout": script, ".git/hooks/reference-transaction": script, ".git/evil": script})
	for _, name := range []string{".git/hooks/post-checkout", ".git/hooks/reference-transaction", ".git/evil"} {
		must(t, os.Chmod(filepath.Join(c.target, name), 0o755))
	}
	evil := filepath.Join(c.target, ".git/evil")
	write(t, c.target, files{".git/config": "[core]\n\tfsmonitor = " + evil + "\n\tsshCommand = " + evil + "\n[uploadpack]\n\tpackObjectsHook = " + evil + "\n[alias]\n\tx = !" + evil + "\n"})
	out := pull(t, c)
	if out.Taken.Total != 3 {
		t.Errorf("taken: %q", said(out))
	}
	if _, err := os.Lstat(mark); err == nil {
		t.Error("a program ran")
	}
}
