package manifest

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

const pushManifest = `version: 1
secrets: {t: {from: {env: T}}}
egress: {routes: [{host: no.example, action: deny}]}
git:
  forge.example:
    auth: {secret: t}
    repos:
      - {path: o/write, access: write}
      - {path: o/read}
      - {path: o/ask, access: ask}
  no.example: {repos: [{path: o/x, access: write}]}
`

func pushWant(t *testing.T, m *Manifest, repo, ref string, ops ...string) PushWant {
	t.Helper()
	w, err := m.PushWantOf(repo, ref, ops)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The reach is what the rules let pass with the grant and not without.
func TestPushGrantFor(t *testing.T) {
	m := loadText(t, pushManifest)
	for _, c := range []struct {
		name, repo, ref string
		ops             []string
		reach           []string // or a part of the error, behind "!"
	}{
		{"a ref that no rule names", "https://forge.example/o/write", "main", nil, []string{"git forge.example/o/write: create refs/heads/main", "git forge.example/o/write: move on (fast-forward) refs/heads/main"}},
		{"one operation of it", "git@forge.example:o/write.git", "refs/heads/main", []string{"update"}, []string{"git forge.example/o/write: move on (fast-forward) refs/heads/main"}},
		{"force allows more than was asked for, which is said", "forge.example/o/write", "x", []string{"force"}, []string{"git forge.example/o/write: move on (fast-forward) refs/heads/x", "git forge.example/o/write: force, so that commits there can be lost, refs/heads/x"}},
		{"what is allowed", "forge.example/o/write", "agent/x", nil, []string{"!pass already"}},
		{"what only lacks one operation", "forge.example/o/write", "agent/x", []string{"update", "delete"}, []string{"git forge.example/o/write: delete refs/heads/agent/x"}},
		{"a repository to read", "forge.example/o/read", "agent/x", []string{"create"}, []string{"git forge.example/o/read can be pushed to, which could only be fetched: this ref alone, and objects of LFS, with the secret t", "git forge.example/o/read: create refs/heads/agent/x"}},
		{"one that is new", "forge.example/o/new", "x", []string{"create"}, []string{"a new repository: git forge.example/o/new: clone and fetch, and push of this ref alone, with the secret t", "git forge.example/o/new: create refs/heads/x"}},
		{"one that is asked about", "forge.example/o/ask", "x", []string{"create"}, []string{"git forge.example/o/ask: create refs/heads/x", "each push is still asked about, as access: ask says"}},
		{"a tag that is to be moved", "forge.example/o/write", "refs/tags/v1", []string{"update"}, []string{"!a tag may not be moved"}},
		{"a host that a route denies", "no.example/o/x", "x", nil, []string{"!a denial beats every route"}},
		{"a host that is not git's", "git@other.example:o/x", "x", nil, []string{"!no host \"other.example\" under git"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, reach, err := m.PushGrantFor(pushWant(t, m, c.repo, c.ref, c.ops...))
			if err != nil {
				reach = []string{"!" + err.Error()}
			}
			if want, isError := strings.CutPrefix(c.reach[0], "!"); isError {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want the error %q", reach, want)
				}
			} else if !slices.Equal(reach, c.reach) {
				t.Errorf("got %q", reach)
			}
		})
	}
	for _, bad := range [][3]string{
		{"forge.example/o/write", "refs/heads/*", ""}, {"forge.example/o/write", "refs/heads/**", ""}, {"forge.example/o/write", "refs/heads/a\nb", ""}, {"forge.example/o/write", "x", "all"},
		{"https://other.example/o/x", "x", ""}, {"forge.example/../x", "x", ""}, {"forge.example/", "x", ""},
	} {
		var ops []string
		if bad[2] != "" {
			ops = bad[2:]
		}
		if w, err := m.PushWantOf(bad[0], bad[1], ops); err == nil {
			t.Errorf("%q: got %+v", bad, w)
		}
	}
}

// A repository that could only be read gets no pattern but the ref that was granted.
func TestAPushGrantIsNoMore(t *testing.T) {
	m := loadText(t, pushManifest)
	g, _, err := m.PushGrantFor(pushWant(t, m, "forge.example/o/read", "x", "create"))
	if err != nil {
		t.Fatal(err)
	}
	with, left := m.With([]Grant{g})
	for ref, want := range map[string]string{"refs/heads/x": "allow deny deny deny", "refs/heads/agent/x": "deny deny deny deny", "refs/heads/x/y": "deny deny deny deny"} {
		var got []string
		e := with.explainRepo("forge.example", "o/read", ref)
		for _, d := range e.Decisions[1:] {
			got = append(got, string(d.Verdict))
		}
		if strings.Join(got, " ") != want || len(left) > 0 {
			t.Errorf("%s: %q, left %v", ref, got, left)
		}
	}
	if m.GitRepo("forge.example", "o/read").Access != GitRead {
		t.Error("the manifest itself was changed")
	}
	// It is gone with what it was granted beside.
	for _, text := range []string{strings.Replace(pushManifest, "{path: o/read}", "{path: o/read, access: ask}", 1), strings.Replace(pushManifest, "      - {path: o/read}\n", "", 1)} {
		other := loadText(t, text)
		if _, left := other.With([]Grant{g}); len(left) != 1 {
			t.Errorf("left %v", left)
		}
	}
	// Two for one repository stand beside each other, and each alone.
	second, _, err := with.PushGrantFor(pushWant(t, with, "forge.example/o/read", "y"))
	if err != nil {
		t.Fatal(err)
	}
	for _, grants := range [][]Grant{{g, second}, {second}} {
		if with, left := m.With(grants); len(left) > 0 || with.GitRepo("forge.example", "o/read").lets("refs/heads/y")["update"] != "" {
			t.Errorf("left %v", left)
		}
	}
}

