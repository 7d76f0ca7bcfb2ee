package workspace

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// monorepo is a repository whose folder services/api is the workspace.
func monorepo(t *testing.T, more map[string]string) (top, api string) {
	t.Helper()
	top = newRepo(t, map[string]string{
		".gitignore":               "node_modules/\n*.log\n/services/*/out/\n",
		"services/.gitignore":      "secret.*\n!secret.example\n",
		"services/api/.gitignore":  "local\n",
		"services/api/main":        "m",
		"services/api/d/file":      "f",
		"services/web/.gitignore":  "elsewhere\n",
		"services/api/elsewhere":   "e",
		"services/api/forced.keep": "k",
	})
	api = filepath.Join(top, "services/api")
	write(t, api, map[string]string{"kept.log": "tracked"})
	git(t, top, "add", "-f", "services/api/kept.log")
	git(t, top, "commit", "-q", "-m", "forced")
	write(t, api, map[string]string{
		"node_modules/x/index.js": "x", "d/a.log": "l", "out/bin": "b", "secret.key": "k", "secret.example": "e", "local": "l", "by-exclude": "x",
	})
	write(t, top, map[string]string{".git/info/exclude": "by-exclude\n"})
	write(t, api, more)
	return top, api
}

func TestRulesAroundTheWorkspaceHold(t *testing.T) {
	top, api := monorepo(t, nil)
	c := copyOf(t, api)
	if want, err := filepath.EvalSymlinks(top); err != nil || c.Enclosing != want {
		t.Errorf("enclosing is %q, want %q, %v", c.Enclosing, want, err)
	}
	wantList(t, "files", tree(t, c.target), ".gitignore", "d/file", "elsewhere", "forced.keep", "kept.log", "main", "secret.example")
	if w := changed(t, c); !w.None() {
		t.Errorf("changes of an untouched copy: %+v", w.Changes)
	}
	write(t, c.target, map[string]string{"d/new": "n", "d/b.log": "b", "node_modules/y/z": "z", "out/o": "o", "secret.more": "s", "kept.log": "changed"})
	var got []string
	for _, ch := range changed(t, c).Changes.Items {
		got = append(got, string(ch.Kind)+" "+ch.Path)
	}
	wantList(t, "changes", got, "added d/new", "modified kept.log")
}

func TestARepositoryThatIgnoresTheWorkspaceSaysNothingOfIt(t *testing.T) {
	top := newRepo(t, map[string]string{".gitignore": "*\n"})
	write(t, top, map[string]string{"proj/a": "a", "proj/b.log": "b"})
	c := copyOf(t, filepath.Join(top, "proj"))
	wantList(t, "files", tree(t, c.target), "a", "b.log")
	if w := changed(t, c); !w.None() {
		t.Errorf("changes: %+v", w.Changes)
	}
}

func TestARepositoryAroundThatIsNoneIsSaid(t *testing.T) {
	top := t.TempDir()
	write(t, top, map[string]string{".git/junk": "j", ".gitignore": "*.log\n", "proj/a.log": "a"})
	c := copyOf(t, filepath.Join(top, "proj"))
	wantList(t, "files", tree(t, c.target), "a.log")
	if c.Skipped.Total != 1 {
		t.Errorf("skipped: %+v", c.Skipped)
	}
}

func TestTheExcludesOfAPersonHold(t *testing.T) {
	excludes := filepath.Join(t.TempDir(), "ignore")
	must(t, os.WriteFile(excludes, []byte(".idea/\n*.swp\n"), 0o600))
	dir := newRepo(t, map[string]string{"a": "a", ".gitignore": "!b.swp\n"})
	write(t, dir, map[string]string{".idea/x": "x", "a.swp": "s", "b.swp": "s"})
	c := copyOf(t, dir, func(o *Options) { o.Excludes = excludes })
	wantList(t, "files", tree(t, c.target), ".gitignore", "a", "b.swp")
	write(t, c.target, map[string]string{".idea/y": "y"})
	if w := changed(t, c); !w.None() {
		t.Errorf("changes: %+v", w.Changes)
	}
}

func TestExcludesFile(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home, "GIT_CONFIG_NOSYSTEM": "1"}
	getenv := func(name string) string { return env[name] }
	for _, c := range []struct {
		name, file, text, want string
	}{
		{"git's default", "unused", "", filepath.Join(home, ".config/git/ignore")},
		{"the person's", ".config/git/config", "[core]\n\texcludesFile = /a/b\n", "/a/b"},
		{"the later one, below home", ".gitconfig", "[core]\n\texcludesfile = ~/mine\n", filepath.Join(home, "mine")},
		{"set to what is no path", ".gitconfig", "[core]\n\texcludesfile = mine\n", ""},
	} {
		write(t, home, map[string]string{c.file: c.text})
		if got := ExcludesFile(getenv); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStaysBehindIsWhatACopyLeaves(t *testing.T) {
	_, api := monorepo(t, map[string]string{"d/node_modules/y": "y"})
	b, err := StaysBehind(context.Background(), Options{Source: api})
	must(t, err)
	wantList(t, "behind", b.Items, "by-exclude", "d/a.log", "d/node_modules/", "local", "node_modules/", "out/", "secret.key")
	for path, want := range map[string]bool{"node_modules/x/index.js": true, "local": true, "localx": false, "main": false, "kept.log": false} {
		if b.Has(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
	if b.Part {
		t.Error("a part only")
	}
}
