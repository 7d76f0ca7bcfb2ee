package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the branch becomes when there is something of its name, or the agent's history is
// another by then.
func TestPullBranch(t *testing.T) {
	const ref = "refs/heads/bottle/b1"
	rewrite := func(t *testing.T, dir string) { git(t, dir, "commit", "-q", "--amend", "-m", "other") }
	goOn := func(t *testing.T, dir string) { agentCommits(t, dir, "z", "1") }
	none := func(*testing.T, string) {}
	for _, test := range []struct {
		name   string
		before func(t *testing.T, dir string) // the person, before any pull
		person func(t *testing.T, dir string) // after the first one
		agent  func(t *testing.T, dir string) // then
		as     string                         // at the agent's commit in the end; none if empty
		moved  bool                           // bottle/b1 was at another one after the first pull
		reason string
	}{
		{"goes on", none, none, goOn, ref, true, ""},
		{"goes on, of a packed ref", none, func(t *testing.T, dir string) { git(t, dir, "pack-refs", "--all") }, goOn, ref, true, ""},
		{"goes on, of a loose ref before a packed one", none, func(t *testing.T, dir string) {
			git(t, dir, "pack-refs", "--all", "--no-prune")
		}, goOn, ref, true, ""},
		{"gets a number when the agent made its commit anew", none, none, rewrite, ref + ".2", false, ""},
		{"gets a number when the person committed to it", none, func(t *testing.T, dir string) {
			git(t, dir, "update-ref", ref, strings.TrimSpace(git(t, dir, "commit-tree", "-p", ref, "-m", "mine", ref+"^{tree}")))
		}, goOn, ref + ".2", true, ""},
		{"gets a number when the person has it checked out", none, func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "-f", "bottle/b1")
		}, goOn, ref + ".2", false, ""},
		{"gets a number when another worktree has it checked out", none, func(t *testing.T, dir string) {
			git(t, dir, "worktree", "add", "-q", filepath.Join(t.TempDir(), "wt"), "bottle/b1")
		}, goOn, ref + ".2", false, ""},
		{"gets a number while it is rebased", none, func(t *testing.T, dir string) {
			wt := filepath.Join(t.TempDir(), "wt")
			git(t, dir, "worktree", "add", "-q", wt, "bottle/b1")
			if gitCommand(t, wt, "rebase", "-q", "--exec", "false", "HEAD~1").Run() == nil || strings.TrimSpace(git(t, wt, "rev-parse", "--symbolic-full-name", "HEAD")) != "HEAD" {
				t.Fatal("the rebase did not stop")
			}
		}, goOn, ref + ".2", false, ""},
		{"gets a number when a branch that was never born is checked out under its name", func(t *testing.T, dir string) {
			git(t, dir, "symbolic-ref", "HEAD", ref)
		}, none, none, ref + ".2", false, ""},
		{"gets a number beside a folder of its name", func(t *testing.T, dir string) { git(t, dir, "branch", "bottle/b1/x") },
			none, none, ref + ".2", false, ""},
		{"gets a number beside a packed folder of its name", func(t *testing.T, dir string) {
			git(t, dir, "branch", "bottle/b1/x")
			git(t, dir, "pack-refs", "--all")
		}, none, none, ref + ".2", false, ""},
		{"comes back when it was deleted", none, func(t *testing.T, dir string) { git(t, dir, "branch", "-q", "-D", "bottle/b1") },
			none, ref, false, ""},
		{"does not come back when it was merged and deleted", none, func(t *testing.T, dir string) {
			git(t, dir, "reset", "-q", "bottle/b1")
			git(t, dir, "branch", "-q", "-d", "bottle/b1")
		}, none, "", false, ""},
		{"cannot be beside a branch of the name of its folder", func(t *testing.T, dir string) { git(t, dir, "branch", "bottle") },
			none, goOn, "", false, `beside your branch "bottle"`},
		{"cannot be beside a packed branch of the name of its folder", func(t *testing.T, dir string) {
			git(t, dir, "branch", "bottle")
			git(t, dir, "pack-refs", "--all")
		}, none, goOn, "", false, `beside your branch "bottle"`},
		{"is not written when it names another", func(t *testing.T, dir string) { git(t, dir, "symbolic-ref", ref, "refs/heads/main") },
			none, none, "", false, "another one is there"},
		{"is not written while git writes it", func(t *testing.T, dir string) { write(t, dir, files{".git/" + ref + ".lock": ""}) },
			none, none, "", false, "file exists"},
		{"is not written when what is checked out cannot be read", func(t *testing.T, dir string) {
			must(t, os.MkdirAll(filepath.Join(dir, ".git/rebase-merge/head-name"), 0o755))
		}, none, none, "", false, "cannot be told"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			c := copyOf(t, dir)
			agentCommits(t, c.target, "n", "1")
			test.before(t, dir)
			untouched := hostSide(t, dir)
			pull(t, c)
			first := tryRev(t, dir, ref)
			if got := hostSide(t, dir); got != untouched {
				t.Errorf("the first pull made of %q\n%q", untouched, got)
			}
			test.person(t, dir)
			was := tryRev(t, dir, ref)
			test.agent(t, c.target)
			untouched = hostSide(t, dir)
			head := rev(t, c.target, "HEAD")
			for i, out := range []*Pulled{pull(t, c, dry), pull(t, c)} {
				reason := ""
				for _, item := range out.Left.Items {
					reason += item.Reason
					if !item.Kept || item.Kind != Branch {
						t.Errorf("left: %+v", item)
					}
				}
				if i == 0 && reason == "" { // what hinders writing is not known before
					continue
				}
				if !strings.Contains(reason, test.reason) || (reason == "") != (test.reason == "") {
					t.Errorf("the reason is %q", reason)
				}
				if test.reason != "" && !strings.Contains(reason, "; the commits are in refs/bottle/b1/heads/main") {
					t.Errorf("where the commits are is not said: %q", reason)
				}
				for _, h := range out.Heads {
					if want := strings.TrimPrefix(test.as, "refs/heads/"); want != "" && h.Ref != want || want == "" && h.Ref != "bottle/b1/heads/main" {
						t.Errorf("heads: %+v", out.Heads)
					}
				}
			}
			if got := hostSide(t, dir); got != untouched {
				t.Errorf("the pull made of %q\n%q", untouched, got)
			}
			if test.as != "" && rev(t, dir, test.as) != head {
				t.Errorf("%s is not at the agent's commit", test.as)
			}
			if now := tryRev(t, dir, ref); test.as != ref && now != was || test.moved && now == first {
				t.Errorf("bottle/b1 was at %s, then %s, is at %s", first, was, now)
			}
			git(t, dir, "fsck", "--strict", "--no-dangling")
			if out := pull(t, c); out.Taken.Total > 0 || out.Lost() > 0 {
				t.Errorf("once more: %q", said(out))
			}
		})
	}
}

