package bottle

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/shellword"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
)

// TakeOver returns the shell commands that bring work of a bottle that Unpulled
// found into the workspace on the host, with what the person may want to know as
// comments. dir is the folder of the bottle's state.
//
// Only git fetch is run on what the agent left: it runs no hook and no program
// that a config there names. A .git is never copied, for the same reason, and
// neither is the manifest.
func TakeOver(r state.Bottle, dir string, work workspace.Work) []string {
	t := takeOver{id: r.ID, project: r.Workspace, copied: filepath.Join(dir, workspaceDir), scratch: filepath.Join(dir, "takeover")}
	if _, err := os.Lstat(filepath.Join(dir, mountedFile)); err == nil {
		t.mounted = true
	}
	for _, c := range work.Changes.Items {
		t.change(c)
	}
	t.commits()
	t.files(work.Changes.Total > len(work.Changes.Items))
	if slices.ContainsFunc(work.Changes.Items, func(c workspace.Change) bool { return c.Kind == workspace.InHome }) {
		t.say("# its home is " + shellWord(filepath.Join(dir, homeDir)) + ": copy what you want of it")
	}
	return t.lines
}

type takeOver struct {
	id, project, copied string
	scratch             string // a folder for the commands; with a suffix, files
	mounted             bool   // copied is a git folder

	lists   int          // files beside scratch that name files
	repos   []*agentRepo // with commits
	changed []string     // files
	lines   []string
}

// agentRepo is a repository of the agent with commits that the host lacks.
type agentRepo struct {
	path     string   // as the change has it
	from, to string   // its git folder, and the host's work tree
	refs     []string // that moved
	// What its work tree has stands in the host's git as this commit, once the
	// commands that were said so far have run; "" where that cannot be told.
	commit string
}

func (t *takeOver) say(words ...string) { t.lines = append(t.lines, strings.Join(words, " ")) }

// change sorts in what one change is about.
func (t *takeOver) change(c workspace.Change) {
	switch c.Kind {
	case workspace.Commits:
		r := t.repo(c.Path)
		if r == nil {
			r = &agentRepo{path: c.Path, from: filepath.Join(t.copied, c.Path, ".git"), to: filepath.Join(t.project, c.Path)}
			if t.mounted { // submodules have their folders below modules, mostly by their path
				r.from, r.to = filepath.Join(t.copied, c.Path), filepath.Join(t.project, strings.TrimPrefix(c.Path, "modules/"))
			}
			t.repos = append(t.repos, r)
		}
		if !slices.Contains(r.refs, c.Detail) { // a ref may be loose and packed
			r.refs = append(r.refs, c.Detail)
		}
	case workspace.Added, workspace.Modified, workspace.Executable:
		// A .git is no file to copy, whatever became of it.
		if !slices.Contains(strings.Split(c.Path, "/"), ".git") && c.Path != manifest.FileName {
			t.changed = append(t.changed, c.Path)
		}
	}
}

// repo returns the repository with a path, nil for one without commits.
func (t *takeOver) repo(path string) *agentRepo {
	if i := slices.IndexFunc(t.repos, func(r *agentRepo) bool { return r.path == path }); i >= 0 {
		return t.repos[i]
	}
	return nil
}

// commits has the fetches, each below refs/bottle/ID, where they are in nobody's
// way, and what takes them from there.
func (t *takeOver) commits() {
	merges := false
	for _, r := range t.repos {
		if escape.Text(r.path) != r.path {
			t.say("# there are commits in a repository whose name cannot be shown as it is, below " + shellWord(t.copied))
			continue
		}
		branch, at := r.branch(t.copied)
		came := "refs/bottle/" + t.id
		if isGit(filepath.Join(r.to, ".git")) {
			t.fetch(r)
			merges = t.take(r, branch, at) || merges
		} else if entries, err := os.ReadDir(r.to); err == nil && len(entries) > 0 {
			t.found(r, branch)
		} else {
			t.say("git clone --no-local", uploadPack(r.from), shellWord(r.from), shellWord(r.to))
			r.commit, came = "HEAD", ""
		}
		if len(r.refs) > 1 || branch == "" {
			t.say(strings.TrimSpace("# all branches and tags that came: git -C " + shellWord(r.to) + " for-each-ref " + came))
		}
	}
	if merges {
		t.say("# where a merge is refused because of files that you have not committed: git stash -u first; the stash keeps what you had")
	}
}

