package manifest

import (
	"slices"
	"strings"
	"testing"
)

func TestTheRepositoryOfTheWorkspaceIsOffered(t *testing.T) {
	const deny = "egress:\n  routes:\n    - {host: forge.example.com, action: deny}\n"
	const git = "git:\n  forge.example.com:\n    auth: {secret: forge}\n    repos: [{path: org/other, access: write}]\nsecrets: {forge: {from: {env: FORGE}}}\n"
	for _, c := range []struct{ name, text, url, want string }{
		{"by https", "", "https://forge.example.com/org/repo.git", "git forge.example.com/org/repo: clone and fetch, without a credential"},
		{"as ssh writes it", "", "git@forge.example.com:org/repo", "git forge.example.com/org/repo: clone and fetch, without a credential"},
		{"by ssh", "", "ssh://git@forge.example.com/org/repo/", "git forge.example.com/org/repo: clone and fetch, without a credential"},
		{"with the credential of its host", git, "https://forge.example.com/org/repo", "git forge.example.com/org/repo: clone and fetch, with the secret forge"},
		{"but not if it is named", strings.ReplaceAll(git, "org/other", "org/repo.git"), "https://forge.example.com/org/repo", ""},
		{"but not where a route denies the host", deny, "https://forge.example.com/org/repo", ""},
		{"nor where one denies it of a host with others", deny + git, "https://forge.example.com/org/repo", ""},
		{"nor where a route leads to others there", strings.ReplaceAll(deny, "action: deny", "paths: [/org/lib/**]"), "https://forge.example.com/org/repo", ""},
		{"nor where all is allowed", "egress: {default: allow}\n", "https://forge.example.com/org/repo", ""},
		{"nor at a port of its own", "", "https://forge.example.com:8443/org/repo", ""},
		{"nor by a name of ssh's config", "", "git@work:org/repo", ""},
		{"nor in clear", "", "http://forge.example.com/org/repo", ""},
		{"nor on this machine", "", "/srv/git/repo", ""},
		{"nor by a path with more in it", "", "https://forge.example.com/org/../repo", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := loadText(t, "version: 1\n"+c.text).WithOwnRepos([]string{c.url, c.url})
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if got := m.Summary().Offered; !slices.Equal(got, want) {
				t.Errorf("offered is %q, not %q", got, want)
			}
			if slices.Contains(m.Summary().Lines(), c.want) && c.want != "" {
				t.Error("it stands among what the manifest gives")
			}
		})
	}
}

func TestNoMoreThanSomeRepositoriesAreOffered(t *testing.T) {
	var urls []string
	for _, name := range strings.Fields("a b c d e f") {
		urls = append(urls, "https://forge.example.com/org/"+name)
	}
	if got := len(loadText(t, "version: 1\n").WithOwnRepos(urls).Summary().Offered); got != maxOwnRepos {
		t.Errorf("%d are offered", got)
	}
}
