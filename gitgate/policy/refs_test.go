package policy

import (
	"context"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pktline"
)

func TestRefsMayBeWhatTheirRulesSay(t *testing.T) {
	some, _ := oid.Parse(strings.Repeat("1", 40))
	other, _ := oid.Parse(strings.Repeat("2", 40))
	none := oid.SHA1.Zero()
	wide := Rules{Create: []string{"refs/**"}, Update: []string{"refs/*/**"}, Force: []string{"refs/heads/agent/x*"}, Delete: []string{"refs/heads/agent/**", "refs/notes/ci"}}
	for _, c := range []struct {
		rules    Rules
		old, new oid.ID
		ref      string
		ok       bool
	}{
		{Rules{}, none, some, "refs/heads/agent/a", true},
		{Rules{}, none, some, "refs/heads/agent/a/b", true},
		{Rules{}, some, other, "refs/heads/agent/a", true},
		{Rules{}, some, none, "refs/heads/agent/a", false},
		{Rules{}, none, some, "refs/heads/agent", false},
		{Rules{}, none, some, "refs/heads/agents/a", false},
		{Rules{}, none, some, "refs/heads/main", false},
		{Rules{}, some, other, "refs/heads/main", false},
		{Rules{}, none, some, "refs/tags/v1", false},
		{Rules{}, none, some, "refs/heads/Agent/a", false},
		{Rules{Create: []string{}, Update: []string{}}, none, some, "refs/heads/agent/a", false},
		{Rules{Create: []string{}, Update: []string{}}, some, other, "refs/heads/agent/a", false},
		{Rules{Create: []string{"refs/tags/v*"}}, none, some, "refs/tags/v1", true},
		{Rules{Update: []string{"refs/tags/**"}}, some, other, "refs/tags/v1", false},
		{Rules{Force: []string{"refs/tags/**"}}, some, other, "refs/tags/v1", true},
		{Rules{Force: []string{"refs/heads/main"}}, none, some, "refs/heads/main", false},
		{wide, none, some, "refs/heads/main", true},
		{wide, none, some, "refs/tags/v1", true},
		{wide, none, some, "refs/for/main", false},
		{wide, none, some, "refs/pull/1/head", false},
		{wide, none, some, "refs/notes/commits", false},
		{wide, some, other, "refs/notes/commits", false},
		{wide, some, none, "refs/notes/ci", true},
		{wide, none, some, "refs/heads/HEAD", false},
		{wide, some, none, "refs/heads/agent/a", true},
		{wide, some, none, "refs/heads/main", false},
		{Rules{Create: []string{"refs/for/*"}}, none, some, "refs/for/main", true},
	} {
		p, err := New(c.rules)
		if err != nil {
			t.Fatal(err)
		}
		r := p.CheckRefs([]pktline.Command{{Old: c.old, New: c.new, Ref: c.ref}})
		if (r == nil) != c.ok {
			t.Errorf("%v -> %v %s by %+v: %+v", c.old.IsZero(), c.new.IsZero(), c.ref, c.rules, r)
		}
		if r != nil && (r.Rule != RuleRef || r.Refs[c.ref] == "" || len(r.Lines) < 5) {
			t.Errorf("%s: the refusal says %+v", c.ref, r)
		}
	}
}

