package bottle

import (
	"testing"

	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// What was granted for one push is used up by the first that has this ref alone; one
// that has others, too, or comes at the same time, is asked about.
func TestOnePushIsOne(t *testing.T) {
	r, o := newAsked(t, "git: {forge.example.com: {repos: [{path: org/repo, access: write}]}}\n")
	gate, err := newGate(r.current, &credentials{})
	if err != nil {
		t.Fatal(err)
	}
	r.inForce.Gate = gate
	grant := func(ref string) {
		t.Helper()
		q := supervise.Question{ID: "r-" + ref, Kind: supervise.KindPushRule, Host: "forge.example.com", Repository: "org/repo", Ref: "refs/heads/" + ref, Operations: []string{"create"}}
		if q.Reach, err = o.reach(q); err != nil {
			t.Fatal(err)
		}
		if err := o.apply(t.Context(), q, supervise.Verdict{Allow: true, Scope: supervise.Once}); err != nil {
			t.Fatal(err)
		}
		// What else it has is as it was.
		cfg := <-r.applied.configs
		if g, ok := cfg.Gate.(*gitgate.Gate); !ok || !g.Has("forge.example.com") {
			t.Errorf("the gate is %v", cfg.Gate)
		}
	}
	push := func(refs ...string) bool {
		q := proxy.Question{Gated: true, Rule: "git:forge.example.com/org/repo", Refs: refs}
		return o.reload.usePush(t.Context(), q, false)
	}
	grant("a")
	grant("b")
	if push("refs/heads/a", "refs/heads/agent/x") || push("refs/heads/c") {
		t.Error("it is an answer about other refs")
	}
	if q := (proxy.Question{Gated: true, Rule: "git:forge.example.com/org/other", Refs: []string{"refs/heads/a"}}); o.reload.usePush(t.Context(), q, false) {
		t.Error("it is an answer about another repository")
	}
	if !push("refs/heads/a") || push("refs/heads/a") {
		t.Error("one push is not one")
	}
	if len(r.grants) != 1 || r.manifest().GitRepo("forge.example.com", "org/repo").Once[0] != "refs/heads/b" {
		t.Errorf("left: %+v", r.grants)
	}
	// A person who was asked all the same has said yes to that one push.
	q := proxy.Question{Gated: true, Rule: "git:forge.example.com/org/repo", Refs: []string{"refs/heads/b", "refs/heads/agent/x"}}
	o.reload.usePush(t.Context(), q, true)
	if len(r.grants) != 0 {
		t.Errorf("left: %+v", r.grants)
	}
}

// A manifest that takes a repository away takes what was granted beside it along.
func TestPushGrantsEndWithTheirRepository(t *testing.T) {
	r, o := newAsked(t, "git: {forge.example.com: {repos: [{path: org/repo, access: write}]}}\n")
	q := supervise.Question{ID: "r-1", Kind: supervise.KindPushRule, Host: "forge.example.com", Repository: "org/repo", Ref: "refs/heads/main", Operations: []string{"create"}}
	q.Reach, _ = o.reach(q)
	if err := o.apply(t.Context(), q, supervise.Verdict{Allow: true, Scope: supervise.Session}); err != nil {
		t.Fatal(err)
	}
	if got := r.manifest().GitRepo("forge.example.com", "org/repo").Create; len(got) != 2 {
		t.Errorf("create: %q", got)
	}
	r.project.load("git: {forge.example.com: {repos: [{path: org/repo, access: read}]}}\n")
	r.reload(t.Context())
	if got := r.manifest().GitRepo("forge.example.com", "org/repo"); got.Push() != nil {
		t.Errorf("got %+v", got)
	}
}
