package bottle

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// maxTakenOver is up to how many files have a command of their own.
const maxTakenOver = 10

// TakeOver returns the shell commands that bring work of a bottle that Unpulled
// found into the workspace on the host, with what the person may want to know as
// comments. dir is the folder of the bottle's state.
//
// Only git fetch is run on what the agent left: it runs no hook and no program
// that a config there names. A .git is never copied, for the same reason, and
// neither is the manifest.
func TakeOver(r state.Bottle, dir string, work workspace.Work) []string {
	t := takeOver{id: r.ID, project: r.Workspace, copied: filepath.Join(dir, workspaceDir)}
	if _, err := os.Lstat(filepath.Join(dir, mountedFile)); err == nil {
		t.mounted = true
	}
	for _, c := range work.Changes.Items {
		t.change(c)
	}
	t.commits()
	t.copyFiles(work.Changes.Total > len(work.Changes.Items))
	return t.lines
}

type takeOver struct {
	id, project, copied string
	mounted             bool // copied is a git folder

	repos []string            // with commits, by their path
	heads map[string][]string // of each: its refs
	files []string
	lines []string
}

func (t *takeOver) say(words ...string) { t.lines = append(t.lines, strings.Join(words, " ")) }

// change sorts in what one change is about.
func (t *takeOver) change(c workspace.Change) {
	switch c.Kind {
	case workspace.Commits:
		if t.heads == nil {
			t.heads = map[string][]string{}
		}
		if t.heads[c.Path] == nil {
			t.repos = append(t.repos, c.Path)
		}
		t.heads[c.Path] = append(t.heads[c.Path], c.Detail)
	case workspace.Added, workspace.Modified, workspace.Executable:
		// A .git is no file to copy, whatever became of it.
		if !slices.Contains(strings.Split(c.Path, "/"), ".git") && c.Path != manifest.FileName {
			t.files = append(t.files, c.Path)
		}
	}
}

// commits has the fetches, each below refs/bottle/ID, where they are in nobody's
// way.
func (t *takeOver) commits() {
	for _, repo := range t.repos {
		from, to := filepath.Join(t.copied, repo, ".git"), filepath.Join(t.project, repo)
		if t.mounted { // submodules have their folders below modules, mostly by their path
			from, to = filepath.Join(t.copied, repo), filepath.Join(t.project, strings.TrimPrefix(repo, "modules/"))
		}
		if escape.Text(repo) != repo {
			t.say("# there are commits in a repository whose name cannot be shown as it is, below " + shellWord(t.copied))
			continue
		}
		if _, err := os.Lstat(filepath.Join(to, ".git")); err != nil {
			t.say("git clone --no-local", uploadPack(from)+shellWord(from), shellWord(to))
			continue
		}
		// Other branches are there too, but a guess should be a good one.
		refs := t.heads[repo]
		branch := refs[0]
		for _, ref := range refs {
			if strings.HasPrefix(ref, "refs/heads/") {
				branch = ref
				break
			}
		}
		specs := shellWord("+refs/*:refs/bottle/" + t.id + "/*")
		if slices.Contains(refs, "HEAD") { // detached
			specs += " " + shellWord("+HEAD:refs/bottle/"+t.id+"/HEAD")
		}
		t.say("git -C", shellWord(to), "fetch", uploadPack(from)+shellWord(from), specs)
		if name := strings.TrimPrefix(branch, "refs/"); escape.Word(name) == name {
			t.say("git -C", shellWord(to), "merge", shellWord("bottle/"+t.id+"/"+name))
		}
	}
}

// uploadPack is the option for the program that reads the agent's repository.
// Its config is the agent's, and git before 2.45.1 fetched objects that such a
// repository lacks by what that config says, commands among it (CVE-2024-32004):
// so no protocol is allowed. A repository of another user, that of a bottle
// which root started, is only read when the program itself is told that it may
// (safe.directory in git-config(1)): what -c says does not reach it.
func uploadPack(git string) string {
	program := "GIT_ALLOW_PROTOCOL=none git "
	if info, err := os.Stat(git); err == nil && another(info) {
		program += "-c " + shellWord("safe.directory="+real(git)) + " "
	}
	return "--upload-pack " + shellWord(program+"upload-pack") + " "
}

// another says whether a file belongs to another user.
func another(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != os.Geteuid()
}

// copyFiles has the copies of the files: a command each, or one for all where
// there are many or some whose names cannot be shown.
func (t *takeOver) copyFiles(more bool) {
	if len(t.files) == 0 {
		return
	}
	t.say("# files as they are in the bottle, committed or not, over what is there (no .git, no " + manifest.FileName + "):")
	info, err := os.Stat(t.copied)
	foreign := err == nil && another(info)
	if more || len(t.files) > maxTakenOver || slices.ContainsFunc(t.files, func(f string) bool { return escape.Text(f) != f }) {
		extract := "tar -xf - -C"
		if foreign {
			extract = "tar -xf - --no-same-owner -C"
		}
		t.say("tar -cf - -C", shellWord(t.copied), "--exclude=.git", "--exclude=./"+manifest.FileName, ".", "|", extract, shellWord(t.project))
		return
	}
	cp := "cp -a"
	if foreign {
		cp = "cp -a --no-preserve=ownership"
	}
	made := map[string]bool{}
	for _, f := range t.files {
		to := filepath.Join(t.project, f)
		if folder := filepath.Join(t.project, path.Dir(f)); !made[folder] {
			if _, err := os.Lstat(folder); err != nil {
				t.say("mkdir -p", shellWord(folder))
			}
			made[folder] = true
		}
		t.say(cp, shellWord(filepath.Join(t.copied, f)), shellWord(to))
	}
}

// shellWord quotes a word for a POSIX shell. What a terminal would not show as
// it is comes escaped, and names nothing then.
func shellWord(s string) string {
	s = escape.Text(s)
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
