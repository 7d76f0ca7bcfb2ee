package policy

import (
	"testing"

	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// What is explained of a name is what is decided of it.
func TestExplainIsWhatCheckRefsDecides(t *testing.T) {
	p, err := New(Rules{Create: []string{"refs/heads/agent/**", "refs/tags/**"}, Update: []string{"refs/heads/agent/**", "refs/tags/**"}, Force: []string{"refs/heads/force/**"}, Delete: []string{"refs/heads/agent/old"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"refs/heads/agent/x", "refs/heads/agent/old", "refs/heads/force/x", "refs/heads/main", "refs/tags/v1", "refs/heads/HEAD", "refs/notes/x"} {
		for _, e := range p.Explain(ref) {
			c := pktline.Command{Ref: ref, Old: someID, New: someID}
			switch e.Operation {
			case Create:
				c.Old = noID
			case Delete:
				c.New = noID
			case Force:
				if (e.Reason == "") != matches(p.force, ref) {
					t.Errorf("%s %s: %q", e.Operation, ref, e.Reason)
				}
				continue
			}
			if r := p.CheckRefs([]pktline.Command{c}); (r == nil) != (e.Reason == "") {
				t.Errorf("%s %s: explained %q, decided %v", e.Operation, ref, e.Reason, r)
			}
			if (e.Pattern == "") != (e.Reason != "") {
				t.Errorf("%s %s: by %q, refused by %q", e.Operation, ref, e.Pattern, e.Reason)
			}
		}
	}
	for _, e := range p.Explain("refs/heads/a b") {
		if e.Reason == "" {
			t.Errorf("%s of a name that is none is let pass", e.Operation)
		}
	}
	if got := p.Explain("refs/heads/force/x")[1]; got.By != Force || got.Pattern != "refs/heads/force/**" {
		t.Errorf("an update that may be forced is by %+v", got)
	}
}
