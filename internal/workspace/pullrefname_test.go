package workspace

import "testing"

// Commits that came once stay, whatever the agent makes of its branches.
func TestPullKeepsCommits(t *testing.T) {
	checkout := func(t *testing.T, dir, name string) {
		git(t, dir, "checkout", "-q", "-b", name, "main")
		agentCommits(t, dir, "n", name)
	}
	for _, test := range []struct {
		name          string
		first, second func(t *testing.T, dir string)
		was, as       string // refs below refs/bottle/b1/heads
		gone          bool   // was leads to the new commit, of which the old is an ancestor; and so does the branch
	}{
		{"a branch that was reset", func(t *testing.T, dir string) { checkout(t, dir, "feat") }, func(t *testing.T, dir string) {
			git(t, dir, "reset", "-q", "--hard", "main")
			agentCommits(t, dir, "z", "1")
		}, "feat", "feat.2", false},
		{"a branch that went on", func(t *testing.T, dir string) { checkout(t, dir, "feat") }, func(t *testing.T, dir string) {
			agentCommits(t, dir, "z", "1")
		}, "feat", "feat", true},
		{"a branch below another's name", func(t *testing.T, dir string) { checkout(t, dir, "foo") }, func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "--detach")
			git(t, dir, "branch", "-qD", "foo")
			checkout(t, dir, "foo/bar")
		}, "foo", "foo.2/bar", false},
		{"a branch of the name of a folder", func(t *testing.T, dir string) { checkout(t, dir, "foo/bar") }, func(t *testing.T, dir string) {
			git(t, dir, "checkout", "-q", "--detach")
			git(t, dir, "branch", "-qD", "foo/bar")
			checkout(t, dir, "foo")
		}, "foo/bar", "foo.2", false},
	} {
		for _, packed := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", packed"}[packed], func(t *testing.T) {
				const top = "refs/bottle/b1/heads/"
				dir := newRepo(t, files{"a": "1"})
				c := copyOf(t, dir)
				test.first(t, c.target)
				pull(t, c)
				old := rev(t, dir, top+test.was)
				if packed {
					git(t, dir, "pack-refs", "--all")
				}
				test.second(t, c.target)
				for _, out := range []*Pulled{pull(t, c, dry), pull(t, c)} {
					as := ""
					for _, i := range out.Taken.Items {
						if i.Kind == Commits {
							as += i.As
						}
					}
					if as != top+test.as {
						t.Errorf("put at %s, left %+v", as, out.Left.Items)
					}
					if branch := map[bool]string{true: "bottle/b1", false: "bottle/b1.2"}[test.gone]; len(out.Heads) > 0 && out.Heads[0].Ref != branch {
						t.Errorf("heads: %+v", out.Heads)
					}
				}
				if got, want := rev(t, dir, top+test.as), rev(t, c.target, "HEAD"); got != want {
					t.Errorf("the new ref is %s, want %s", got, want)
				}
				if !test.gone && rev(t, dir, top+test.was) != old {
					t.Error("the old ref is another")
				}
				git(t, dir, "merge-base", "--is-ancestor", old, top+test.was)
				git(t, dir, "fsck", "--strict", "--no-dangling")
				if out := pull(t, c); out.Taken.Total > 0 {
					t.Errorf("once more: %q", said(out))
				}
			})
		}
	}
}
