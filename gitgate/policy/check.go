package policy

import (
	"context"
	"fmt"

	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pack"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/gitgate/scan"
)

// The rules that a Refusal names, beside those of the scanner.
const (
	RuleRef    = "git:ref"
	RuleForce  = "git:force"
	RuleFiles  = "git:files"
	RuleAuthor = "git:author"
	RuleSecret = "git:secret"
)

// Push is a push that has arrived.
type Push struct {
	Commands []pktline.Command
	Options  []string
	// Pack is nil where everything is deleted. Scan was its Visitor.
	Pack *pack.Pack
	Scan *scan.Scan
	// Upstream is asked for what the decision needs of the server.
	Upstream Upstream
	// Recent, if it is not nil, gets what the next push will build on: for Remember.
	Recent *Recent
}

// Refusal says why a push does not go on. No text of it holds a secret that was
// found, but the names of refs are as the client wrote them.
type Refusal struct {
	// Rule is the first one that was broken.
	Rule string
	// Refs has a reason for refs that have one of their own. Others is that of the
	// rest, for all of them are refused.
	Refs   map[string]string
	Others string
	// Places are what stops the push, at most MaxPlaces; Lines what the client shall
	// print, with the places and what can be done.
	Places []Place
	Lines  []string
	more   int
}

// MaxPlaces is how many places are told.
const MaxPlaces = 5

func (r *Refusal) refuse(ref, reason string) {
	if r.Refs == nil {
		r.Refs = map[string]string{}
	}
	if r.Refs[ref] == "" {
		r.Refs[ref] = reason
	}
	r.Others = "another ref of this push is refused, and it is taken as a whole or not at all"
}

func (r *Refusal) place(p Place) {
	if len(r.Places) < MaxPlaces {
		r.Places = append(r.Places, p)
	} else {
		r.more++
	}
}

func (r *Refusal) line(format string, args ...any) {
	r.Lines = append(r.Lines, fmt.Sprintf(format, args...))
}

// check is one decision.
type check struct {
	Push
	policy  *Policy
	store   *store
	refusal Refusal
	edge    []oid.ID // of the server's history, where it was fetched
	edged   bool
	hidden  map[string]bool // names of files that are findings
	placed  int             // parts of paths of what was found
	opened  int64           // bytes of trees that opens has in memory
	// what was broken
	secrets, files, authors, forced bool
}

// Check decides a push of which CheckRefs has nothing against. It returns nil for
// yes. An error means that it could not be decided, and that the push must be
// refused. It may take as long as it takes to ask the Upstream a few times.
func (p *Policy) Check(ctx context.Context, push Push) (*Refusal, error) {
	if r := p.CheckRefs(push.Commands); r != nil {
		return r, nil
	}
	x := &check{Push: push, policy: p, store: newStore(ctx, push.Pack, push.Upstream, &p.memory), hidden: map[string]bool{}}
	defer x.store.close()
	x.checkTexts()
	if push.Pack == nil {
		for _, c := range push.Commands {
			if !c.Delete() {
				return nil, errNoPack
			}
		}
		return x.verdict(), nil
	}
	commits, err := x.store.newCommits(x.Scan)
	if err != nil {
		return nil, err
	}
	for _, step := range []func([]*commit) error{x.checkSecrets, func([]*commit) error { return x.checkTips() }, x.checkFiles, x.checkAuthors} {
		if err := step(commits); err != nil {
			return nil, err
		}
	}
	if push.Recent != nil {
		*push.Recent = x.store.recent
	}
	return x.verdict(), nil
}

func (x *check) format() oid.Format { return x.Pack.Format() }

// needEdge has the commits that the push builds on fetched, with their trees.
func (x *check) needEdge(commits []*commit) error {
	if x.edged {
		return nil
	}
	x.edged = true
	x.edge = x.store.edge(commits)
	return x.store.fetchEdge(x.edge, commits)
}

// checkTexts scans what is no object.
func (x *check) checkTexts() {
	for _, c := range x.Commands {
		if found := x.stopsIn(c.Ref); len(found) > 0 {
			x.refusal.refuse(c.Ref, "its name has what looks like a credential: "+found[0].Rule)
			x.secrets = true
		}
	}
	for i, o := range x.Options {
		if found := x.stopsIn(o); len(found) > 0 {
			x.refusal.line("Push option %d has what looks like a credential: %s", i+1, found[0].Rule)
			x.secrets = true
		}
	}
}

// checkSecrets says where credentials are that the server does not have yet.
func (x *check) checkSecrets(commits []*commit) error {
	hits := x.hits()
	spelled, err := x.spelled(commits)
	if err != nil || len(hits) == 0 && len(spelled) == 0 {
		return err
	}
	list, err := x.locate(hits, commits)
	if err != nil {
		return err
	}
	list = append(list, spelled...)
	if list, err = x.dropKnown(list); err != nil {
		return err
	}
	for _, l := range list {
		x.secrets = true
		if len(x.refusal.Places) == MaxPlaces {
			x.refusal.more++
			continue
		}
		p, err := x.tell(l)
		if err != nil {
			return err
		}
		x.refusal.place(p)
	}
	return nil
}

func (x *check) hits() []scan.Hit {
	if x.Scan == nil {
		return nil
	}
	return x.Scan.Hits()
}