// fetch brings all refs but those that are no work: what the host's own fetches
// move, and what came out of bottles before. Tags do not go among the host's
// own, and submodules have a fetch of theirs here.
func (t *takeOver) fetch(r *agentRepo) {
	words := []string{"git -C", shellWord(r.to), "fetch --no-tags --no-recurse-submodules", uploadPack(r.from), shellWord(r.from),
		shellWord("+refs/*:refs/bottle/" + t.id + "/*"), shellWord("^refs/bottle/*"), shellWord("^refs/remotes/*")}
	if slices.Contains(r.refs, "HEAD") { // detached
		words = append(words, shellWord("+HEAD:"+t.fetched("HEAD")))
	}
	t.say(words...)
}

// fetched is where a fetched ref is.
func (t *takeOver) fetched(ref string) string {
	return "refs/bottle/" + t.id + "/" + strings.TrimPrefix(ref, "refs/")
}

// take has what takes a branch that was fetched, and reports whether that is a
// merge. at says that the agent's work tree is at that branch.
func (t *takeOver) take(r *agentRepo, branch string, at bool) (merge bool) {
	if branch == "" {
		return false
	}
	git, name := "git -C "+shellWord(r.to), shellWord(strings.TrimPrefix(t.fetched(branch), "refs/"))
	if !t.mounted || !at {
		t.say(git, "merge", name)
		if at {
			r.commit = name
		}
		return true
	}
	// Git refuses to merge what adds files that are there.
	t.say("# its files are in your folder already; where your branch has no commits of its own since, this moves it to the agent's:")
	t.say(git, "merge-base --is-ancestor HEAD", name, "&&", git, "reset", name)
	t.say("# where it has, that does nothing; then:", git, "add -A &&", git, "stash &&", git, "merge", name, "&&", git, "stash pop")
	return false
}

// found makes a repository in a folder that had none. Its files stay as they are
// until the copies.
func (t *takeOver) found(r *agentRepo, branch string) {
	git := "git -C " + shellWord(r.to)
	t.say(git, "init -q")
	t.fetch(r)
	if branch == "" {
		return
	}
	if strings.HasPrefix(branch, "refs/heads/") {
		t.say(git, "symbolic-ref HEAD", shellWord(branch))
	}
	t.say(git, "reset -q", shellWord(strings.TrimPrefix(t.fetched(branch), "refs/")))
}

// branch returns the ref with commits that a person most likely wants, and
// whether the agent's work tree is at it. It is empty when there is none that can
// be named.
func (r *agentRepo) branch(copied string) (ref string, at bool) {
	plain := func(ref string) bool { return escape.Word(ref) == ref }
	if head := headOf(copied, r.from); slices.Contains(r.refs, head) && plain(head) {
		return head, true
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		for _, ref := range r.refs {
			if strings.HasPrefix(ref, prefix) && plain(ref) {
				return ref, false
			}
		}
	}
	return "", false
}

// maxHead bounds the file that is read of the agent's.
const maxHead = 4 << 10

// headOf returns the ref that HEAD of a git folder names, "HEAD" when it is
// detached, and "" when that cannot be told. The folder is the agent's: nothing
// outside of the copy is opened, and nothing that could block.
func headOf(copied, git string) string {
	root, err := os.OpenRoot(copied)
	if err != nil {
		return ""
	}
	defer root.Close()
	rel, err := filepath.Rel(copied, filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	f, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	buf := make([]byte, maxHead)
	n, _ := f.Read(buf)
	text := strings.TrimSpace(string(buf[:n]))
	if ref, ok := strings.CutPrefix(text, "ref:"); ok {
		return strings.TrimSpace(ref)
	}
	return "HEAD"
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
	return "--upload-pack " + shellWord(program+"upload-pack")
}

// another says whether a file belongs to another user.
func another(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != os.Geteuid()
}

// shellWord quotes a word for a POSIX shell. What a terminal would not show as
// it is comes escaped, and names nothing then.
func shellWord(s string) string { return shellword.Word(escape.Text(s)) }
