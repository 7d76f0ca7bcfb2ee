package manifest

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/internal/glob"
	"github.com/bot-bottle/bottle/proxy"
)

// GitHost is a server of the git gate.
type GitHost struct {
	Name string   // canonical
	URL  *url.URL // nil is https://NAME/
	Auth GitAuth
	// Repos are in the order of the manifest.
	Repos []GitRepo
	// Declared is where, as "bottle.yaml:LINE".
	Declared string
	// places are where more of it stands, by the path of a repository and, behind a
	// space, the key of a rule.
	places map[string]string
}

// GitAuth is a credential; the zero value is none. KnownHosts is set for ssh.
type GitAuth struct {
	Secret            string // name
	User              string
	Bearer            bool
	App, Installation int
	SSHKey            string
	Passphrase        string // name of a secret
	SSHAgent          bool
	KnownHosts        string
}

// GitRepo is a repository that the agent is given.
type GitRepo struct {
	Path   string
	Access string // GitRead, GitWrite or GitAsk
	// Of a push:
	Create, Update, Force, Delete []string // nil is the default of package policy
	Options                       bool
	DenyFiles                     []string // nil is the default of package policy
	Submodules                    []string
	MaxObject, MaxPush            int64 // 0 is the default of package pack
	Author                        policy.Author
	// Offered says that no manifest names it: the workspace comes from it.
	Offered bool
	// Once are refs that a person let be pushed once: the gate asks about each push.
	Once []string
}

// What may be done with a repository.
const (
	GitRead  = "read"
	GitWrite = "write"
	GitAsk   = "ask"
)

// maxGitRepos bounds the repositories of a host, maxGitObject an object.
const maxGitRepos, maxGitObject = 1000, 1 << 30

// Push returns the rules for pushes, or nil.
func (r *GitRepo) Push() *gitgate.Push {
	if r.Access == GitRead {
		return nil
	}
	p := &gitgate.Push{Options: r.Options, Ask: r.Access == GitAsk, AskRefs: r.Once, MaxObject: r.MaxObject, MaxPack: r.MaxPush, Rules: policy.Rules{
		Create: r.Create, Update: r.Update, Force: r.Force, Delete: r.Delete, Files: policy.Files{Deny: r.DenyFiles}, Author: r.Author}}
	if patterns := r.Submodules; len(patterns) > 0 {
		p.Rules.Files.Submodule = func(url string) bool {
			return !strings.Contains(url, "..") && slices.ContainsFunc(patterns, func(s string) bool { return glob.Match(strings.Split(s, "/"), strings.Split(url, "/")) })
		}
	}
	return p
}

// Rules say in some lines what may be pushed.
func (r *GitRepo) Rules() []string {
	push := r.Push()
	if push == nil {
		return nil
	}
	p, err := policy.New(push.Rules)
	if err != nil { // the manifest was checked
		return []string{err.Error()}
	}
	return p.Describe()
}

func (b *builder) git() {
	for _, name := range slices.Sorted(maps.Keys(b.doc.Git)) {
		e, where := b.doc.Git[name], at("git", name)
		if canonical, err := proxy.CanonicalHost(name); err != nil || canonical != name {
			b.fault(where, "%s is not the name of a host in its plain form (lower case, no port, no URL)", quote(name))
			continue
		}
		h := GitHost{Name: name, URL: b.gitURL(where, e.URL)}
		if n := b.root.dig("git", name); n != nil {
			h.Declared = placeOf(n)
		}
		b.gitAuth(where, &h, e.URL, e.Auth)
		if len(e.Repos) > maxGitRepos {
			b.fault(append(where, "repos"), "there are more than %d repositories", maxGitRepos)
			continue
		}
		seen := map[string]bool{}
		for i, r := range e.Repos {
			at := append(slices.Clone(where), "repos", i)
			if b.spoiled(at...) {
				continue
			}
			repo := b.gitRepo(at, r)
			if key := strings.TrimSuffix(repo.Path, ".git"); seen[key] {
				b.fault(append(at, "path"), "the repository %s is there twice", quote(key))
			} else {
				seen[key] = true
			}
			h.Repos = append(h.Repos, repo)
			b.gitPlaces(at, &h, repo.Path)
		}
		b.m.Git = append(b.m.Git, h)
	}
}

// gitPlaces notes where what is said of a repository stands. That is no part of it:
// an entry that moves down the file gives nothing else.
func (b *builder) gitPlaces(where []any, h *GitHost, path string) {
	if h.places == nil {
		h.places = map[string]string{}
	}
	for name, keys := range map[string][]any{"": nil, " access": {"access"}, " create": {"push", "create"}, " update": {"push", "update"},
		" force": {"push", "force"}, " delete": {"push", "delete"}} {
		if n := b.root.dig(append(slices.Clone(where), keys...)...); n != nil {
			h.places[path+name] = placeOf(n)
		}
	}
}

func (b *builder) gitURL(where []any, text string) *url.URL {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		err = errors.New("it is not a URL")
	} else {
		err = gitgate.CheckURL(u)
	}
	if err != nil {
		b.fault(append(slices.Clone(where), "url"), "%s: %v", quote(text), err)
		return nil
	}
	return u
}

