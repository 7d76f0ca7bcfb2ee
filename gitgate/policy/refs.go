package policy

import (
	"strings"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// CheckRefs decides what can be decided before the pack arrives: whether refs of
// these names may be created, moved or deleted. It returns nil for yes.
func (p *Policy) CheckRefs(commands []pktline.Command) *Refusal {
	r := &Refusal{Rule: RuleRef}
	for _, c := range commands {
		if reason := p.checkRef(c); reason != "" {
			r.refuse(c.Ref, reason)
		}
	}
	if len(r.Refs) == 0 {
		return nil
	}
	r.line("What may be pushed:")
	r.Lines = append(r.Lines, p.Describe()...)
	return r
}

func (p *Policy) checkRef(c pktline.Command) string {
	switch {
	case c.Delete():
		return unless(matches(p.delete, c.Ref), "it may not be deleted")
	case c.Ref == "refs/heads/HEAD":
		return "no branch may be called HEAD"
	case c.Create():
		return unless(matches(p.create, c.Ref), "it may not be created under this name")
	case matches(p.force, c.Ref):
		return ""
	case isTag(c.Ref):
		return "a tag may not be moved"
	}
	return unless(matches(p.update, c.Ref), "it may not be changed")
}

func unless(ok bool, reason string) string {
	if ok {
		return ""
	}
	return reason
}

func isTag(ref string) bool { return strings.HasPrefix(ref, "refs/tags/") }

// Describe says in some lines what the rules let pass, for who is to push by them.
func (p *Policy) Describe() []string {
	r := &p.rules
	lines := []string{
		describe("create", r.Create), describe("move on (fast-forward)", r.Update),
		describe("force", r.Force), describe("delete", r.Delete),
	}
	if len(r.Files.Deny) > 0 {
		lines = append(lines, "not to be changed: "+strings.Join(r.Files.Deny, ", "))
	}
	if who := r.Author.describe(); who != "" {
		lines = append(lines, who)
	}
	return lines
}

func describe(what string, patterns []string) string {
	if len(patterns) == 0 {
		return what + ": nothing"
	}
	return what + ": " + strings.Join(patterns, ", ")
}

// checkTips decides whether branches become what they may.
func (x *check) checkTips() error {
	for _, c := range x.Commands {
		if c.Delete() {
			continue
		}
		if kind, ok := x.store.kind(c.New); ok && kind != object.Commit && strings.HasPrefix(c.Ref, "refs/heads/") {
			x.refusal.refuse(c.Ref, "a branch can only be a commit")
			continue
		}
		if c.Create() || matches(x.policy.force, c.Ref) {
			continue
		}
		forward, err := x.store.descends(c.New, c.Old)
		if err != nil {
			return err
		}
		if !forward {
			x.refusal.refuse(c.Ref, "this would throw commits away that are there (no fast-forward), and it may not be forced")
			x.forced = true
		}
	}
	return nil
}