func TestOneRefThatIsRefusedStopsTheOthers(t *testing.T) {
	p, err := New(Rules{})
	if err != nil {
		t.Fatal(err)
	}
	some, _ := oid.Parse(strings.Repeat("1", 40))
	commands := []pktline.Command{{New: some, Ref: "refs/heads/agent/a"}, {New: some, Ref: "refs/heads/main"}}
	r, err := p.Check(context.Background(), Push{Commands: commands})
	if err != nil || r == nil || r.Refs["refs/heads/agent/a"] != "" || !strings.Contains(r.Others, "another ref") || r.Refs["refs/heads/main"] == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAPushWithoutAPackCannotBeDecided(t *testing.T) {
	p, err := New(Rules{})
	if err != nil {
		t.Fatal(err)
	}
	some, _ := oid.Parse(strings.Repeat("1", 40))
	if _, err := p.Check(context.Background(), Push{Commands: []pktline.Command{{New: some, Ref: "refs/heads/agent/a"}}}); err == nil {
		t.Error("it passes")
	}
}

func TestPatternsThatCannotMatchAreRefused(t *testing.T) {
	for _, s := range []string{"", "main", "refs/", "heads/main", "refs/heads//a", "refs/heads/a**", "refs/../x", "refs/heads/a b"} {
		if _, err := New(Rules{Create: []string{s}}); err == nil {
			t.Errorf("ref pattern %q", s)
		}
	}
	for _, s := range []string{"", "/a", "a//b", "a/**b", "./a", "../a"} {
		if _, err := New(Rules{Files: Files{Deny: []string{s}}}); err == nil {
			t.Errorf("file pattern %q", s)
		}
	}
}

func TestABranchMovesForward(t *testing.T) {
	w := newWorld(t)
	first := w.commit("first", "a", "1\n")
	w.commit("second", "a", "2\n")
	w.upload("HEAD:refs/heads/work")
	w.upload("HEAD:refs/heads/main")
	w.commit("third", "a", "3\n")
	allowed(t, "a commit more", w.decide(open, "HEAD:refs/heads/work"))
	if len(w.asked) > 0 {
		t.Errorf("the server was asked %d times for a commit more", len(w.asked))
	}
	w.commit("fourth", "a", "4\n")
	allowed(t, "two more", w.decide(open, "HEAD:refs/heads/work"))
	w.git("checkout", "-q", "-b", "old", first)
	w.commit("rewritten", "a", "5\n")
	refused(t, "a rewritten commit", w.decide(open, "HEAD:refs/heads/work"), RuleForce, "no fast-forward")
	allowed(t, "a forced one", w.decide(Rules{Create: open.Create, Force: []string{"refs/heads/work"}, Files: open.Files}, "HEAD:refs/heads/work"))
	refused(t, "an old commit that the server has", w.decide(open, first+":refs/heads/work"), RuleForce, "no fast-forward")
	w.git("checkout", "-q", "main")
	w.upload("HEAD:refs/heads/main")
	allowed(t, "a branch that the server has elsewhere", w.decide(open, "main:refs/heads/work"))
	w.git("merge", "-q", "--no-ff", "-m", "merge", "-s", "ours", "old")
	allowed(t, "a merge", w.decide(open, "HEAD:refs/heads/work"))
	w.git("checkout", "-q", "old")
	w.git("merge", "-q", "--no-ff", "-m", "merge", "-s", "ours", "main~1")
	allowed(t, "a merge as the second parent", w.decide(open, "HEAD:refs/heads/work"))
}

func TestAFastForwardIsProvenWithWhatTheServerHas(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	w.upload("HEAD:refs/heads/work")
	w.commit("second", "a", "2\n")
	w.commit("third", "a", "3\n")
	w.upload("HEAD:refs/heads/main")
	w.commit("fourth", "a", "4\n")
	allowed(t, "a branch over commits of another", w.decide(open, "HEAD:refs/heads/work"))
	if len(w.asked) != 1 || len(w.asked[0].Have) != 1 || w.asked[0].Filter != onlyCommits {
		t.Errorf("the server was asked %+v", w.asked)
	}
}

// The commits between are fetched without their trees, which the rules for files
// ask for behind that.
func TestFilesAreComparedBehindAFastForward(t *testing.T) {
	rules := Rules{Create: open.Create, Update: open.Update}
	w := newWorld(t)
	w.commit("first", "a", "1\n", ".github/workflows/x", "1\n")
	w.upload("HEAD:refs/heads/work")
	w.commit("second", "a", "2\n", ".github/workflows/x", "2\n")
	w.commit("third", "a", "3\n")
	w.upload("HEAD:refs/heads/main")
	w.commit("fourth", "a", "4\n")
	allowed(t, "a branch over commits of another", w.decide(rules, "HEAD:refs/heads/work"))
	if len(w.asked) > 2 {
		t.Errorf("the server was asked %+v", w.asked)
	}
	w.commit("fifth", ".github/workflows/x", "3\n")
	refused(t, "with a change", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "workflows/x")
}

func TestABranchIsACommit(t *testing.T) {
	w := newWorld(t)
	w.commit("first", "a", "1\n")
	w.git("tag", "-a", "-m", "a tag", "v1")
	refused(t, "a blob", w.decide(open, "HEAD:refs/heads/b", "HEAD:a:refs/heads/work"), RuleRef, "can only be a commit")
	refused(t, "a tag", w.decide(open, "v1:refs/heads/work"), RuleRef, "can only be a commit")
	allowed(t, "a tag as a tag", w.decide(open, "v1:refs/tags/v1"))
}
