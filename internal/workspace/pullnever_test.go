package workspace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// evilConfig makes git leave a mark when it is started in its repository.
func evilConfig(mark, more string) string {
	return "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n\tfsmonitor = \"touch " + mark + "; false\"\n" + more
}

// What an agent makes of a folder is no repository on the host.
func TestPullMakesNoRepository(t *testing.T) {
	for _, test := range []struct {
		name  string
		host  func(t *testing.T, dir string) // before the copy
		agent func(t *testing.T, copied, mark string)
		in    string // where the person runs git
	}{
		{"a folder that borrows the rest by commondir", nil, func(t *testing.T, copied, mark string) {
			write(t, copied, files{
				"docs/HEAD": "ref: refs/heads/main\n", "docs/commondir": "../assets\n", "docs/README": "x",
				"docs/config.worktree": "[core]\n\tbare = false\n\tworktree = ..\n", "assets/objects/x": "x", "assets/refs/x": "x",
				"assets/config": "[extensions]\n\tworktreeConfig = true\n[core]\n\trepositoryformatversion = 1\n\tfsmonitor = \"touch " + mark + "; false\"\n",
			})
		}, "docs"},
		{"a bare repository of the project whose refs have no file", func(t *testing.T, dir string) {
			git(t, dir, "init", "-q", "--bare", "testdata/repo.git")
		}, func(t *testing.T, copied, mark string) {
			must(t, os.RemoveAll(filepath.Join(copied, "testdata/repo.git/refs")))
			write(t, copied, files{"testdata/repo.git/config": evilConfig(mark, "")})
		}, "testdata/repo.git"},
		{"a project that is a bare repository", func(t *testing.T, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			git(t, dir, "init", "-q", "--bare", ".")
		}, func(t *testing.T, copied, mark string) {
			write(t, copied, files{"config": evilConfig(mark, ""), "new/file": "x"})
		}, "."},
		{"a repository without refs, for now", nil, func(t *testing.T, copied, mark string) {
			write(t, copied, files{"s/HEAD": "ref: refs/heads/main\n", "s/objects/x": "x", "s/zrefs/x": "x", "s/config": evilConfig(mark, "")})
		}, "s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			if test.host != nil {
				test.host(t, dir)
			}
			c := copyOf(t, dir)
			mark := filepath.Join(t.TempDir(), "ran")
			test.agent(t, c.target, mark)
			before := pull(t, c, dry)
			out := pull(t, c)
			wantList(t, "the pull", said(out), said(before)...)
			if out.Left.Total == 0 {
				t.Errorf("all was taken: %q", said(out))
			}
			if refs := filepath.Join(c.target, "s/zrefs"); test.in == "s" {
				must(t, os.Rename(refs, filepath.Join(c.target, "s/refs")))
				pull(t, c)
			}
			cmd := exec.Command("git", "status")
			cmd.Dir = filepath.Join(dir, test.in)
			_ = cmd.Run() // it may say that there is no repository
			if _, err := os.Lstat(mark); err == nil {
				t.Error("git on the host ran what the agent wrote")
			}
		})
	}
}

// A HEAD that the person puts there meanwhile counts, too.
func TestPullLooksAtTheHostForHEAD(t *testing.T) {
	dir := newRepo(t, files{"sub/deep/f": "1", "sub/x": "1", "gone/HEAD": "ref: refs/heads/main\n", "gone/y": "1"})
	c := copyOf(t, dir)
	write(t, c.target, files{"sub/deep/f": "2", "sub/new": "n", "a": "1"})
	must(t, os.Remove(filepath.Join(c.target, "sub/x")))
	must(t, os.RemoveAll(filepath.Join(c.target, "gone")))
	write(t, dir, files{"sub/HEAD": "ref: refs/heads/main\n"})
	wantList(t, "the pull", said(pull(t, c)), "left modified sub/deep/f", "left added sub/new", "left deleted sub/x", "left deleted gone/HEAD", "left deleted gone/y", "taken added a")
	has(t, dir, files{"sub/deep/f": "1", "sub/new": "-", "sub/x": "1", "gone/y": "1"})
}

func TestFindGitByCommondir(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"docs/HEAD": "ref: refs/heads/main\n", "docs/commondir": "../assets\n", "assets/objects/x": "x", "assets/refs/x": "x", "assets/config": "[core]\n"})
	found, all, err := FindGit(context.Background(), dir)
	if err != nil || !all || found["docs"] == "" || len(found) != 1 {
		t.Errorf("found %q, %v, %v", found, all, err)
	}
	write(t, dir, files{"docs/config.worktree": "[core]\n\tworktree = ..\n"})
	if now, _, _ := FindGit(context.Background(), dir); now["docs"] == found["docs"] {
		t.Error("another config is not seen")
	}
}
