package gitgate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/proxy"
)

// forge is a gate before an origin that has one commit in org/open.
func forge(t *testing.T) (o *origin, base string) {
	t.Helper()
	root := t.TempDir()
	o = newOrigin(t, root)
	bare, seed := filepath.Join(root, "org", "open.git"), filepath.Join(t.TempDir(), "seed")
	for _, args := range [][]string{
		{"init", "-q", "--bare", "-b", "main", bare}, {"-C", bare, "config", "uploadpack.allowFilter", "true"},
		{"init", "-q", "-b", "main", seed},
		{"-C", seed, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "first"},
		{"-C", seed, "push", "-q", bare, "main"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	cfg := proxy.Config{RootCAs: o.roots(), DLP: dlp.Policy{Action: dlp.Block}, Scan: dlp.Options{Known: []dlp.Known{known}}}
	host := gitgate.Host{Name: "forge.test", URL: o.url(), Private: true, Repos: repos(), Auth: gitgate.BasicAuth{Password: value(token)}}
	return o, newFront(t, newServer(t, cfg, &journal{}, host)) + "/forge.test"
}

// TestGoGit drives a client that shares no code with git.
func TestGoGit(t *testing.T) {
	_, base := forge(t)
	dir := filepath.Join(t.TempDir(), "work")
	repo, err := git.PlainClone(dir, false, &git.CloneOptions{URL: base + "/org/open"})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	commit := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Commit(name, &git.CommitOptions{Author: &object.Signature{Name: "A", Email: "a@example.com", When: time.Unix(1, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	push := func(spec string) error {
		return repo.Push(&git.PushOptions{RefSpecs: []config.RefSpec{config.RefSpec(spec)}})
	}
	commit("a", "one\n")
	if err := push("refs/heads/main:refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	head, err := repo.Head()
	if err != nil {
		t.Fatal(err)
	}
	again, err := git.PlainClone(filepath.Join(t.TempDir(), "again"), true, &git.CloneOptions{URL: base + "/org/open", ReferenceName: plumbing.NewBranchReferenceName("main"), Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Head(); err != nil || got.Hash() != head.Hash() {
		t.Errorf("%v, %v, want %v", got, err, head)
	}
	commit("b", known.Value)
	if err := push("refs/heads/main:refs/heads/main"); err == nil || !strings.Contains(err.Error(), "credential") {
		t.Errorf("a secret: %v", err)
	}
	if err := push("refs/heads/main:refs/notes/x"); err == nil || !strings.Contains(err.Error(), "may not be created") {
		t.Errorf("a note: %v", err)
	}
}

// TestLibgit2 drives libgit2 by pygit2, where that is installed.
func TestLibgit2(t *testing.T) {
	python := "/usr/bin/python3" // the one that Debian's package is for
	if exec.Command(python, "-c", "import pygit2").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-pygit2 is not installed")
		}
		t.Skip("python3-pygit2 is not installed")
	}
	_, base := forge(t)
	cmd := exec.Command(python, "-c", `
import pygit2, sys
url, secret = sys.argv[1:3]
class Say(pygit2.RemoteCallbacks):
    def push_update_reference(self, ref, message): print(ref, message)
repo = pygit2.clone_repository(url, sys.argv[3])
who = pygit2.Signature("A", "a@example.com", 1, 0)
def commit(text):
    tree = repo.TreeBuilder(repo.head.peel().tree)
    tree.insert("file", repo.create_blob(text.encode()), pygit2.GIT_FILEMODE_BLOB)
    repo.create_commit("HEAD", who, who, "m", tree.write(), [repo.head.target])
for text in ["one\n", secret]:
    commit(text)
    repo.remotes["origin"].push(["refs/heads/main:refs/heads/main"], callbacks=Say())
`, base+"/org/open", known.Value, filepath.Join(t.TempDir(), "work"))
	out, err := cmd.CombinedOutput()
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) < 2 || lines[0] != "refs/heads/main None" || !strings.Contains(lines[1], "credential") {
		t.Errorf("%v: %s", err, out)
	}
}
