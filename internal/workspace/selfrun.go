package workspace

import (
	"cmp"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
)

// selfRun are files, and folders with all in them, that a program of the host runs or
// is configured by as soon as a person works in their folder; a name with a slash is one
// in a folder of the other. What is run only when somebody calls for it (a Makefile, tests,
// a build script of a package) is not among them, nor is sitecustomize.py, which Python
// takes from no project's folder.
var selfRun = map[string]string{
	".envrc": "direnv runs it", ".mise.toml": mise, ".mise.local.toml": mise, "mise.toml": mise, "mise.local.toml": mise, ".mise": mise, ".config/mise": mise, ".config/mise.toml": mise, ".tool-versions": "mise and asdf install by it",
	".vscode": editor, ".idea": editor, ".zed": editor, ".devcontainer": editor, ".devcontainer.json": editor, ".exrc": editor, ".nvim.lua": editor, ".nvimrc": editor, ".dir-locals.el": editor,
	".claude": "Claude Code runs hooks and programs of it", ".codex": "Codex runs programs of it", ".cursor": "Cursor runs programs of it", ".gemini": "Gemini CLI runs programs of it",
	".opencode": "opencode runs programs of it", "opencode.json": "opencode runs programs of it", "opencode.jsonc": "opencode runs programs of it", ".aider.conf.yml": "Aider runs programs of it",
	".continue": agents, ".windsurf": agents, ".roo": agents, ".kiro": agents, ".amazonq": agents, ".qwen": agents, ".crush.json": agents, "crush.json": agents, ".mcp.json": agents,
	".husky": hooks, ".githooks": hooks, ".pre-commit-config.yaml": hooks, ".hg": "Mercurial runs what its configuration names",
	"lefthook.yml": hooks, "lefthook.yaml": hooks, "lefthook.toml": hooks, "lefthook.json": hooks, ".lefthook.yml": hooks, ".lefthook.yaml": hooks, ".lefthook.toml": hooks, ".lefthook.json": hooks,
	"lefthook-local.yml": hooks, "lefthook-local.yaml": hooks, ".lefthook-local.yml": hooks, ".lefthook": hooks, ".lefthook-local": hooks, ".config/lefthook.yml": hooks,
	"binding.gyp": "npm builds by it when it installs", ".npmrc": "npm takes registries and programs from it", ".pnpmfile.cjs": "pnpm runs it", ".pnpmfile.mjs": "pnpm runs it", "bunfig.toml": "Bun runs programs of it",
	".yarnrc": yarn, ".yarnrc.yml": yarn, ".yarn/releases": yarn, ".yarn/plugins": yarn, ".pnp.cjs": yarn, ".pnp.loader.mjs": yarn,
	".cargo/config.toml": cargo, ".cargo/config": cargo,
}

// What several of them are for.
const (
	agents = "agents start the programs that it names"
	cargo  = "cargo runs linkers, wrappers and runners that it names"
	editor = "an editor runs tasks and programs of it"
	hooks  = "git runs it, or what it names, as hooks"
	mise   = "mise runs hooks and programs of it"
	yarn   = "yarn runs a program of it"
)

// The files of which only a part is run.
const (
	packageFile    = "package.json"
	attributesFile = ".gitattributes"
)

// maxSelfRun bounds what is read of them, in bytes.
const maxSelfRun = MaxSide

// RunsItself says what on the host runs a file by its path alone, "" for nothing. What
// a tool put into node_modules is no one's work.
func RunsItself(rel string) string {
	reason, before := "", ""
	for name := range strings.SplitSeq(foldPath(rel), "/") {
		if name == "node_modules" {
			return ""
		}
		if reason == "" {
			reason = cmp.Or(selfRun[name], selfRun[before+"/"+name])
		}
		before = name
	}
	return reason
}

