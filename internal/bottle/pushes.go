package bottle

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

var (
	errRefused    = errors.New("the operator said no to it for as long as this bottle runs")
	errNoPushRule = errors.New("there is nothing to write: what no rule under git allows is refused already; deny it with --session, so that it is not asked for again while the bottle runs")
)

// pushWant is what a question about a rule for pushes asks for.
func pushWant(q supervise.Question) manifest.PushWant {
	w := manifest.PushWant{Host: q.Host, Repo: q.Repository, Ref: q.Ref}
	for _, op := range q.Operations {
		w.Operations = append(w.Operations, policy.Operation(op))
	}
	return w
}

// reachOfPush says what a yes to a question about a rule for pushes would give.
func (o *operator) reachOfPush(q supervise.Question) (lines []string, err error) {
	w := pushWant(q)
	if o.refused.has(w) {
		return nil, errRefused
	}
	_, lines, err = o.reload.manifest().PushGrantFor(w)
	return lines, err
}

// applyPush makes an answer to such a question come true.
func (o *operator) applyPush(ctx context.Context, q supervise.Question, v supervise.Verdict) error {
	w := pushWant(q)
	switch {
	case !v.Allow && v.Scope == supervise.Always:
		return errNoPushRule
	case !v.Allow && v.Scope == supervise.Session:
		o.refused.add(w)
		return nil
	case !v.Allow:
		return nil
	}
	w.Once = v.Scope == supervise.Once
	g, _, err := o.reload.manifest().PushGrantFor(w)
	if err != nil {
		return err
	}
	if v.Scope == supervise.Always {
		return o.reload.grantAlways(ctx, g, q.ID)
	}
	return o.reload.grant(ctx, g)
}

// usePush uses up what was granted for one push, where q is about one. It reports
// whether that is the answer: what has other refs, too, and what is asked about
// anyway, is asked about.
func (r *reloader) usePush(ctx context.Context, q proxy.Question, approved bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	granted := func(ref string) func(manifest.Grant) bool {
		return func(g manifest.Grant) bool {
			return g.Push != nil && g.Push.Once && g.Push.Rule() == q.Rule && g.Push.Ref == ref
		}
	}
	left := slices.Clone(r.grants)
	for _, ref := range q.Refs {
		before := len(left)
		if left = slices.DeleteFunc(left, granted(ref)); len(left) == before && !approved {
			return false
		}
	}
	if len(left) == len(r.grants) || !approved && r.asksAbout(q.Rule) {
		return false
	}
	return r.setGrants(ctx, left) == nil
}

// asksAbout reports whether the manifest wants each push to a repository asked about.
func (r *reloader) asksAbout(rule string) bool {
	host, repo, _ := strings.Cut(strings.TrimPrefix(rule, "git:"), "/")
	entry := r.current.GitRepo(host, repo)
	return entry != nil && entry.Access == manifest.GitAsk
}

// grantGate gives a gate the repositories for which pushes were granted.
func grantGate(gate proxy.Gate, m *manifest.Manifest, grants []manifest.Grant) (proxy.Gate, error) {
	g, ok := gate.(*gitgate.Gate)
	if !ok {
		return gate, nil
	}
	for i := range grants {
		w := grants[i].Push
		if w == nil {
			continue
		}
		r := m.GitRepo(w.Host, w.Repo)
		if r == nil || !g.Has(w.Host) {
			continue // the grant has no place in this manifest
		}
		var err error
		if g, err = g.With(w.Host, gitgate.Repo{Path: r.Path, Push: r.Push()}); err != nil {
			return nil, err
		}
	}
	return g, nil
}
