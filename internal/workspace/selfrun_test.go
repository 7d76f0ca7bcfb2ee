package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a program of the host would run by itself waits until the person has named it.
func TestPullHoldsWhatRunsByItself(t *testing.T) {
	const scripts, evil = `{"name":"a","scripts":{"test":"x"}}`, `{"name":"a","scripts":{"test":"x","postinstall":"evil"}}`
	for _, test := range []struct {
		name, path, host, agent string
		held                    bool
	}{
		{"a folder's environment", "sub/.envrc", "", "evil", true},
		{"an editor's tasks", ".vscode/tasks.json", "{}", "evil", true},
		{"an editor's tasks in another spelling", "sub/.VSCode/tasks.json", "", "evil", true},
		{"another editor's", ".idea/x.xml", "", "evil", true},
		{"hooks of an agent", ".claude/settings.json", "", "evil", true},
		{"programs of another agent", ".codex/config.toml", "", "evil", true},
		{"programs for agents", "sub/.mcp.json", "", "{}", true},
		{"a build when npm installs", "binding.gyp", "", "{}", true},
		{"mise's tools", "mise.toml", "", "evil", true},
		{"mise's hooks in a folder", ".config/mise/config.toml", "", "evil", true},
		{"asdf's tools", ".tool-versions", "", "evil", true},
		{"a development container", ".devcontainer/devcontainer.json", "", "evil", true},
		{"one of a single file", ".devcontainer.json", "", "evil", true},
		{"Zed's tasks", ".zed/tasks.json", "", "evil", true},
		{"vim's commands", "sub/.exrc", "", "evil", true},
		{"Cursor's servers", ".cursor/mcp.json", "", "evil", true},
		{"Cursor's rules", ".cursor/rules/a.mdc", "", "evil", true},
		{"settings of Gemini", ".gemini/settings.json", "", "evil", true},
		{"plugins of opencode", ".opencode/plugin/a.js", "", "evil", true},
		{"opencode's file", "opencode.json", "", "evil", true},
		{"Aider's tests", ".aider.conf.yml", "", "evil", true},
		{"hooks of lefthook", "lefthook.yml", "", "evil", true},
		{"hooks of pre-commit", ".pre-commit-config.yaml", "", "evil", true},
		{"hooks in a folder", ".githooks/pre-commit", "", "evil", true},
		{"cargo's runner", ".cargo/config.toml", "", "evil", true},
		{"cargo's runner of old", "sub/.cargo/config", "", "evil", true},
		{"pnpm's hooks", ".pnpmfile.cjs", "", "evil", true},
		{"yarn's settings", ".yarnrc.yml", "", "evil", true},
		{"yarn itself", ".yarn/releases/yarn-4.cjs", "", "evil", true},
		{"yarn's plugins", ".yarn/plugins/a.cjs", "", "evil", true},
		{"Mercurial's hooks", ".hg/hgrc", "", "evil", true},
		{"Bun's preload", "bunfig.toml", "", "evil", true},
		{"yarn's cache", ".yarn/cache/a.zip", "", "x", false},
		{"another file of cargo's", ".cargo/audit.toml", "", "x", false},
		{"another config", ".config/other/mise.x", "", "x", false},
		{"a build script of Python's", "setup.py", "", "x", false},
		{"Python's sitecustomize", "sitecustomize.py", "", "x", false},
		{"registries and programs of npm", ".npmrc", "a", "b", true},
		{"a new script", "package.json", scripts, evil, true},
		{"a script in a new package", "p/package.json", "", scripts, true},
		{"a new script, and none in another spelling", "package.json", scripts, evil[:len(evil)-1] + `,"Scripts":null}`, true},
		{"a new script, and the old ones in another spelling", "package.json", scripts, `{"scripts":{"test":"evil"},"SCRIPTS":{"test":"x"}}`, true},
		{"another package manager", "package.json", scripts, scripts[:len(scripts)-1] + `,"packageManager":"x@1"}`, true},
		{"a package that is no JSON", "package.json", scripts, "{", true},
		{"a package that is a link", "package.json", scripts, "@other.json", true},
		{"another version, and the same scripts", "package.json", scripts, `{"scripts":{"test":"x"},"version":"2"}`, false},
		{"a new package without scripts", "p/package.json", "", `{"name":"p"}`, false},
		{"a filter", ".gitattributes", "*.c text\n", "*.c text filter=evil\n", true},
		{"a diff driver", "d/.gitattributes", "", "*.c diff=evil\n", true},
		{"attributes without drivers", ".gitattributes", "*.c text\n", "*.c text\n*.h text\n", false},
		{"a Makefile", "Makefile", "a:\n", "b:\n", false},
		{"what is only called alike", "docs/envrc", "", "x", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := files{"a": "1", "other.json": evil}
			if test.host != "" {
				start[test.path] = test.host
			}
			dir := newRepo(t, start)
			c := copyOf(t, dir)
			must(t, os.RemoveAll(filepath.Join(c.target, test.path)))
			write(t, c.target, files{test.path: test.agent})
			before := files{test.path: "-"}
			if test.host != "" {
				before[test.path] = test.host
			}
			for _, change := range []func(*PullOptions){dry, func(o *PullOptions) { o.Force = true }} {
				out := pull(t, c, change)
				if held := out.Left.Total == 1; held != test.held || held && (out.Lost() != 1 || !strings.Contains(out.Left.Items[0].Reason, "--accept "+test.path)) {
					t.Fatalf("the pull says %q %+v", said(out), out.Left.Items)
				}
			}
			if !test.held {
				return
			}
			has(t, dir, before)
			out := pull(t, c, func(o *PullOptions) { o.Accept = []string{test.path + "x", "su"} })
			if has(t, dir, before); out.Left.Total != 1 {
				t.Errorf("another path accepts it: %q", said(out))
			}
			out = pull(t, c, func(o *PullOptions) { o.Accept = []string{strings.Split(test.path, "/")[0] + "/"} })
			if has(t, dir, files{test.path: test.agent}); out.None() || out.Left.Total != 0 {
				t.Errorf("what was accepted is not taken: %q", said(out))
			}
			if out = pull(t, c, dry); !out.None() {
				t.Errorf("and then there is more: %q", said(out))
			}
		})
	}
}

