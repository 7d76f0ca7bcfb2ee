package bottle

import (
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
	const asAgent = "set -e; git checkout -q -b agent/x; echo two >file; git commit -qam inside; "
	for _, c := range []struct {
		name, mode, do string
		has            map[string]string // files of the project afterwards
		not            string            // in the commands
	}{
		{"commits and files", "copy", asAgent + "mkdir -p 'new dir'; echo n >\"new dir/it's\"; ln -s file link; echo evil >>.git/config; echo x >bottle.yaml",
			map[string]string{"file": "two\n", "new dir/it's": "n\n", "link": "two\n"}, "bottle.yaml'"},
		{"many files", "copy", "for i in $(seq 20); do echo $i >f$i; done; echo x >bottle.yaml; mkdir -p .git/hooks; echo hook >.git/hooks/pre-commit", map[string]string{"f1": "1\n", "f20": "20\n"}, "f1 "},
		{"a name that no terminal shows", "copy", `printf x >"$(printf 'a\033[2Jb')"; echo f >f`, map[string]string{"f": "f\n", "a\x1b[2Jb": "x"}, "2J"},
		{"a detached head", "copy", "git checkout -q --detach; echo two >file; git commit -qam inside", map[string]string{"file": "two\n"}, ""},
		{"a repository of its own", "copy", "git init -q -b main sub; cd sub; git commit -q --allow-empty -m sub", map[string]string{"sub/.git/HEAD": "ref: refs/heads/main\n"}, ""},
		{"commits in a folder that is mounted", "mount", "", map[string]string{"file": "two\n"}, "cp "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProject(t)
			work := p.path("my work")
			p.mkdirs("my work")
			p.write("my work/file", "one\n", 0o600)
			shell(t, work, "git init -q -b main . && git add file && git commit -qm first")
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
				shell(t, work, fmt.Sprintf("set -e; export GIT_DIR='%s' GIT_WORK_TREE='%s'; echo two >file; git commit -qam inside; git -C '%s' --git-dir=.git checkout -q -f main", copied, work, work))
			} else {
				shell(t, copied, c.do)
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
				if strings.HasPrefix(line, "git ") && !strings.Contains(line, " merge ") && !strings.Contains(line, "GIT_ALLOW_PROTOCOL=none") {
					t.Errorf("%s: git could go by the agent's config", line)
				}
				shell(t, p.dir, line)
			}
			for name, want := range c.has {
				if got, err := os.ReadFile(filepath.Join(work, name)); err != nil || string(got) != want {
					t.Errorf("%s is %q, %v, not %q, after:\n%s", name, got, err, want, text)
				}
			}
			for name, evil := range map[string]string{".git/config": "evil", ".git/hooks/pre-commit": "hook"} {
				if got, err := os.ReadFile(filepath.Join(work, name)); err == nil && strings.Contains(string(got), evil) {
					t.Errorf("%s came along", name)
				}
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
