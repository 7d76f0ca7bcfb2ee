package manifest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// PushWant is what a person is asked to let git do with one ref of a repository.
type PushWant struct {
	Host       string // canonical
	Repo       string // its path, as the manifest has it
	Ref        string // in full, and no pattern
	Operations []policy.Operation
	// Once says that it is for one push, which the operator's side counts: the gate
	// asks about each that has the ref.
	Once bool
}

// Rule is the name that the gate has for the repository.
func (w *PushWant) Rule() string { return "git:" + w.Host + "/" + w.Repo }

// PushWantOf completes a want from the URL of a repository in any of git's forms, or
// HOST/PATH, and a ref, which is that of a branch if it is not written in full.
// Without operations it is those of a usual push.
func (m *Manifest) PushWantOf(repository, ref string, operations []string) (PushWant, error) {
	w := PushWant{Ref: ref}
	if !strings.HasPrefix(ref, "refs/") {
		w.Ref = "refs/heads/" + ref
	}
	if err := pktline.CheckRefName(w.Ref); err != nil {
		return w, fmt.Errorf("%s is not the name of a ref: %w", quote(ref), err)
	}
	for _, s := range operations {
		op := policy.Operation(strings.ToLower(s))
		if !slices.Contains(policy.Operations, op) {
			return w, fmt.Errorf("%s is none of create, update, force and delete", quote(s))
		}
		if !slices.Contains(w.Operations, op) {
			w.Operations = append(w.Operations, op)
		}
	}
	if len(w.Operations) == 0 {
		w.Operations = []policy.Operation{policy.Create, policy.Update}
	}
	if !strings.HasSuffix(repository, ".git") && !strings.HasPrefix(repository, "ssh://") {
		repository = strings.TrimSuffix(repository, "/") + ".git" // so that it is told from a page
	}
	host, path, ok := m.gitTarget(repository)
	if !ok {
		return w, fmt.Errorf("%s is no repository of a host that the manifest has under git: give it as https://HOST/PATH", quote(repository))
	}
	w.Host, w.Repo = host, path
	if err := gitgate.CheckRepoPath(path); err != nil {
		return w, err
	}
	if h := m.gitHost(host); h != nil {
		if r := h.named(path); r != nil {
			w.Repo = r.Path
		}
	}
	return w, nil
}

// ErrPushAllowed is about a push that the rules let pass already.
var ErrPushAllowed = errors.New("the rules for this repository let it pass already")

// PushGrantFor returns what a yes to w adds to the rules, and in words what that gives.
// The error says why a yes would change nothing.
func (m *Manifest) PushGrantFor(w PushWant) (g Grant, reach []string, err error) {
	h := m.gitHost(w.Host)
	if h == nil {
		return g, nil, fmt.Errorf("the manifest has no host %s under git, so there is no credential for it and no push: that is for the operator to write", quote(w.Host))
	}
	d := m.Egress.Policy.Decide(proxy.Target{Scheme: "https", Host: w.Host, Port: 443, Method: "GET", Path: "/" + w.Repo + "/info/refs"})
	if d.Route != nil && d.Action == proxy.Deny {
		return g, nil, fmt.Errorf("%s denies it, and a denial beats every route and rule of git", d.Rule)
	}
	g = Grant{Push: &w}
	if base := m.ungranted(); base.gitHost(w.Host) != nil {
		g.was = base.gitHost(w.Host).named(w.Repo)
	}
	with, left := m.With([]Grant{g})
	if len(left) > 0 {
		return g, nil, left[0]
	}
	was, is := h.named(w.Repo), with.gitHost(w.Host).named(w.Repo)
	before, after := was.lets(w.Ref), is.lets(w.Ref)
	for _, op := range w.Operations {
		if after[op] != "" {
			return g, nil, fmt.Errorf("%s: %s, whatever the rules say", op, after[op])
		}
	}
	name := escape.Host(w.Host) + "/" + escape.Text(w.Repo)
	switch {
	case was == nil:
		reach = append(reach, fmt.Sprintf("a new repository: git %s: clone and fetch, and push of this ref alone, %s", name, escape.Text(h.Auth.words())))
	case was.Access == GitRead:
		reach = append(reach, fmt.Sprintf("git %s can be pushed to, which could only be fetched: this ref alone, and objects of LFS, %s", name, escape.Text(h.Auth.words())))
	}
	for _, op := range policy.Operations {
		if before[op] != "" && after[op] == "" {
			reach = append(reach, fmt.Sprintf("git %s: %s %s", name, operationWords[op], escape.Text(w.Ref)))
		}
	}
	if len(reach) == 0 {
		return g, nil, ErrPushAllowed
	}
	if is.Access == GitAsk {
		reach = append(reach, "each push is still asked about, as access: ask says")
	}
	return g, reach, nil
}

