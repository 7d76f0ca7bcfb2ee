package manifest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/proxy"
)

// GitExplanation says what git may do with a repository, by which rule, and where
// that is written. What is in a push is not known to it: secrets and files can still
// have one refused.
type GitExplanation struct {
	Repository string `json:"repository"`    // HOST/PATH
	Ref        string `json:"ref,omitempty"` // that was asked about
	// Verdict is that of a fetch, or, if a ref was asked about, of a push that makes
	// it or moves it on; a tag is only made.
	Verdict proxy.Action `json:"verdict"`
	// Source is where the repository's entry stands, "" if it has none.
	Source    string        `json:"source,omitempty"`
	Decisions []GitDecision `json:"decisions"`
	// Allow is what of a manifest would allow it.
	Allow string `json:"allow,omitempty"`
	// Path is that of its requests in the journal, and Host their host.
	Host string `json:"-"`
	Path string `json:"-"`
}

// GitDecision is about one thing to do.
type GitDecision struct {
	Operation string       `json:"operation"` // fetch, create, update, force, delete
	Verdict   proxy.Action `json:"verdict"`
	Rule      string       `json:"rule"`             // such as "push.create: refs/heads/agent/**"
	Source    string       `json:"source,omitempty"` // "bottle.yaml:12"; "" for a default
	Reason    string       `json:"reason,omitempty"`
}

// ExplainGit explains what git is asked for by a text: a URL in any of its forms,
// and, or only, a ref such as refs/heads/main, which then is explained for every
// repository. It is none where the text is not git's, as it is the URL of a page.
func (m *Manifest) ExplainGit(text, ref string) (list []GitExplanation, err error) {
	if ref == "" && m.meansBranch(text) {
		text = "refs/heads/" + text
	}
	if strings.HasPrefix(text, "refs/") && ref == "" {
		for i := range m.Git {
			for j := range m.Git[i].Repos {
				list = append(list, m.explainRepo(m.Git[i].Name, m.Git[i].Repos[j].Path, text))
			}
		}
		if len(list) == 0 {
			err = fmt.Errorf("%s: the manifest names no repository under git, so nothing is pushed anywhere", quote(text))
		}
		return list, err
	}
	host, path, ok := m.gitTarget(text)
	if !ok && ref != "" {
		return nil, fmt.Errorf("%s is no URL of a repository, such as git@HOST:PATH or https://HOST/PATH.git, that a ref could be of", quote(text))
	}
	if !ok {
		return nil, nil
	}
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	return []GitExplanation{m.explainRepo(host, path, ref)}, nil
}

// meansBranch says whether a text such as agent/x is a branch: as the URL that it could
// be, too, its host would have no dot, and nothing in the manifest is about it.
func (m *Manifest) meansBranch(text string) bool {
	host, path, ok := strings.Cut(text, "/")
	if !ok || host == "refs" || path == "" || strings.ContainsAny(host, ".:@") || len(m.Git) == 0 || policy.CheckRefPattern("refs/heads/"+text) != nil {
		return false
	}
	host, err := proxy.CanonicalHost(host)
	if err != nil || m.gitHost(host) != nil {
		return err != nil
	}
	return !slices.ContainsFunc(m.Egress.Policy.Routes(), func(r proxy.Route) bool { return r.Host == host })
}

// ExplainUnnamed is about a URL that can be that of a page as well as of a repository: of
// a host under git, which gives no repository of this name. It is none for others.
func (m *Manifest) ExplainUnnamed(text string) []GitExplanation {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	host, err := proxy.CanonicalHost(u.Hostname())
	path := strings.Trim(u.EscapedPath(), "/")
	if h := m.gitHost(host); err != nil || h == nil || strings.Count(path, "/") != 1 || h.named(path) != nil {
		return nil
	}
	return []GitExplanation{m.explainRepo(host, path, "")}
}

// gitTails end the paths of git's requests.
var gitTails = []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"}

// gitTarget takes the URL of a repository apart. One of a page is not told from it by
// its form: it is one if the manifest gives that repository.
func (m *Manifest) gitTarget(text string) (host, path string, ok bool) {
	if !strings.Contains(text, "://") && !strings.Contains(text, "@") {
		text = "https://" + text
	}
	if u, err := url.Parse(text); err == nil && u.User == nil && (u.Scheme == "https" || u.Scheme == "http") {
		host, err = proxy.CanonicalHost(u.Hostname())
		path = strings.Trim(u.EscapedPath(), "/")
		isGit := strings.HasSuffix(path, ".git")
		for _, tail := range gitTails {
			if rest, found := strings.CutSuffix(path, tail); found {
				path, isGit = rest, true
			}
		}
		path = strings.TrimSuffix(path, ".git")
		h := m.gitHost(host)
		return host, path, err == nil && path != "" && h != nil && (isGit || h.named(path) != nil)
	}
	e, err := transport.NewEndpoint(text)
	if err != nil || e.Protocol != "ssh" && e.Protocol != "git" {
		return "", "", false
	}
	host, err = proxy.CanonicalHost(e.Host)
	path = strings.TrimSuffix(strings.Trim(e.Path, "/"), ".git")
	return host, path, err == nil && path != ""
}

