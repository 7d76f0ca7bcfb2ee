package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// workflows is what a repository has that CI is run by.
const workflow = ".github/workflows/ci.yml"

func TestCommitsDoNotChangeWhatIsDenied(t *testing.T) {
	rules := Rules{Create: open.Create, Update: open.Update}
	w := newWorld(t)
	w.commit("first", workflow, "on: push\n", ".github/workflows/old.yml", "x\n", "src/a.go", "package a\n", "secrets/x", "y\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")
	for _, c := range []struct {
		name  string
		ok    bool
		files []string
	}{
		{"another file", true, []string{"src/a.go", "package b\n"}},
		{"a file beside", true, []string{".github/dependabot.yml", "x\n"}},
		{"the folder itself is the same", true, []string{".github/CODEOWNERS", "me\n", "src/b.go", "package a\n"}},
		{"a workflow is changed", false, []string{workflow, "on: pull_request_target\n"}},
		{"a workflow is added", false, []string{".github/workflows/new.yml", "x\n"}},
		{"a workflow is removed", false, []string{workflow, ""}},
		{"a workflow becomes a link", false, []string{workflow, "-> old.yml"}},
		{"a workflow lies deeper", false, []string{".github/workflows/a/b.yml", "x\n"}},
		{"in capitals", false, []string{".GitHub/Workflows/new.yml", "x\n"}},
		{"a workflow becomes one that the server has elsewhere", false, []string{workflow, "y\n"}},
	} {
		w.git("checkout", "-q", "-B", "work", base)
		w.commit(c.name, c.files...)
		r := w.decide(rules, "HEAD:refs/heads/work")
		if c.ok {
			allowed(t, c.name, r)
			continue
		}
		refused(t, c.name, r, RuleFiles, "this path may not be changed")
		if want := w.git("rev-parse", "--short=12", "HEAD") + ":.git"; r != nil && !strings.Contains(strings.ToLower(strings.Join(r.Lines, "\n")), want) {
			t.Errorf("%s: no %s in %q", c.name, want, r.Lines)
		}
	}
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("removed", workflow, "", ".github/workflows/old.yml", "")
	refused(t, "the whole folder is removed", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("there", workflow, "evil\n")
	w.git("revert", "--no-edit", "HEAD")
	refused(t, "a change that is taken back", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "may not be changed")
	allowed(t, "the same where nothing is denied", w.decide(open, "HEAD:refs/heads/work"))
}

// In a long push whose trees have no such name, most commits are not compared. What
// lies between it and what the server has always is.
func TestCommitsInALongPushDoNotChangeWhatIsDenied(t *testing.T) {
	rules := Rules{Create: open.Create, Update: open.Update}
	w := newWorld(t)
	w.commit("plain", "src/a.go", "package a\n")
	w.upload("HEAD:refs/heads/plain")
	plain := w.git("rev-parse", "HEAD")
	with := w.commit("with", workflow, "on: push\n")
	w.upload("HEAD:refs/heads/main")
	more := func() {
		for i := range remembered + 4 {
			w.commit("more", "src/b.go", strings.Repeat("x", 1+i))
		}
	}
	w.git("checkout", "-q", "-B", "work", plain)
	more()
	allowed(t, "nothing of it", w.decide(rules, "HEAD:refs/heads/work"))

	w.git("checkout", "-q", "-B", "work", with)
	w.commit("removed", workflow, "")
	more()
	refused(t, "removed by the first", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")

	w.git("checkout", "-q", "-B", "work", plain)
	w.commit("first", "src/c.go", "package a\n")
	w.git("read-tree", "-u", "--reset", with) // a tree that does not come with the push
	w.commit("the tree of another branch")
	w.git("rm", "-q", workflow)
	w.commit("and not")
	more()
	refused(t, "a tree of the server's", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")

	w.git("checkout", "-q", "-B", "work", plain)
	w.commit("first", "src/c.go", "package a\n")
	w.commit("there", workflow, "evil\n")
	w.git("rm", "-q", workflow)
	w.commit("and not")
	more()
	refused(t, "in the middle", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
}

func TestNoLinkStandsForAFolderThatIsDenied(t *testing.T) {
	rules := Rules{Create: open.Create, Files: Files{Deny: []string{".github/workflows/**", "**/secret/x"}}}
	w := newWorld(t)
	w.commit("first", "ci/workflows/ci.yml", "1\n")
	allowed(t, "another folder", w.decide(rules, "HEAD:refs/heads/main"))
	w.commit("a link", "other", "-> ci")
	allowed(t, "a link elsewhere", w.decide(rules, "HEAD:refs/heads/main"))
	w.commit("a link", ".GitHub", "-> ci")
	refused(t, "a link", w.decide(rules, "HEAD:refs/heads/main"), RuleFiles, "no link may stand")
}

func TestAPathIsShownWithoutCommandsToATerminal(t *testing.T) {
	w := newWorld(t)
	w.commit("first", ".github/workflows/\x1b[2Ja\nb.yml", "1\n")
	refused(t, "a first commit", w.decide(Rules{Create: open.Create}, "HEAD:refs/heads/main"), RuleFiles, ".github/workflows/?[2Ja?b.yml")
}

func TestAnOldVersionOfWhatIsDeniedIsAChange(t *testing.T) {
	rules := Rules{Create: open.Create, Update: open.Update}
	w := newWorld(t)
	old := w.commit("first", workflow, "on: pull_request_target\n")
	w.commit("second", workflow, "on: push\n", "a", "1\n")
	w.upload("HEAD:refs/heads/main")
	w.git("checkout", "-q", old, "--", ".github")
	w.commit("the old one again")
	refused(t, "an old workflow", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
	w.git("reset", "-q", "--hard", "HEAD~")
	w.git("mv", ".github/workflows", "elsewhere")
	w.commit("moved away")
	w.upload("HEAD:refs/heads/main")
	w.git("mv", "elsewhere", ".github/workflows")
	w.commit("moved to its place, of which no object is new")
	refused(t, "a folder that the server has elsewhere", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
}

func TestAMergeChangesWhatNoParentHas(t *testing.T) {
	rules := Rules{Create: open.Create, Update: open.Update}
	w := newWorld(t)
	w.commit("first", workflow, "1\n", "a", "1\n")
	w.git("checkout", "-q", "-b", "work")
	w.commit("mine", "b", "1\n")
	w.git("checkout", "-q", "main")
	w.commit("theirs", workflow, "2\n")
	w.upload("main:refs/heads/main")
	w.git("checkout", "-q", "work")
	w.git("merge", "-q", "--no-edit", "main")
	allowed(t, "a merge of what the server has", w.decide(rules, "HEAD:refs/heads/work"))
	w.write(workflow, "3\n")
	w.git("commit", "-q", "-a", "--amend", "--no-edit")
	refused(t, "a merge that changes more", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
}

func TestAFirstCommitAddsAllOfItsFiles(t *testing.T) {
	w := newWorld(t)
	w.commit("first", workflow, "1\n")
	refused(t, "a first commit", w.decide(Rules{Create: open.Create}, "HEAD:refs/heads/main"), RuleFiles, "ci.yml")
	if len(w.asked) > 0 {
		t.Errorf("the server was asked %+v", w.asked)
	}
}

func TestLinksStayInTheTree(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "d/old", "-> /etc/passwd", "x", "1\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")
	for _, c := range []struct {
		path, target string
		ok           bool
	}{
		{"l", "-> x", true},
		{"d/l", "-> ../x", true},
		{"d/e/l", "-> ../../x", true},
		{"d/l", "-> ./e/f", true},
		{"l", "-> ../x", false},
		{"d/l", "-> ../../x", false},
		{"d/l", "-> e/../../../x", false},
		{"d/e/l", "-> m/../x", false}, // m may be a link itself
		{"l", "-> /etc/passwd", false},
		{"l", `-> \\host\x`, false},
		{"l", "-> C:/x", false},
		{"l", "-> .git/hooks", false},
		{"d/l", "-> ../.GIT/config", false},
	} {
		w.git("checkout", "-q", "-B", "work", base)
		w.commit("a link", c.path, c.target)
		if r := w.decide(open, "HEAD:refs/heads/work"); c.ok {
			allowed(t, c.path+" "+c.target, r)
		} else {
			refused(t, c.path+" "+c.target, r, RuleFiles, "a symbolic link")
		}
	}
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("beside an old link", "d/a", "1\n")
	allowed(t, "a link that the server has", w.decide(open, "HEAD:refs/heads/work"))
	w.git("mv", "d/old", "d/new")
	w.commit("the old link under a new name")
	refused(t, "a link under a new name", w.decide(open, "HEAD:refs/heads/work"), RuleFiles, "d/new")
}

func TestSubmodulesComeFromWhereTheyMay(t *testing.T) {
	rules := open
	rules.Files.Submodule = func(url string) bool { return slices.Contains([]string{"https://example.com/a", "../b"}, url) }
	w := newWorld(t)
	w.commit("first", "x", "1\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"allowed":                   {"[submodule \"a\"]\n\tpath = a\n\turl = https://example.com/a\n", true},
		"two":                       {"# ours\n[submodule \"a\"]\n\tpath = a\n\turl = https://example.com/a\n[submodule \"b\"]\n\tpath=b\n\turl=../b\n\tbranch = x\n", true},
		"elsewhere":                 {"[submodule \"a\"]\n\tpath = a\n\turl = https://evil.example/a\n", false},
		"one of two":                {"[submodule \"a\"]\n\turl = https://example.com/a\n[submodule \"b\"]\n\turl = https://evil.example/a\n", false},
		"a command":                 {"[submodule \"a\"]\n\turl = https://example.com/a\n\tupdate = !touch x\n", false},
		"an option":                 {"[submodule \"a\"]\n\turl = -u./x\n", false},
		"a path that is an option":  {"[submodule \"a\"]\n\tpath = -a\n\turl = https://example.com/a\n", false},
		"a line that goes on":       {"[submodule \"a\"]\n\turl = https://example.com/a\\\n", false},
		"quotes":                    {"[submodule \"a\"]\n\turl = \"https://example.com/a\"\n", false},
		"another section":           {"[core]\n\turl = https://example.com/a\n", false},
		"a section of the old form": {"[submodule.a]\n\turl = https://example.com/a\n", false},
		"a name that leads out":     {"[submodule \"../../x\"]\n\turl = https://example.com/a\n", false},
		"a key before all sections": {"url = https://example.com/a\n", false},
		"a key behind its section":  {"[submodule \"a\"] url = https://evil.example/a\n", false},
		"an include":                {"[include]\n\tpath = x\n", false},
	} {
		w.git("checkout", "-q", "-B", "work", base)
		w.commit(name, ".gitmodules", c.text)
		if r := w.decide(rules, "HEAD:refs/heads/work"); c.ok {
			allowed(t, name, r)
		} else {
			refused(t, name, r, RuleFiles, ".gitmodules")
		}
	}
	w.git("checkout", "-q", "-B", "work", base)
	blob := w.git("rev-parse", "HEAD:x")
	tree := strings.TrimSpace(w.run(w.client, strings.NewReader("120000 blob "+blob+"\t.gitmodules\n"), "mktree")) // git add refuses it
	link := w.git("commit-tree", "-m", "a link", "-p", base, tree)
	refused(t, "a link", w.decide(rules, link+":refs/heads/work"), RuleFiles, ".gitmodules must be a file")
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("in capitals", ".GitModules", "[submodule \"a\"]\n\turl = https://evil.example/a\n")
	refused(t, "in capitals", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, ".GitModules")
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("as NTFS calls it", "GITMOD~1", "[submodule \"a\"]\n\turl = https://evil.example/a\n")
	refused(t, "as NTFS calls it", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "GITMOD~1")
	w.git("checkout", "-q", "-B", "work", base)
	w.commit("without a rule", ".gitmodules", "[submodule \"a\"]\n\turl = https://example.com/a\n")
	refused(t, "where none is allowed", w.decide(open, "HEAD:refs/heads/work"), RuleFiles, "URL of a submodule")
}

func TestCommitsAreByWhoTheyMustBe(t *testing.T) {
	rules := open
	rules.Author = Author{Name: "Agent", Email: "agent@example.com"}
	w := newWorld(t)
	w.git("-c", "user.name=x", "commit", "-q", "--allow-empty", "-m", "first")
	allowed(t, "the agent's", w.decide(rules, "HEAD:refs/heads/work"))
	w.git("commit", "-q", "--allow-empty", "-m", "second", "--author=Other <other@example.com>")
	w.git("commit", "-q", "--allow-empty", "-m", "third")
	r := w.decide(rules, "HEAD:refs/heads/work")
	refused(t, "another author in the middle", r, RuleAuthor, "its author")
	if r != nil && (len(r.Places) != 1 || r.Places[0].Commit.String() != w.git("rev-parse", "HEAD~")) {
		t.Errorf("it is %v", r.Places)
	}
	rules.Author = Author{Email: "elsewhere@example.com"}
	refused(t, "another address", w.decide(rules, "HEAD:refs/heads/work"), RuleAuthor, "elsewhere@example.com")
	w.upload("HEAD:refs/heads/main")
	rules.Author = Author{SignedOff: true}
	w.git("commit", "-q", "--allow-empty", "-s", "-m", "signed")
	allowed(t, "one that is signed off", w.decide(rules, "HEAD:refs/heads/work"))
	w.git("commit", "-q", "--allow-empty", "-m", "Signed-off-by: Agent <agent@example.com>\n\nand more")
	refused(t, "a line that is not at the end", w.decide(rules, "HEAD:refs/heads/work"), RuleAuthor, "signed it off")
}

// A folder that is moved brings its links along. Git does not send what the server
// has, so that no tree of such a push has a link in it.
func TestALinkIsMovedWithItsFolder(t *testing.T) {
	w := newWorld(t)
	w.commit("deep", "a/b/c/link", "-> ../../../x", "a/b/d/file", "1\n", "x", "1\n")
	w.upload("HEAD:refs/heads/main")
	base := w.git("rev-parse", "HEAD")
	for _, rules := range []Rules{open, {Create: open.Create, Update: open.Update}} {
		w.git("checkout", "-q", "-B", "work", base)
		w.git("mv", "a/b/c", "c")
		w.commit("out of the repository")
		refused(t, "a link moved up with its folder", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "c/link")
		w.git("checkout", "-q", "-B", "work", base)
		w.git("mv", "a/b", "y")
		w.commit("moved up by one")
		refused(t, "a link moved up with a folder above", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "y/c/link")
		w.git("checkout", "-q", "-B", "work", base)
		w.git("mv", "a", "z")
		w.commit("at the same depth")
		allowed(t, "a link moved beside", w.decide(rules, "HEAD:refs/heads/work"))
		w.git("checkout", "-q", "-B", "work", base)
		w.git("mv", "a/b/d", "d")
		w.commit("without a link")
		allowed(t, "a folder without a link", w.decide(rules, "HEAD:refs/heads/work"))
	}
}

// A push that changes many folders, of which the decision on the one before kept
// none, asks for what it builds on at once.
func TestManyFoldersAreAskedForAtOnce(t *testing.T) {
	w := newWorld(t)
	files := func(text string) (list []string) {
		for i := range maxFetches + 8 {
			list = append(list, fmt.Sprintf("d%d/file", i), fmt.Sprint(text, i))
		}
		return list
	}
	w.commit("first", append(files("1 "), "link", "-> x")...)
	w.upload("HEAD:refs/heads/main")
	p, err := New(open)
	if err != nil {
		t.Fatal(err)
	}
	w.commit("second", "x", "1\n")
	allowed(t, "a file", w.decideBy(p, "HEAD:refs/heads/work"))
	w.upload("HEAD:refs/heads/work")
	w.commit("third", files("2 ")...)
	allowed(t, "many files", w.decideBy(p, "HEAD:refs/heads/work"))
	if len(w.asked) > maxFolders+1 {
		t.Errorf("the server was asked %d times", len(w.asked))
	}
}