// A file becomes a hook by its mode alone, and a link of the host gives what runs by itself
// another name.
func TestPullHoldsWhatRunsByItsModeOrByALink(t *testing.T) {
	dir := newRepo(t, files{".githooks/pre-commit": "x", "run.sh": "x", ".vscode": "@cfg/code", "cfg/code/tasks.json": "{}", "cfg/other": "1", "sub/.idea": "@../ide", "ide/a.xml": "1", "ide2": "1"})
	c := copyOf(t, dir)
	must(t, os.Chmod(filepath.Join(c.target, ".githooks/pre-commit"), 0o755))
	must(t, os.Chmod(filepath.Join(c.target, "run.sh"), 0o755))
	write(t, c.target, files{"cfg/code/tasks.json": "evil", "cfg/other": "2", "ide/b.xml": "evil", "ide2": "2"})
	out := pull(t, c)
	var held []string
	for _, i := range out.Left.Items {
		held = append(held, i.Path)
	}
	slices.Sort(held)
	if !slices.Equal(held, []string{".githooks/pre-commit", "cfg/code/tasks.json", "ide/b.xml"}) {
		t.Errorf("held: %q", held)
	}
	has(t, dir, files{"cfg/code/tasks.json": "{}", "cfg/other": "2", "ide/b.xml": "-", "ide2": "2"})
	for name, want := range map[string]os.FileMode{".githooks/pre-commit": 0, "run.sh": 0o111} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o111 != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	out = pull(t, c, func(o *PullOptions) { o.Accept = held })
	if has(t, dir, files{"cfg/code/tasks.json": "evil", "ide/b.xml": "evil"}); out.Left.Total != 0 {
		t.Errorf("what was accepted is not taken: %q", said(out))
	}
}