func (b *builder) gitAuth(where []any, h *GitHost, hostURL string, e GitAuthEntry) {
	where = append(slices.Clone(where), "auth")
	h.Auth = GitAuth{Secret: e.Secret, User: e.User, Bearer: e.Scheme == "bearer", App: e.App, Installation: e.Installation,
		SSHKey: string(e.SSHKey), Passphrase: e.Passphrase, SSHAgent: e.SSHAgent, KnownHosts: string(e.KnownHosts)}
	for key, name := range map[string]string{"secret": e.Secret, "passphrase": e.Passphrase} {
		if name != "" {
			b.useSecret(append(slices.Clone(where), key), name)
		}
	}
	if h.URL == nil && hostURL != "" {
		return // which kind of server it is cannot be told
	}
	overHTTP := e.Secret != "" || e.User != "" || e.Scheme != "" || e.App != 0 || e.Installation != 0
	overSSH := e.SSHKey != "" || e.Passphrase != "" || e.SSHAgent || e.KnownHosts != ""
	switch isSSH := h.URL != nil && h.URL.Scheme == "ssh"; {
	case isSSH && overHTTP:
		b.fault(where, "a server at ssh:// takes ssh_key or ssh_agent, and no secret")
	case isSSH && e.SSHKey == "" && !e.SSHAgent:
		b.fault(where, "a server at ssh:// needs ssh_key or ssh_agent")
	case isSSH && e.Passphrase != "" && e.SSHKey == "":
		b.fault(where, "passphrase goes with ssh_key only")
	case isSSH:
		b.gitKnownHosts(where, h)
	case overSSH:
		b.fault(where, "ssh keys are for a server at ssh://: set url to ssh://git@%s/ as well", h.Name)
	case (e.App == 0) != (e.Installation == 0):
		b.fault(where, "app and installation go together")
	case e.Secret == "" && overHTTP:
		b.fault(where, "user, scheme and app go with a secret only")
	case e.App != 0 && (e.User != "" || e.Scheme != ""):
		b.fault(where, "with app the credential is made by bottle: leave out user and scheme")
	case strings.Contains(e.User, ":") || hasControl(e.User):
		b.fault(append(where, "user"), "%s has characters that no user of Basic credentials has", quote(e.User))
	}
}

// gitKnownHosts fills in the default, and has a key without a passphrase looked for
// in what leaves.
func (b *builder) gitKnownHosts(where []any, h *GitHost) {
	if h.Auth.KnownHosts == "" {
		if b.home == "" {
			b.fault(where, "known_hosts is needed: its default is below HOME, which is not set")
			return
		}
		h.Auth.KnownHosts = filepath.Join(b.home, ".ssh", "known_hosts")
	}
	if key := h.Auth.SSHKey; key != "" && h.Auth.Passphrase == "" && !slices.Contains(b.m.Scan.Known, key) {
		b.m.Scan.Known = append(b.m.Scan.Known, key)
	}
}

func (b *builder) gitRepo(where []any, e GitRepoEntry) GitRepo {
	r := GitRepo{Path: e.Path, Access: or(e.Access, GitRead), Create: e.Push.Create, Update: e.Push.Update, Force: e.Push.Force, Delete: e.Push.Delete,
		Options: e.Push.Options, DenyFiles: e.Files.Deny, Submodules: e.Files.Submodules, MaxObject: int64(e.Limits.Object), MaxPush: int64(e.Limits.Push),
		Author: policy.Author{Name: e.Author.Name, Email: e.Author.Email, SignedOff: e.Author.SignedOff}}
	below := func(keys ...any) []any { return append(slices.Clone(where), keys...) }
	if err := gitgate.CheckRepoPath(r.Path); err != nil {
		b.fault(below("path"), "%s: %v", quote(r.Path), err)
	}
	if r.Access == GitRead {
		for _, key := range []string{"push", "files", "limits", "author"} {
			if b.root.dig(below(key)...) != nil {
				b.fault(below(key), "this is about pushes, and without access: write there are none")
			}
		}
		return r
	}
	for key, list := range map[string][]string{"create": r.Create, "update": r.Update, "force": r.Force, "delete": r.Delete} {
		for i, s := range list {
			if err := policy.CheckRefPattern(s); err != nil {
				b.fault(below("push", key, i), "%v", err)
			}
		}
	}
	for i, s := range r.DenyFiles {
		if err := policy.CheckFilePattern(s); err != nil {
			b.fault(below("files", "deny", i), "%v", err)
		}
	}
	for i, s := range r.Submodules {
		if !strings.Contains(s, "://") || hasControl(s) {
			b.fault(below("files", "submodules", i), "%s is no pattern of URLs: it begins with a scheme, such as https://github.com/org/**", quote(s))
		}
	}
	if r.MaxObject > maxGitObject {
		b.fault(below("limits", "object"), "an object of more than 1GiB is not read")
	}
	return r
}

// gitLines say what may be done with repositories.
func (m *Manifest) gitLines() (out []string) {
	for i := range m.Git {
		h := &m.Git[i]
		for j := range h.Repos {
			if r := &h.Repos[j]; !r.Offered {
				out = append(out, h.line(r))
			}
		}
	}
	return out
}

func (h *GitHost) line(r *GitRepo) string {
	text := fmt.Sprintf("git %s/%s: %s", h.Name, r.Path, map[string]string{GitRead: "clone and fetch", GitWrite: "fetch and push", GitAsk: "fetch, and push when you say yes"}[r.Access])
	if rules := r.Rules(); len(rules) > 0 {
		text += " (" + strings.Join(rules, "; ") + ")"
	}
	if r.Options {
		text += ", push options too"
	}
	if len(r.Submodules) > 0 {
		text += ", submodules from " + strings.Join(r.Submodules, ", ")
	}
	if h.URL != nil {
		text += ", at " + h.URL.Redacted()
	}
	return text
}