// A branch is made for commits of the bottle's own.
func TestPullBranchOfNothing(t *testing.T) {
	for _, test := range []struct {
		name  string
		agent func(t *testing.T, dir string)
	}{
		{"no commits", func(t *testing.T, dir string) { write(t, dir, files{"n": "1"}) }},
		{"commits that the work tree is not at", func(t *testing.T, dir string) {
			agentCommits(t, dir, "n", "1")
			git(t, dir, "branch", "side")
			git(t, dir, "reset", "-q", "--hard", "HEAD~1")
		}},
		{"a commit that the host has elsewhere", func(t *testing.T, dir string) { git(t, dir, "checkout", "-q", "HEAD~1") }},
		{"a HEAD that is at no commit", func(t *testing.T, dir string) {
			write(t, dir, files{".git/HEAD": object(t, dir, "blob", "x", "") + "\n"})
		}},
		{"a HEAD that names no branch", func(t *testing.T, dir string) { write(t, dir, files{".git/HEAD": "ref: ../../config\n"}) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			git(t, dir, "commit", "-q", "--allow-empty", "-m", "second")
			c := copyOf(t, dir)
			test.agent(t, c.target)
			out := pull(t, c)
			has(t, dir, files{".git/refs/heads/bottle": "-"})
			for _, i := range out.Left.Items {
				if i.Kind != Branch || !strings.Contains(i.Reason, "no commit") {
					t.Errorf("left: %+v", i)
				}
			}
			git(t, dir, "fsck", "--strict", "--no-dangling")
		})
	}
}

// tryRev is the commit of a ref, if it leads to one.
func tryRev(t *testing.T, dir, ref string) string {
	t.Helper()
	out, _ := gitCommand(t, dir, "rev-parse", "-q", "--verify", ref).Output()
	return strings.TrimSpace(string(out))
}

// hostSide is what no pull changes in a git folder.
func hostSide(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"HEAD", "index", "config", "refs/heads/main"} {
		data, err := os.ReadFile(filepath.Join(dir, ".git", name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		b.WriteString(name + " " + string(data) + "\n")
	}
	for _, name := range []string{"hooks", "logs", "worktrees"} {
		must(t, filepath.Walk(filepath.Join(dir, ".git", name), func(path string, st os.FileInfo, err error) error {
			if err == nil && !st.IsDir() {
				data, rerr := os.ReadFile(path)
				b.WriteString(path + " " + string(data) + "\n")
				return rerr
			}
			return nil
		}))
	}
	return b.String()
}