func TestRemovingWhatRunsByItselfIsTaken(t *testing.T) {
	dir := newRepo(t, files{".envrc": "x", "package.json": `{"scripts":{"a":"b"}}`})
	c := copyOf(t, dir)
	must(t, os.Remove(filepath.Join(c.target, ".envrc")))
	must(t, os.Remove(filepath.Join(c.target, "package.json")))
	if out := pull(t, c); out.Left.Total != 0 {
		t.Errorf("left: %q", said(out))
	}
	has(t, dir, files{".envrc": "-", "package.json": "-"})
}

// Commits that bring such files are named before the command that merges them.
func TestPullNamesWhatRunsByItselfInCommits(t *testing.T) {
	dir := newRepo(t, files{"a": "1", "package.json": `{"scripts":{"a":"b"}}`, "same/package.json": `{"scripts":{"a":"b"}}`})
	c := copyOf(t, dir)
	write(t, c.target, files{"sub/.envrc": "x", ".vscode/tasks.json": "{}", "b": "2", "package.json": `{"scripts":{"a":"c"}}`, "same/package.json": `{"scripts":{"a":"b"},"version":"2"}`,
		"d/.gitattributes": "* filter=x\n", "e/.gitattributes": "* text\n", "f/package.json": "@../b"})
	git(t, c.target, "add", "-A")
	git(t, c.target, "commit", "-qm", "work")
	out := pull(t, c)
	if len(out.Heads) != 1 || !slices.Equal(out.Heads[0].Held, []string{".vscode", "d/.gitattributes", "f/package.json", "package.json", "sub/.envrc"}) {
		t.Errorf("heads: %+v", out.Heads)
	}
}

func TestAKilledPullLeavesNothingBeyondTheNext(t *testing.T) {
	dir := newRepo(t, files{"sub/a": "1"})
	c := copyOf(t, dir)
	write(t, c.target, files{"sub/b": "2"})
	left := partName("b1", strings.Repeat("A", 26))
	mine := []string{".bottle-b1.part", partName("b2", strings.Repeat("A", 26)), partName("b1", "short"), "x" + left}
	for _, name := range append(mine, left) {
		write(t, dir, files{"sub/" + name: "half"})
	}
	must(t, os.WriteFile(c.base+pullMark, nil, 0o600)) // which a pull that ends removes
	pull(t, c)
	want := files{"sub/" + left: "-", "sub/b": "2"}
	for _, name := range mine {
		want["sub/"+name] = "half"
	}
	has(t, dir, want)
	if _, err := os.Lstat(c.base + pullMark); err == nil {
		t.Error("the next pull takes this one for a killed one")
	}
}

// What is run of a mounted folder is told from what was.
func TestFindGitKnowsWhatRunsByItself(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, files{"a": "1", ".envrc": "1", "package.json": `{"scripts":{"a":"b"}}`, "same/package.json": `{"scripts":{"a":"b"}}`, "node_modules/x/package.json": `{"scripts":{"a":"b"}}`})
	before, _, err := FindGit(t.Context(), dir)
	must(t, err)
	write(t, dir, files{"a": "2", ".envrc": "2", "package.json": `{"scripts":{"a":"c"}}`, "same/package.json": `{"scripts":{"a":"b"},"version":"2"}`,
		".vscode/tasks.json": "{}", "d/.gitattributes": "* filter=x\n", "e/.gitattributes": "* text\n", "node_modules/y/package.json": `{"scripts":{"a":"b"}}`})
	now, _, err := FindGit(t.Context(), dir)
	must(t, err)
	var changed []string
	for name := range now {
		if now[name] != before[name] {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	if want := []string{".envrc", ".vscode/tasks.json", "d/.gitattributes", "package.json"}; !slices.Equal(changed, want) {
		t.Errorf("changed: %q", changed)
	}
}