// named returns the entry of a repository, with or without .git behind it.
func (h *GitHost) named(path string) *GitRepo {
	i := slices.IndexFunc(h.Repos, func(r GitRepo) bool { return strings.TrimSuffix(r.Path, ".git") == path })
	if i < 0 {
		return nil
	}
	return &h.Repos[i]
}

func (m *Manifest) explainRepo(host, path, ref string) GitExplanation {
	path = strings.TrimSuffix(path, ".git")
	e := GitExplanation{Repository: host + "/" + path, Ref: ref, Host: host, Path: "/" + path}
	h := m.gitHost(host)
	if h == nil {
		h = &GitHost{Name: host}
	}
	r := h.named(path)
	if d := m.Egress.Policy.Decide(proxy.Target{Scheme: "https", Host: host, Port: 443, Method: "GET", Path: e.Path + "/info/refs"}); d.Route != nil && d.Action == proxy.Deny {
		e.Decisions = []GitDecision{{Operation: "fetch", Verdict: proxy.Deny, Rule: d.Rule, Source: d.Route.Source, Reason: "a route that denies is before git"}}
		e.Verdict = proxy.Deny
		return e
	}
	if r == nil {
		e.Decisions = []GitDecision{{Operation: "fetch", Verdict: proxy.Deny, Rule: "git", Source: h.Declared, Reason: "it is not one of the repositories under git"}}
		e.Verdict = proxy.Deny
		e.Allow = gitYAML(h.Name, GitRepo{Path: path, Access: GitRead}, ref)
		return e
	}
	e.Source = h.places[r.Path]
	e.Decisions = append(e.Decisions, GitDecision{Operation: "fetch", Verdict: proxy.Allow, Rule: "access: " + r.Access, Source: h.place(r, "access")})
	if e.Verdict = proxy.Allow; ref != "" {
		e.pushes(h, r)
	}
	return e
}

// place is where a key of a repository stands, "" for a default.
func (h *GitHost) place(r *GitRepo, key string) string { return h.places[r.Path+" "+key] }

// pushes decides what may become of the ref.
func (e *GitExplanation) pushes(h *GitHost, r *GitRepo) {
	push := r.Push()
	if push == nil {
		e.Decisions = append(e.Decisions, GitDecision{Operation: "push", Verdict: proxy.Deny, Rule: "access: " + r.Access, Source: h.place(r, "access"), Reason: "it can be read and not pushed to"})
		e.Verdict, e.Allow = proxy.Deny, gitYAML(h.Name, *r, e.Ref)
		return
	}
	p, err := policy.New(push.Rules)
	if err != nil { // the manifest was checked
		e.Decisions = append(e.Decisions, GitDecision{Operation: "push", Verdict: proxy.Deny, Rule: "git", Reason: err.Error()})
		e.Verdict = proxy.Deny
		return
	}
	yes := proxy.Allow
	if push.Ask {
		yes = proxy.Ask
	}
	e.Verdict = yes
	for _, x := range p.Explain(e.Ref) {
		d := GitDecision{Operation: string(x.Operation), Verdict: yes, Rule: "push." + string(x.By) + ": " + x.Pattern, Source: h.place(r, string(x.By))}
		if x.Reason != "" {
			d.Verdict, d.Reason = proxy.Deny, x.Reason
			d.Rule, d.Source = "push."+string(x.Operation), h.place(r, string(x.Operation))
			if x.Operation == policy.Create || x.Operation == policy.Update && !isTag(e.Ref) {
				e.Verdict = proxy.Deny
			}
		}
		e.Decisions = append(e.Decisions, d)
	}
	if e.Verdict == proxy.Deny && policy.CheckRefPattern(e.Ref) == nil {
		e.Allow = gitYAML(h.Name, *r, e.Ref)
	}
}

// gitYAML is the entry that would let a ref be pushed, or a repository be fetched.
func gitYAML(host string, r GitRepo, ref string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "git:\n  %s:\n    repos:\n      - path: %s\n", yamlText(host), yamlText(r.Path))
	if ref == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "        access: %s\n", map[bool]string{true: GitAsk, false: GitWrite}[r.Access == GitAsk])
	update := ", update: " + withRef(r.Update, ref)
	if isTag(ref) { // is made and not moved on: update stays as it is
		update = ""
		if r.Update != nil {
			update = ", update: " + yamlList(r.Update)
		}
	}
	fmt.Fprintf(&b, "        push: {create: %s%s}\n", withRef(r.Create, ref), update)
	return b.String()
}

func isTag(ref string) bool { return strings.HasPrefix(ref, "refs/tags/") }

// withRef is a list of patterns that has a ref, too.
func withRef(patterns []string, ref string) string {
	if patterns == nil {
		patterns = policy.DefaultRefs
	}
	patterns = slices.Clone(patterns)
	if p, err := policy.New(policy.Rules{Create: patterns}); err == nil && p.Explain(ref)[0].Reason != "" {
		patterns = append(patterns, ref)
	}
	return yamlList(patterns)
}

func yamlList(texts []string) string {
	var quoted []string
	for _, s := range texts {
		quoted = append(quoted, yamlText(s))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
