package workspace

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A git folder that lies in the workspace under another name has what its .git
// would have.
func TestGitFolderOfAnotherName(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string) (git string){
		"a .git that names it": func(t *testing.T, dir string) string {
			must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, ".bare")))
			write(t, dir, files{".git": "gitdir: ./.bare\n"})
			return ".bare"
		},
		"worktrees of it, in a folder that is no repository": func(t *testing.T, dir string) string {
			git(t, dir, "clone", "-q", "--bare", ".", ".bare")
			must(t, os.RemoveAll(filepath.Join(dir, ".git")))
			git(t, filepath.Join(dir, ".bare"), "worktree", "add", "-q", filepath.Join(dir, "tree"), "main")
			return ".bare"
		},
		"that of a folder which comes later": func(t *testing.T, dir string) string {
			write(t, dir, files{"gits/x": "x"})
			git(t, dir, "init", "-q", "--separate-git-dir", filepath.Join(dir, "gits/lib"), "lib")
			return "gits/lib"
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			at := make(t, dir)
			git(t, filepath.Join(dir, at), "config", "http.extraheader", "Authorization: Bearer secretsecret")
			git, err := PrepareGit(t.Context(), options(t, dir))
			must(t, err)
			if !slices.Contains(git.Nested.Items, at) || !slices.Contains(git.Exposed.Items, at) {
				t.Errorf("where it is mounted: %+v", git)
			}
			c := copyOf(t, dir)
			if out, err := exec.Command("grep", "-r", "secretsecret", c.target).CombinedOutput(); err == nil {
				t.Errorf("the credential is in the copy: %s", out)
			}
			has(t, c.target, files{at: "-"})
			mark := filepath.Join(t.TempDir(), "ran")
			write(t, c.target, files{at + "/config": evilConfig(mark, ""), at + "/hooks/x": "x", "beside": "b"})
			config := read(t, dir, at+"/config")
			wantList(t, "the pull", said(pull(t, c)), "left added "+at+"/config", "left added "+at+"/hooks/x", "taken added beside")
			if read(t, dir, at+"/config") != config {
				t.Error("the config changed")
			}
		})
	}
}

// A folder of a repository that has no HEAD of its own is known by its .git.
func TestPullKnowsCommonFolders(t *testing.T) {
	dir := newRepo(t, files{"a": "1"})
	c := copyOf(t, dir)
	must(t, os.Rename(filepath.Join(dir, ".git"), filepath.Join(dir, "common")))
	write(t, dir, files{".git/HEAD": "ref: refs/heads/main\n", ".git/commondir": "../common\n"})
	must(t, os.Remove(filepath.Join(dir, "common/HEAD")))
	write(t, c.target, files{"common/x": "x"})
	wantList(t, "the pull", said(pull(t, c)), "left added common/x")
}

// The commits may have what the files are held back of: a merge would bring it.
func TestPullSaysWhatCommitsWouldBring(t *testing.T) {
	dir := newRepo(t, files{"a": "1", "tools/hooks/pre-push": "#!/bin/sh\n", "tools/x": "x"})
	git(t, dir, "config", "core.hooksPath", "tools/hooks")
	c := copyOf(t, dir)
	agentCommits(t, c.target, "tools/x", "2")
	if out := pull(t, c); len(out.Heads) != 1 || len(out.Heads[0].Held) > 0 {
		t.Errorf("none of it changed: %+v", out.Heads)
	}
	agentCommits(t, c.target, "tools/hooks/post-merge", "evil")
	must(t, os.Remove(filepath.Join(c.target, "tools/hooks/post-merge"))) // in the commit alone
	out := pull(t, c)
	if len(out.Heads) != 1 || strings.Join(out.Heads[0].Held, " ") != "tools/hooks" {
		t.Errorf("heads: %+v", out.Heads)
	}
	has(t, dir, files{"tools/hooks/post-merge": "-"})
	agentCommits(t, c.target, "docs/deep/head", "ref: refs/heads/main")
	out = pull(t, c)
	if len(out.Heads) != 1 || strings.Join(out.Heads[0].Held, " ") != "tools/hooks docs/deep/head" {
		t.Errorf("heads: %+v", out.Heads)
	}
}

func TestPullHoldsWhatGitRuns(t *testing.T) {
	dir := newRepo(t, files{"a": "1", ".gitconfig": "[include]\n\tpath = more/inc\n", "scripts/pre-commit": "#!/bin/sh\n", "real/hooks/x": "x"})
	home := t.TempDir()
	write(t, home, files{".gitconfig": "[core]\n\thooksPath = .githooks\n"})
	write(t, dir, files{"hooks": "@real/hooks", ".git/hooks/pre-commit": "@../../scripts/pre-commit"})
	git(t, dir, "config", "include.path", "../.gitconfig")
	git(t, dir, "config", "includeIf.gitdir:/nowhere/.path", filepath.Join(dir, "if/inc"))
	git(t, dir, "config", "core.hooksPath", "hooks")
	c := copyOf(t, dir)
	write(t, c.target, files{
		".gitconfig": "evil", "more/inc": "evil", "IF/inc": "evil", "real/hooks/post-merge": "evil", "scripts/pre-commit": "evil",
		".githooks/pre-push": "evil", ".husky/pre-commit": "evil", "real/other": "o", "scripts/other": "o",
	})
	want := []string{
		"left modified .gitconfig", "left added more/inc", "left added IF/inc", "left added real/hooks/post-merge", "left modified scripts/pre-commit",
		"left added .githooks/pre-push", "left added .husky/pre-commit", "taken added real/other", "taken added scripts/other",
	}
	as := func(o *PullOptions) {
		o.Getenv = func(name string) string { return map[string]string{"HOME": home, "GIT_CONFIG_NOSYSTEM": "1"}[name] }
	}
	out := pull(t, c, as)
	wantList(t, "the pull", said(out), want...)
	for _, i := range out.Left.Items {
		if !strings.Contains(i.Reason, "git on this host") {
			t.Errorf("%s: %s", i.Path, i.Reason)
		}
	}
	replace(t, c.target, files{"more": "@real", ".husky": "-"})
	if got := strings.Join(said(pull(t, c, as)), "\n"); !strings.Contains(got, "left added more") {
		t.Errorf("a link in the place of the folder: %s", got)
	}
}
