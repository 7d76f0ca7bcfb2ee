package manifest

import (
	"slices"
	"strings"
	"testing"
)

const gitV = "version: 1\nsecrets: {t: {from: {env: T}}}\n"

func TestGitMistakesAreTold(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string // want as for wantErrors
	}{
		{"a URL for a host", "git: {\"https://a.com\": {repos: []}}\n", "bottle.yaml:3:|not the name of a host"},
		{"a host in capitals", "git: {A.com: {repos: []}}\n", "bottle.yaml:3:|not the name of a host"},
		{"no repositories", "git: {a.com: {}}\n", "bottle.yaml:3:|git.a.com.repos: this key is needed"},
		{"a URL in clear", "git: {a.com: {url: \"http://a.com/\", repos: []}}\n", "bottle.yaml:3:|git.a.com.url|in clear"},
		{"a password in a URL", "git: {a.com: {url: \"ssh://git:x@a.com/\", auth: {ssh_agent: true}, repos: []}}\n", "bottle.yaml:3:|password"},
		{"another protocol", "git: {a.com: {url: \"git://a.com/\", repos: []}}\n", "bottle.yaml:3:|must begin with https:// or ssh://"},
		{"a secret that there is not", "git: {a.com: {auth: {secret: x}, repos: []}}\n", "bottle.yaml:3:30: git.a.com.auth.secret: there is no secret \"x\""},
		{"ssh without a key", "git: {a.com: {url: \"ssh://a.com/\", repos: []}}\n", "bottle.yaml:3:|needs ssh_key or ssh_agent"},
		{"ssh with a token", "git: {a.com: {url: \"ssh://a.com/\", auth: {secret: t}, repos: []}}\n", "bottle.yaml:3:|takes ssh_key or ssh_agent"},
		{"a key without ssh", "git: {a.com: {auth: {ssh_key: ./k}, repos: []}}\n", "bottle.yaml:3:|ssh://git@a.com/"},
		{"half an App", "git: {a.com: {auth: {secret: t, app: 1}, repos: []}}\n", "bottle.yaml:3:|go together"},
		{"a user without a secret", "git: {a.com: {auth: {user: u}, repos: []}}\n", "bottle.yaml:3:|go with a secret only"},
		{"a path with dots", "git: {a.com: {repos: [{path: ../x}]}}\n", "bottle.yaml:3:|git.a.com.repos[0].path"},
		{"one repository twice", "git: {a.com: {repos: [{path: o/x}, {path: o/x.git}]}}\n", "bottle.yaml:3:|git.a.com.repos[1].path|twice"},
		{"rules where nothing is pushed", "git: {a.com: {repos: [{path: o/x, push: {create: []}}]}}\n", "bottle.yaml:3:|git.a.com.repos[0].push|without access: write"},
		{"a branch without refs", "git: {a.com: {repos: [{path: o/x, access: write, push: {create: [main]}}]}}\n", "bottle.yaml:3:|push.create[0]|begins with refs/"},
		{"an absolute file", "git: {a.com: {repos: [{path: o/x, access: write, files: {deny: [/x]}}]}}\n", "bottle.yaml:3:|files.deny[0]|does not begin with a slash"},
		{"a submodule without a scheme", "git: {a.com: {repos: [{path: o/x, access: write, files: {submodules: [x]}}]}}\n", "bottle.yaml:3:|submodules[0]|no pattern of URLs"},
		{"a large object", "git: {a.com: {repos: [{path: o/x, access: write, limits: {object: 2GiB}}]}}\n", "bottle.yaml:3:|limits.object|1GiB"},
		{"an unknown access", "git: {a.com: {repos: [{path: o/x, access: all}]}}\n", "bottle.yaml:3:|\"all\" is not one of read, write, ask"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newPlace(t).manifest(gitV + tt.text).load()
			wantErrors(t, err, tt.want)
		})
	}
}

