package policy

import (
	"bytes"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// Operation is what a push does to a ref.
type Operation string

// The operations. Update is by fast-forward.
const (
	Create Operation = "create"
	Update Operation = "update"
	Force  Operation = "force"
	Delete Operation = "delete"
)

// Operations are all of them.
var Operations = []Operation{Create, Update, Force, Delete}

// Explanation says what becomes of an operation by the name of the ref alone.
type Explanation struct {
	Operation Operation
	// Reason is why it is refused; "" if it is not.
	Reason string
	// Pattern is the one that lets it pass, and By the rule that it stands under.
	Pattern string
	By      Operation
}

// Explain says what of a ref the rules let pass, one for each of Operations. What
// is in the commits is not known then, and can still refuse a push.
func (p *Policy) Explain(ref string) []Explanation {
	var out []Explanation
	for _, op := range Operations {
		e := Explanation{Operation: op}
		if err := pktline.CheckRefName(ref); err != nil {
			e.Reason = err.Error()
		} else if e.Reason = p.reason(op, ref); e.Reason == "" {
			e.By, e.Pattern = p.by(op, ref)
		}
		out = append(out, e)
	}
	return out
}

// reason is that of CheckRefs, for which a forced push is any other.
func (p *Policy) reason(op Operation, ref string) string {
	if op == Force && !matches(p.force, ref) {
		return "commits that are there may not be thrown away"
	}
	c := pktline.Command{Ref: ref, Old: someID, New: someID}
	switch op {
	case Create:
		c.Old = noID
	case Delete:
		c.New = noID
	}
	return p.checkRef(c)
}

// by finds the pattern that lets an operation pass.
func (p *Policy) by(op Operation, ref string) (Operation, string) {
	parts := strings.Split(ref, "/")
	for _, list := range map[Operation][]ruleList{
		Create: {{Create, p.create}}, Update: {{Update, p.update}, {Force, p.force}}, Force: {{Force, p.force}}, Delete: {{Delete, p.delete}},
	}[op] {
		for _, pattern := range list.patterns {
			if pattern.match(parts) {
				return list.op, strings.Join(pattern, "/")
			}
		}
	}
	return op, ""
}

type ruleList struct {
	op       Operation
	patterns []refPattern
}

// noID stands for no object, someID for any.
var (
	noID   = oid.SHA1.Zero()
	someID = oid.SHA1.From(bytes.Repeat([]byte{1}, oid.SHA1.Size()))
)
