package policy

import (
	"testing"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

// All that is decided by IDs is decided in the other object format, too.
func TestTheOtherObjectFormat(t *testing.T) {
	w := newWorldOf(t, oid.SHA256)
	rules := Rules{Create: open.Create, Update: open.Update}
	first := w.commit("first", "a/b.txt", "1\n", workflow, "1\n", "old.txt", "key = "+secret+"\n")
	w.upload("HEAD:refs/heads/work")
	w.commit("second", "a/b.txt", "2\n", "old.txt", "key = "+secret+"\nmore\n", "l", "-> a")
	w.upload("HEAD:refs/heads/main")
	w.commit("third", "a/b.txt", "3\n", "old.txt", "key = "+secret+"\nand more\n")
	allowed(t, "a fast-forward over what the server has", w.decide(rules, "HEAD:refs/heads/work"))
	w.commit("fourth", "a/c.txt", "\n"+secret)
	refused(t, "a secret", w.decide(rules, "HEAD:refs/heads/work"), RuleSecret, w.git("rev-parse", "--short=12", "HEAD")+":a/c.txt:2")
	w.git("reset", "-q", "--hard", "HEAD~")
	w.commit("fifth", workflow, "2\n")
	refused(t, "a workflow", w.decide(rules, "HEAD:refs/heads/work"), RuleFiles, "ci.yml")
	w.git("checkout", "-q", "-B", "other", first)
	w.commit("another", "a/d.txt", "1\n")
	refused(t, "no fast-forward", w.decide(rules, "HEAD:refs/heads/main"), RuleForce, "no fast-forward")
}