// HasRunPart reports whether a part of a file is run, by its path: that part alone is
// compared then.
func HasRunPart(rel string) bool {
	name := foldName(path.Base(rel))
	return (strings.EqualFold(name, packageFile) || strings.EqualFold(name, attributesFile)) && !slices.Contains(strings.Split(foldPath(rel), "/"), "node_modules")
}

// drivers are attributes that have git run what a config names, gitattributes(5).
var drivers = regexp.MustCompile(`(?:^|\s)(?:filter|diff|merge)=\S`)

// runPart is the part of a file that is run: the scripts of package.json, which npm
// runs by itself too, the package manager that it has fetched, and the lines of
// .gitattributes with drivers.
func runPart(rel string, text string) (string, error) {
	if strings.EqualFold(foldName(path.Base(rel)), attributesFile) {
		var lines []string
		for line := range strings.Lines(text) {
			if drivers.MatchString(line) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return strings.Join(lines, "\n"), nil
	}
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	// A struct's field would be that of keys in another spelling too, of which the last
	// counts; npm takes the one that is spelled so.
	var doc map[string]json.RawMessage
	var scripts map[string]any
	var manager any
	err := json.Unmarshal([]byte(text), &doc)
	if has := doc["scripts"]; err == nil && has != nil {
		err = json.Unmarshal(has, &scripts)
	}
	if has := doc["packageManager"]; err == nil && has != nil {
		err = json.Unmarshal(has, &manager)
	}
	if err != nil {
		return "", errors.New("it is not the JSON that npm reads")
	}
	if len(scripts) == 0 && manager == nil {
		return "", nil
	}
	b, err := json.Marshal([]any{scripts, manager}) // its keys are sorted
	return string(b), err
}

// quarantine says why a file waits until the person has seen it, or nothing. What was
// removed runs nothing.
func (p *puller) quarantine(m met) string {
	if m.parent == nil || m.st.isDir() || p.accepted(m.path) {
		return ""
	}
	why := cmp.Or(RunsItself(m.path), p.behindLink(m.path))
	if why == "" && HasRunPart(m.path) {
		why = p.newRunPart(m)
	}
	if why == "" {
		return ""
	}
	return "on this host " + why + ": look at it, then take it with --accept " + m.path
}

// accepted reports whether the person has named a path, or a folder that it is in.
func (p *puller) accepted(rel string) bool {
	return slices.ContainsFunc(p.opts.Accept, func(a string) bool {
		a = path.Clean(a)
		return a == rel || strings.HasPrefix(rel, a+"/")
	})
}

// newRunPart compares what is run with what the host has. What cannot be compared
// waits too.
func (p *puller) newRunPart(m met) string {
	what := "git runs programs by its drivers"
	if strings.EqualFold(foldName(path.Base(m.path)), packageFile) {
		what = "npm runs its scripts, which are others than yours"
	}
	mine, err := sideOf(p.host.top, m.path)
	if err != nil {
		return what
	}
	theirs, err := sideOf(p.c.top, m.path)
	after, serr := m.parent.lstat(m.name)
	if err != nil || serr != nil || !after.same(m.st) || !theirs.There || theirs.Link || theirs.Large || mine.Large {
		return what
	}
	part, err := runPart(m.path, theirs.Text)
	if err != nil {
		return what
	}
	if was, err := runPart(m.path, mine.Text); part == "" || err == nil && was == part && !mine.Link {
		return ""
	}
	return what
}

// runPrint stands for what is run of a file, "" when that is nothing.
func runPrint(d *dir, rel, name string, st stat) string {
	whole := RunsItself(rel) != ""
	if !whole && !HasRunPart(rel) {
		return ""
	}
	if st.isLink() {
		target, _ := d.readlink(name)
		return "link " + target
	}
	text, err := d.readSmall(name, maxSelfRun)
	if err == nil && !whole {
		part, perr := runPart(rel, string(text))
		if part == "" && perr == nil {
			return ""
		}
		text = []byte(part)
		err = perr
	}
	if err != nil {
		return "unread " + err.Error()
	}
	return sumOf(string(text))
}
