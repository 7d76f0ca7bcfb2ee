// Package policy decides whether a push may go on: which refs it may create, move,
// force and delete, what its commits may change and who they must be by, and what
// becomes of credentials in them. A push goes on as a whole or not at all.
//
// What the decision needs of the server's objects it asks an Upstream for, which
// is seldom. There is no mirror: but for the last few commits and trees, nothing of
// it is kept.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/glob"
)

// Rules are what may be pushed to a repository. In the patterns of refs and files
// "*" stands for any text between slashes, and "**" for any number of parts.
type Rules struct {
	// Create and Update are refs that may be made and that may be moved on, so that
	// nothing is lost; nil is DefaultRefs, and empty is none. A branch is moved on
	// to a commit that has its old one as an ancestor, a tag never.
	Create, Update []string
	// Force are refs that may be moved anywhere, Delete those that may be deleted.
	Force, Delete []string
	Files         Files
	Author        Author
}

// Files say what commits may change. Merged commits change what they have like no
// parent of theirs.
type Files struct {
	// Deny are paths that may not be added, changed or removed, in any case of
	// letters; nil is DefaultDeny, and empty is none.
	Deny []string
	// Submodule says whether the URL of a submodule is allowed, as it stands in
	// .gitmodules; nil allows none.
	Submodule func(url string) bool
}

// Author is who commits must be by; a zero value is anyone.
type Author struct {
	// Name and Email must be those of author and committer.
	Name, Email string
	// SignedOff asks for a line of Signed-off-by with the author's address at the
	// end of each message.
	SignedOff bool
}

// The defaults of Rules.
var (
	DefaultRefs = []string{"refs/heads/agent/**"}
	DefaultDeny = []string{".github/workflows/**"}
)

// Policy is Rules made ready, for one repository. It may be used concurrently, and
// remembers up to 4 MiB of what pushes built on.
type Policy struct {
	rules                         Rules
	create, update, force, delete []refPattern
	deny                          [][]string
	first                         []string // parts that deny begins with; nil if one is a pattern itself
	memory                        memory
}

// New checks the patterns.
func New(r Rules) (*Policy, error) {
	if r.Create == nil {
		r.Create = DefaultRefs
	}
	if r.Update == nil {
		r.Update = DefaultRefs
	}
	if r.Files.Deny == nil {
		r.Files.Deny = DefaultDeny
	}
	p := &Policy{rules: r}
	for _, list := range []struct {
		patterns []string
		out      *[]refPattern
	}{{r.Create, &p.create}, {r.Update, &p.update}, {r.Force, &p.force}, {r.Delete, &p.delete}} {
		for _, s := range list.patterns {
			if err := CheckRefPattern(s); err != nil {
				return nil, err
			}
			*list.out = append(*list.out, strings.Split(s, "/"))
		}
	}
	for _, s := range r.Files.Deny {
		if err := CheckFilePattern(s); err != nil {
			return nil, err
		}
		p.deny = append(p.deny, strings.Split(strings.ToLower(s), "/"))
	}
	for _, parts := range p.deny {
		if strings.Contains(parts[0], "*") {
			p.first = nil
			break
		}
		p.first = append(p.first, parts[0])
	}
	return p, nil
}

// Watch returns names for scan.Scan.Watch: where no tree of a push has one of them,
// most of its commits need not be compared with their parents.
func (p *Policy) Watch() []string { return p.first }

// CheckRefPattern returns why a text is no pattern of refs, or nil.
func CheckRefPattern(s string) error {
	rest, ok := strings.CutPrefix(s, "refs/")
	if !ok || rest == "" {
		return fmt.Errorf("%q: a pattern of refs begins with refs/, such as refs/heads/agent/**", s)
	}
	if strings.ContainsAny(s, " ~^:?[\\") {
		return fmt.Errorf(`%q: no ref has one of the characters space ~ ^ : ? [ \`, s)
	}
	return checkParts(s)
}

// CheckFilePattern returns why a text is no pattern of files, or nil.
func CheckFilePattern(s string) error {
	if strings.HasPrefix(s, "/") {
		return fmt.Errorf("%q: a pattern of files is relative to the repository and does not begin with a slash", s)
	}
	return checkParts(s)
}

func checkParts(s string) error {
	for part := range strings.SplitSeq(s, "/") {
		switch {
		case part == "", part == ".", part == "..":
			return fmt.Errorf("%q: a part that is empty or of dots matches nothing", s)
		case part != "**" && strings.Contains(part, "**"):
			return fmt.Errorf("%q: ** must be a part of its own", s)
		}
	}
	return nil
}

// refPattern is a pattern of refs, in its parts.
type refPattern []string

// match matches the parts of a ref. What is neither branch nor tag has meanings
// that a server gives it (refs/for, refs/pull, refs/notes): a pattern must name it.
func (p refPattern) match(ref []string) bool {
	if len(ref) < len(p) { // "agent/**" is what is below, and not "agent"
		return false
	}
	if kind := ref[1]; kind != "heads" && kind != "tags" && p[1] != kind {
		return false
	}
	return glob.Match(p, ref)
}

func matches(patterns []refPattern, ref string) bool {
	parts := strings.Split(ref, "/")
	return slices.ContainsFunc(patterns, func(p refPattern) bool { return p.match(parts) })
}

// errNoPack is a mistake of the caller.
var errNoPack = errors.New("a push that makes something has no pack")
