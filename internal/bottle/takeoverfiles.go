package bottle

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
)

// maxTakenOver is up to how many files are named in the commands.
const maxTakenOver = 10

// files has what brings the files. Those of a repository whose commits were
// taken are compared with these first, since most of them are in there; the
// others come over what is there. more says that some are not known.
func (t *takeOver) files(more bool) {
	const text = "over what is there (no .git, no " + manifest.FileName + "):"
	var rest []string
	var repos []*agentRepo
	of := map[*agentRepo][]string{}
	for _, f := range t.changed {
		repo := t.repoOf(f)
		r := t.repo(repo)
		if r == nil || r.commit == "" {
			rest = append(rest, f)
			continue
		}
		if of[r] == nil {
			repos = append(repos, r)
		}
		if repo != "." {
			f = strings.TrimPrefix(f, repo+"/")
		}
		of[r] = append(of[r], f)
	}
	if len(repos) > 0 {
		t.say("# files as they are in the bottle, where that is not committed,", text)
	}
	for _, r := range repos {
		t.uncommitted(r, of[r], more)
	}
	if len(rest) == 0 {
		return
	}
	t.say("# files as they are in the bottle, committed or not,", text)
	if len(rest) > maxTakenOver || more || slices.ContainsFunc(rest, t.delicate) {
		var done []string
		for _, r := range repos {
			done = append(done, r.path)
		}
		t.say(t.pack(t.copied, rest, more && !slices.Contains(done, "."), done), "|", unpack(t.project))
		return
	}
	t.cp(rest)
}

// repoOf returns the innermost folder with a .git that a file is in, "." when
// there is none.
func (t *takeOver) repoOf(file string) string {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(t.copied, dir, ".git")); err == nil {
			return dir
		}
	}
	return "."
}

// uncommitted copies files out of the agent's reach, beside an index with the
// commit that the agent was at, and writes those that differ. Git never has the
// agent's copy as its work tree: it runs "git status" in submodules there, by
// the config that these have. It writes through no link that a commit brought.
func (t *takeOver) uncommitted(r *agentRepo, files []string, more bool) {
	const index = "GIT_INDEX_FILE="
	copied, tree := filepath.Join(t.copied, r.path), shellWord(t.scratch)
	t.say("rm -rf", tree, "&& mkdir", tree, "&&", t.pack(copied, files, more, nil), "|", unpack(t.scratch))
	add := "add -A -f"
	if more { // what is not known of may be ignored
		add = "add -A"
	}
	t.say("(export", index+shellWord(t.scratch+".index")+"; cd", shellWord(r.to), "&& git read-tree", r.commit,
		"&& git -c core.fsmonitor=false --work-tree="+tree, add,
		"&& git diff --cached --name-only -z --no-renames --diff-filter=d", r.commit, "| git checkout-index -f -z --stdin)")
}

// pack is the tar that reads files of a folder, or all of it but what is in the
// folders that are done. A member's folders are members too: where a link is in
// the place of one, unpacking replaces it and does not follow it.
func (t *takeOver) pack(from string, files []string, all bool, done []string) string {
	words := []string{"tar -cf - -C", shellWord(from)}
	names := members(files)
	list, err := "", error(nil)
	if !all && (len(files) > maxTakenOver || slices.ContainsFunc(files, func(f string) bool { return escape.Text(f) != f })) {
		t.lists++
		list = t.scratch + "." + strconv.Itoa(t.lists)
		err = os.WriteFile(list, []byte(strings.Join(names, "\x00")+"\x00"), 0o600)
	}
	switch {
	case all || err != nil:
		words = append(words, "--exclude=.git")
		if from == t.copied {
			words = append(words, "--exclude=./"+manifest.FileName)
		}
		for _, dir := range done {
			words = append(words, shellWord("--exclude=./"+dir))
		}
		words = append(words, ".")
	case list != "":
		words = append(words, "--no-recursion --null -T", shellWord(list))
	default:
		words = append(words, "--no-recursion")
		for _, name := range names {
			words = append(words, shellWord(name))
		}
	}
	return strings.Join(words, " ")
}

// members returns files with the folders that they are in, each once. None is
// taken for an option, whatever its name.
func members(files []string) (names []string) {
	seen := map[string]bool{}
	for _, f := range files {
		at := "."
		for part := range strings.SplitSeq(f, "/") {
			if at += "/" + part; !seen[at] {
				seen[at] = true
				names = append(names, at)
			}
		}
	}
	return names
}

// unpack is the tar that writes. What it writes belongs to who runs it.
func unpack(to string) string { return "tar -xf - --no-same-owner -C " + shellWord(to) }

// delicate reports whether cp is no way to bring a file: its name cannot be
// shown, or cp would write through a link, which may lead anywhere.
func (t *takeOver) delicate(file string) bool {
	if len(t.repos) > 0 || escape.Text(file) != file { // commits may bring links
		return true
	}
	for at := file; at != "."; at = path.Dir(at) {
		if info, err := os.Lstat(filepath.Join(t.project, at)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// cp copies file by file.
func (t *takeOver) cp(files []string) {
	cp := "cp -a"
	if info, err := os.Stat(t.copied); err == nil && another(info) {
		cp = "cp -a --no-preserve=ownership"
	}
	made := map[string]bool{}
	for _, f := range files {
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