func TestGitIsRead(t *testing.T) {
	m := loadText(t, gitV+`git:
  b.com:
    url: ssh://git@b.com:2222/srv
    auth: {ssh_key: ./id}
    repos: [{path: o/x}]
  a.com:
    auth: {secret: t}
    repos:
      - {path: o/x, access: write, push: {delete: ["refs/heads/agent/**"]}, files: {submodules: ["https://a.com/o/**"]}, limits: {push: 5MiB}}
`)
	if got := m.gitHosts(); !slices.Equal(got, []string{"a.com", "b.com"}) {
		t.Fatalf("%v", got)
	}
	r := m.GitRepo("a.com", "o/x")
	push := r.Push()
	if push == nil || push.MaxPack != 5<<20 || !push.Rules.Files.Submodule("https://a.com/o/lib") || push.Rules.Files.Submodule("https://a.com/o/../p") || push.Rules.Files.Submodule("https://b.com/o/lib") {
		t.Errorf("%+v", push)
	}
	if m.GitRepo("b.com", "o/x").Push() != nil || !m.Secret("t").Used {
		t.Error("a repository to read can be pushed to, or the secret is not used")
	}
	if h := m.gitHost("b.com"); !strings.HasSuffix(h.Auth.KnownHosts, "/.ssh/known_hosts") || !slices.Contains(m.Scan.Known, h.Auth.SSHKey) {
		t.Errorf("%+v, known: %v", h.Auth, m.Scan.Known)
	}
	lines := strings.Join(m.Summary().Lines(), "\n")
	for _, want := range []string{"git a.com/o/x: fetch and push (create: refs/heads/agent/**", "delete: refs/heads/agent/**", "git b.com/o/x: clone and fetch, at ssh://git@b.com:2222/srv", "may go to a.com (git)"} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
}

// TestGitReloads holds what counts as more, and what is taken away at once.
func TestGitReloads(t *testing.T) {
	git := func(rest string) string { return gitV + "git: {a.com: {" + rest + "}}\n" }
	const auth = "auth: {secret: t}, "
	for _, tt := range []struct {
		name, old, new, wider string
		left                  string // what Narrowed leaves, "-" for nil
	}{
		{"the same", git(auth + "repos: [{path: o/x}]"), git(auth + "repos: [{path: o/x}]"), "", "-"},
		{"a repository is new", git(auth + "repos: [{path: o/x}]"), git(auth + "repos: [{path: o/x}, {path: o/y}]"), "git a.com/o/y: clone and fetch", "-"},
		{"one is gone", git(auth + "repos: [{path: o/x}, {path: o/y}]"), git(auth + "repos: [{path: o/x}]"), "", "o/x read"},
		{"one can be written", git(auth + "repos: [{path: o/x}]"), git(auth + "repos: [{path: o/x, access: write}]"), "git a.com/o/x: fetch and push", "-"},
		{"one can only be read", git(auth + "repos: [{path: o/x, access: write}]"), git(auth + "repos: [{path: o/x}]"), "", "o/x read"},
		{"another rule", git(auth + "repos: [{path: o/x, access: write}]"), git(auth + "repos: [{path: o/x, access: write, push: {force: [refs/heads/main]}}]"), "force: refs/heads/main", "-"},
		{"another server", git(auth + "repos: [{path: o/x}]"), git(auth + "url: \"https://b.com/\", repos: [{path: o/x}]"), "the git host a.com is reached otherwise", "-"},
		{"one for another", git(auth + "repos: [{path: o/x}, {path: o/y}]"), git(auth + "repos: [{path: o/x}, {path: o/z}]"), "git a.com/o/z", "o/x read"},
		{"no git any more", git(auth + "repos: [{path: o/x}]"), gitV, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			old, now := p.manifest(tt.old).mustLoad(), p.manifest(tt.new).mustLoad()
			if w := strings.Join(Wider(old, now), "; "); tt.wider == "" && w != "" || !strings.Contains(w, tt.wider) {
				t.Errorf("wider: %q", w)
			}
			left := "-"
			if m := Narrowed(old, now); m != nil {
				var repos []string
				for _, h := range m.Git {
					for _, r := range h.Repos {
						repos = append(repos, r.Path+" "+r.Access)
					}
				}
				left = strings.Join(repos, ", ")
			}
			if left != tt.left {
				t.Errorf("narrowed: %q, want %q", left, tt.left)
			}
		})
	}
}
