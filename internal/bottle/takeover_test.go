package bottle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs a command as a person would who copied it, with a git that knows
// nothing of this machine.
func shell(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// TestTakeOver runs the commands that it prints: with the real git, and as root
// on a copy that belongs to another user.
func TestTakeOver(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("git is missing")
		}
		t.Skip("git is missing")
	}
	const asAgent = "set -e; git checkout -q -b agent/x; echo two >file; git rm -q gone; echo c >committed; git add .; git commit -qm inside; "
	const ahead = "set -e; echo mine >mine; git add mine; git commit -qm mine"
	for _, c := range []struct {
		name, mode  string
		do          string            // by the agent
		host        string            // by the person, meanwhile
		has         map[string]string // files of the project afterwards; "-" is none
		status, log string            // of git, where they matter
		not         string            // in the commands
	}{
		{name: "commits and files", mode: "copy", do: asAgent + "mkdir -p 'new dir'; echo n >\"new dir/it's\"; ln -s file link; chmod +x file; echo evil >>.git/config; echo x >bottle.yaml",
			has:    map[string]string{"file": "two\n", "new dir/it's": "n\n", "link": "two\n", "gone": "-", "committed": "c\n"},
			status: " M file\n?? link\n?? \"new dir/\"\n", log: "inside\nfirst\n", not: "bottle.yaml'"},
		{name: "all is committed", mode: "copy", do: asAgent, has: map[string]string{"file": "two\n", "gone": "-"}, log: "inside\nfirst\n", not: "cp "},
		{name: "a branch with commits of its own, and later changes", mode: "copy", do: asAgent, host: ahead + "; echo later >committed.too",
			has: map[string]string{"file": "two\n", "mine": "mine\n", "committed.too": "later\n"}, status: "?? committed.too\n"},
		{name: "many files, most of them committed", mode: "copy", do: "for i in $(seq 20); do echo $i >f$i; done; git add .; git commit -qm inside; echo x >f3; echo new >-f",
			has: map[string]string{"f1": "1\n", "f3": "x\n", "-f": "new\n"}, status: " M f3\n?? -f\n", log: "inside\nfirst\n", not: "f1 "},
		{name: "many files", mode: "copy", do: "for i in $(seq 20); do echo $i >f$i; done; echo x >bottle.yaml; mkdir -p .git/hooks; echo hook >.git/hooks/pre-commit",
			host: "echo mine >file", has: map[string]string{"f1": "1\n", "f20": "20\n", "file": "mine\n"}, not: "f1 "},
		{name: "more files than are listed", mode: "copy", do: asAgent + "for i in $(seq 1100); do echo $i >f$i; done; echo x >bottle.yaml", has: map[string]string{"f1": "1\n", "f1100": "1100\n", "file": "two\n"}},
		{name: "a name that no terminal shows", mode: "copy", do: `printf x >"$(printf 'a\033[2Jb')"; echo f >f`, has: map[string]string{"f": "f\n", "a\x1b[2Jb": "x"}, not: "2J"},
		{name: "a detached head", mode: "copy", do: "git checkout -q --detach; echo two >file; git commit -qam inside", has: map[string]string{"file": "two\n"}, log: "inside\nfirst\n"},
		{name: "several branches", mode: "copy", do: asAgent + "git checkout -q -b a/other main; git commit -q --allow-empty -m other; git checkout -q agent/x", has: map[string]string{"file": "two\n"}, log: "inside\nfirst\n"},
		{name: "refs of an earlier bottle", mode: "copy", do: asAgent + "git update-ref refs/bottle/old/heads/main main; git tag v1", has: map[string]string{"file": "two\n"}},
		{name: "a repository of its own", mode: "copy", do: "git init -q -b main sub; cd sub; git commit -q --allow-empty -m sub; echo n >n", has: map[string]string{"sub/.git/HEAD": "ref: refs/heads/main\n", "sub/n": "n\n"}},
		{name: "a repository in a folder that is there", mode: "copy", do: "cd dir; git init -q -b trunk; echo n >n; git add .; git commit -q -m sub; echo m >m", has: map[string]string{"dir/.git/HEAD": "ref: refs/heads/trunk\n", "dir/n": "n\n", "dir/m": "m\n"}},
		{name: "a submodule whose config names a program", mode: "copy",
			do:  asAgent + "git init -q -b main sub; echo s >sub/s; git -C sub add s; git -C sub commit -q -m sub; git add sub 2>/dev/null; git commit -qm sub; git -C sub config filter.x.clean \"touch '$PWD/../evil'; cat\"; echo '* filter=x' >sub/.gitattributes; echo t >sub/s; echo n >n",
			has: map[string]string{"n": "n\n"}},
		{name: "a link that a commit brings, and files behind it", mode: "copy", do: "set -e; ln -s ../outside out; ln -s ../outside/f f; git add .; git commit -qm links; rm out f; mkdir out; echo evil >out/f; echo evil >f",
			has: map[string]string{"../outside/f": "-", "out/f": "evil\n", "f": "evil\n"}},
		{name: "a file behind a link of the person's", mode: "copy", do: "rm mylink; mkdir mylink; echo evil >mylink/f", has: map[string]string{"../outside/f": "-", "mylink/f": "evil\n"}},
		{name: "commits in a folder that is mounted", mode: "mount", do: asAgent + "echo n >new", has: map[string]string{"file": "two\n", "gone": "-", "new": "n\n"}, status: "?? new\n", log: "inside\nfirst\n", not: "cp "},
		{name: "a branch with commits of its own in a folder that is mounted", mode: "mount", do: asAgent + "echo n >new", host: ahead,
			has: map[string]string{"file": "two\n", "gone": "-", "new": "n\n", "mine": "mine\n"}, status: "A  new\n"},
		{name: "a branch that is not checked out in a folder that is mounted", mode: "mount", do: asAgent + "git checkout -q main", has: map[string]string{"file": "two\n", "gone": "-"}, log: "inside\nfirst\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			work := p.path("my work")
			p.mkdirs("my work", "my work/dir", "outside")
			for _, name := range []string{"file", "gone", "dir/kept"} {
				p.write("my work/"+name, "one\n", 0o600)
			}
			shell(t, work, "ln -s ../outside mylink && git init -q -b main . && git add . && git commit -qm first")
			p.write("bottle.yaml", "version: 1\nworkspace: {path: ./my work, mode: "+c.mode+"}\n", 0o600)
			m, err := p.read()
			if err == nil {
				err = p.trust.Trust(m)
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := p.launch(m, &fakeBackend{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = b.Close() })
			copied := filepath.Join(b.Dir(), workspaceDir)
			if c.mode == "mount" { // what git in the bottle does by the .git over the real one
				shell(t, work, fmt.Sprintf("export GIT_DIR='%s' GIT_WORK_TREE='%s'; %s", copied, work, c.do))
			} else {
				shell(t, copied, c.do)
			}
			if c.host != "" {
				shell(t, work, c.host)
			}
			if os.Geteuid() == 0 {
				giveAway(t, copied)
			}
			left, err := Unpulled(t.Context(), b.Dir())
			if err != nil {
				t.Fatal(err)
			}
			lines := TakeOver(b.record, b.Dir(), left)
			text := strings.Join(lines, "\n")
			if len(lines) == 0 || c.not != "" && strings.Contains(text, c.not) || strings.Contains(text, "\x1b") {
				t.Errorf("the commands are:\n%s", text)
			}
			for _, line := range lines {
				if strings.HasPrefix(line, "git ") && (strings.Contains(line, " fetch ") || strings.Contains(line, " clone ")) && !strings.Contains(line, "GIT_ALLOW_PROTOCOL=none") {
					t.Errorf("%s: git could go by the agent's config", line)
				}
				if c.mode == "mount" && c.host != "" { // the branch has moved: the comment says what to do
					if strings.Contains(line, "--is-ancestor") {
						line = "! { " + line + "; }"
					}
					_, then, is := strings.Cut(line, "that does nothing; then: ")
					if is {
						line = then
					}
				}
				shell(t, p.dir, line)
			}
			for name, want := range c.has {
				got, err := os.ReadFile(filepath.Join(work, name))
				if want == "-" && !errors.Is(err, fs.ErrNotExist) || want != "-" && (err != nil || string(got) != want) {
					t.Errorf("%s is %q, %v, not %q, after:\n%s", name, got, err, want, text)
				}
			}
			if got := shell(t, work, "git status --short"); c.status != "" && got != c.status {
				t.Errorf("git status is\n%s, not\n%s, after:\n%s", got, c.status, text)
			}
			if got := shell(t, work, "git log --format=%s"); c.log != "" && got != c.log {
				t.Errorf("git log is\n%s, not\n%s, after:\n%s", got, c.log, text)
			}
			if refs := shell(t, work, "git for-each-ref"); strings.Contains(refs, "/bottle/old") || strings.Contains(refs, "refs/tags/") {
				t.Errorf("refs that are in the way:\n%s", refs)
			}
			for name, evil := range map[string]string{".git/config": "evil", ".git/hooks/pre-commit": "hook"} {
				if got, err := os.ReadFile(filepath.Join(work, name)); err == nil && strings.Contains(string(got), evil) {
					t.Errorf("%s came along", name)
				}
			}
			if _, err := os.Lstat(filepath.Join(b.Dir(), "evil")); err == nil {
				t.Errorf("a program of the agent's ran, by:\n%s", text)
			}
			if _, err := os.Lstat(filepath.Join(work, "bottle.yaml")); err == nil {
				t.Error("the agent's manifest came along")
			}
		})
	}
}

// giveAway makes a copy another user's, as that of root's bottles is.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 12345, 12345)
	})
	if err != nil {
		t.Fatal(err)
	}
}