var operationWords = map[policy.Operation]string{policy.Create: "create", policy.Update: "move on (fast-forward)",
	policy.Force: "force, so that commits there can be lost,", policy.Delete: "delete"}

// lets says why each operation is refused, "" where it is not.
func (r *GitRepo) lets(ref string) map[policy.Operation]string {
	refused := map[policy.Operation]string{}
	for _, op := range policy.Operations {
		refused[op] = "nothing can be pushed"
	}
	if r == nil || r.Push() == nil {
		return refused
	}
	p, err := policy.New(r.Push().Rules)
	if err != nil { // the manifest was checked
		return refused
	}
	for _, x := range p.Explain(ref) {
		refused[x.Operation] = x.Reason
	}
	return refused
}

// ungranted is the manifest without what was granted while it was in force.
func (m *Manifest) ungranted() *Manifest {
	if m.base != nil {
		return m.base
	}
	return m
}

// addPush gives the push of a grant to a copy of the git hosts. A person agreed to it
// beside what the manifest said of the repository then: where that says something
// else now, the grant is gone.
func (m *Manifest) addPush(base *Manifest, g Grant) error {
	w := g.Push
	i := slices.IndexFunc(m.Git, func(h GitHost) bool { return h.Name == w.Host })
	if i < 0 {
		return fmt.Errorf("the manifest has no host %s under git any more", quote(w.Host))
	}
	if now := base.gitHost(w.Host).named(w.Repo); !now.has(w) && !reflect.DeepEqual(now, g.was) {
		return fmt.Errorf("the manifest says something else of %s/%s than when a push was granted", w.Host, w.Repo)
	}
	h := m.Git[i]
	h.Repos = slices.Clone(h.Repos)
	r := h.named(w.Repo)
	if r == nil {
		h.Repos = append(h.Repos, GitRepo{Path: w.Repo, Access: GitRead, Offered: true})
		r = &h.Repos[len(h.Repos)-1]
	}
	*r = r.with(w)
	m.Git = slices.Clone(m.Git)
	m.Git[i] = h
	return nil
}

// has reports whether the rules have all of a want.
func (r *GitRepo) has(w *PushWant) bool {
	refused := r.lets(w.Ref)
	return !slices.ContainsFunc(w.Operations, func(op policy.Operation) bool { return refused[op] != "" })
}

// with returns the repository with the ref among those of each operation that is not
// allowed. One that could only be read gets no default of patterns.
func (r *GitRepo) with(w *PushWant) GitRepo {
	out := *r
	if out.Access == GitRead {
		out.Access, out.Create, out.Update = GitWrite, []string{}, []string{}
	}
	for _, op := range w.Operations {
		if out.lets(w.Ref)[op] == "" {
			continue
		}
		list := out.patterns(op)
		*list = append(slices.Clone(orDefault(op, *list)), w.Ref)
	}
	if w.Once {
		out.Once = append(slices.Clone(out.Once), w.Ref)
	}
	return out
}

// patterns is the list of an operation.
func (r *GitRepo) patterns(op policy.Operation) *[]string {
	return map[policy.Operation]*[]string{policy.Create: &r.Create, policy.Update: &r.Update, policy.Force: &r.Force, policy.Delete: &r.Delete}[op]
}

func orDefault(op policy.Operation, list []string) []string {
	if list == nil && (op == policy.Create || op == policy.Update) {
		return policy.DefaultRefs
	}
	return list
}

// sameGit reports whether two manifests give the same of repositories, however the
// patterns are ordered and written, and wherever that stands.
func sameGit(a, b *Manifest) bool {
	plain := func(m *Manifest) map[string]any {
		out := map[string]any{}
		for _, h := range m.Git {
			repos := map[string]GitRepo{}
			for _, r := range h.Repos {
				for _, op := range policy.Operations {
					list := slices.Clone(orDefault(op, *r.patterns(op)))
					slices.Sort(list)
					*r.patterns(op) = append([]string{}, list...)
				}
				r.Offered = false
				repos[strings.TrimSuffix(r.Path, ".git")] = r
			}
			h.Repos, h.Declared, h.places = nil, "", nil
			out[h.Name] = h
			out[h.Name+" repos"] = repos
		}
		return maps.Clone(out)
	}
	return reflect.DeepEqual(plain(a), plain(b))
}