func TestAddPushKeepsTheText(t *testing.T) {
	const head = "version: 1\n# mine\ngit:\n  forge.example:\n    repos:\n"
	const comment = "# allowed on 2026-11-28, when it was asked for (r-1)\n"
	for _, c := range []struct {
		name, text, ref string
		ops             []string
		want            string // "" for refused
	}{
		{"a block without push", head + "      # of us\n      - path: o/r\n        access: write # yes\n      - path: o/s\n", "main", nil,
			head + "      # of us\n      - path: o/r\n        access: write # yes\n        push: {create: ['refs/heads/agent/**', 'refs/heads/main'], update: ['refs/heads/agent/**', 'refs/heads/main']}\n      - path: o/s\n"},
		{"one to read", head + "      - path: o/r # here\n", "x", []string{"create"},
			head + "      - path: o/r # here\n        " + comment + "        access: write\n        push: {create: ['refs/heads/x'], update: []}\n"},
		{"one that says read", head + "      - path: o/r\n        access: read # for now\n", "x", []string{"create", "force"},
			head + "      - path: o/r\n        access: write # for now\n        push: {create: ['refs/heads/x'], update: [], force: ['refs/heads/x']}\n"},
		{"lists in blocks", head + "      - path: o/r\n        access: write\n        push:\n          create:\n            - refs/heads/a # first\n          update: [refs/heads/a]\n", "x", nil,
			head + "      - path: o/r\n        access: write\n        push:\n          create:\n            - refs/heads/a # first\n            - 'refs/heads/x'\n          update: ['refs/heads/x', refs/heads/a]\n"},
		{"a key that is not there, in a block", head + "      - path: o/r\n        access: write\n        push:\n          create: [refs/heads/a]\n", "agent/x", []string{"delete"},
			head + "      - path: o/r\n        access: write\n        push:\n          delete: ['refs/heads/agent/x']\n          create: [refs/heads/a]\n"},
		{"in braces", head + "      - {path: o/r, access: write, push: {create: []}} # short\n", "x", nil,
			head + "      - {path: o/r, access: write, push: {update: ['refs/heads/agent/**', 'refs/heads/x'], create: ['refs/heads/x']}} # short\n"},
		{"all in braces, to read", "version: 1\ngit: {forge.example: {repos: [{path: o/r}]}}\n", "x", []string{"update"},
			"version: 1\ngit: {forge.example: {repos: [{push: {create: [], update: ['refs/heads/x']}, access: write, path: o/r}]}}\n"},
		{"a repository that is new", head + "      - path: o/s\n        access: write\n\nenv: {A: b}\n", "x", []string{"create"},
			head + "      - path: o/s\n        access: write\n      " + comment + "      - path: 'o/r'\n        access: write\n        push: {create: ['refs/heads/x'], update: []}\n\nenv: {A: b}\n"},
		{"what stands in two places", "version: 1\ngit: {a.example: {repos: &r [{path: o/r}]}, forge.example: {repos: *r}}\n", "x", nil, ""},
		{"a key with a bracket on the next line", "version: 1\ngit: {forge.example: {repos: [{\n  path: o/r}]}}\n", "x", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.manifest(c.text)
			m := p.mustLoad()
			trust := OpenTrust(t.TempDir())
			trust.now = editDay.Local
			if err := trust.Trust(m); err != nil {
				t.Fatal(err)
			}
			g, _, err := m.PushGrantFor(pushWant(t, m, "forge.example/o/r", c.ref, c.ops...))
			if err != nil {
				t.Fatal(err)
			}
			path := m.Project.Path
			now, err := trust.AddRoute(func() (*Manifest, error) { return p.load() }, g, "r-1")
			text, _ := os.ReadFile(path)
			if c.want == "" {
				if err == nil || string(text) != c.text {
					t.Errorf("got %v\n%s", err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(text) != c.want {
				t.Errorf("got\n%s\nwant\n%s", text, c.want)
			}
			if err := trust.IsTrusted(now); err != nil {
				t.Error(err)
			}
			if _, _, err := now.PushGrantFor(*g.Push); !errors.Is(err, ErrPushAllowed) {
				t.Errorf("it is not allowed then: %v", err)
			}
			if d := now.Egress.Default; d != proxy.Deny {
				t.Errorf("the default is %s", d)
			}
		})
	}
}
