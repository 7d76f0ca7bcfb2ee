package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// maxOwnRepos bounds how many repositories of a workspace are offered.
const maxOwnRepos = 4

// WithOwnRepos returns the manifest with the repositories that the workspace comes
// from, by the URLs of its remotes, to clone and fetch. They are in the summary's
// Offered, and a person has to have seen them there: remotes are whoever's who made
// the checkout.
//
// What the manifest says itself counts. A repository that it names stays as it is,
// and a host that a route names, or that the default does not deny, is none of the
// gate's. A server at a port of its own is not offered: nothing says that it is
// meant to be reached.
func (m *Manifest) WithOwnRepos(urls []string) *Manifest {
	out := *m
	out.Git = slices.Clone(m.Git)
	given := 0
	for _, u := range urls {
		host, path, ok := RepoOfURL(u)
		if !ok || given == maxOwnRepos || !out.mayOffer(host, path) {
			continue
		}
		given++
		i := slices.IndexFunc(out.Git, func(h GitHost) bool { return h.Name == host })
		if i < 0 {
			i, out.Git = len(out.Git), append(out.Git, GitHost{Name: host, Declared: ownRepoPlace})
		}
		out.Git[i].Repos = append(slices.Clone(out.Git[i].Repos), GitRepo{Path: path, Access: GitRead, Offered: true})
	}
	return &out
}

// ownRepoPlace stands where the place in a manifest would.
const ownRepoPlace = "the remotes of the workspace"

// mayOffer says whether the manifest leaves a repository to be offered.
func (m *Manifest) mayOffer(host, path string) bool {
	t := proxy.Target{Scheme: "https", Host: host, Port: 443, Method: "GET", Path: "/" + path + "/info/refs"}
	d, losers := m.Egress.Policy.Explain(t)
	if d.Route != nil && d.Action == proxy.Deny {
		return false
	}
	h := m.gitHost(host)
	if h == nil {
		return d.Action == proxy.Deny && len(losers) == 0 // the gate would take git's requests from those routes
	}
	return !slices.ContainsFunc(h.Repos, func(r GitRepo) bool { return strings.TrimSuffix(r.Path, ".git") == path })
}

// RepoOfURL takes a remote's URL apart, in any form that git takes, into what the git gate
// knows the repository by.
func RepoOfURL(text string) (host, path string, ok bool) {
	e, err := transport.NewEndpoint(text)
	if err != nil {
		return "", "", false
	}
	usual := map[string]int{"https": 443, "ssh": 22}
	if port, known := usual[e.Protocol]; !known || e.Port != 0 && e.Port != port {
		return "", "", false
	}
	host, err = proxy.CanonicalHost(e.Host)
	if err != nil || !strings.Contains(host, ".") || strings.Contains(host, ":") { // a name of ssh's own config leads nowhere
		return "", "", false
	}
	path = strings.TrimSuffix(strings.Trim(e.Path, "/"), ".git")
	return host, path, gitgate.CheckRepoPath(path) == nil
}

// offeredLines say what of the repositories is there since the workspace comes from
// it.
func (m *Manifest) offeredLines() (out []string) {
	for i := range m.Git {
		h := &m.Git[i]
		for j := range h.Repos {
			if r := &h.Repos[j]; r.Offered {
				out = append(out, escape.Text(h.line(r)+", "+h.Auth.words()))
			}
		}
	}
	return out
}

// words say which credential fetches.
func (a *GitAuth) words() string {
	switch {
	case a.Secret != "":
		return fmt.Sprintf("with the secret %s", a.Secret)
	case a.SSHKey != "":
		return fmt.Sprintf("with the key %s", a.SSHKey)
	case a.SSHAgent:
		return "with the keys of the ssh-agent"
	}
	return "without a credential"
}
