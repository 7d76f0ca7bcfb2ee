package supervise

import (
	"fmt"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Kind says what a question is about.
type Kind string

// The kinds of questions.
const (
	KindRequest Kind = "request" // that is held while the operator decides
	KindPush    Kind = "push"    // of git, that is held too, and that no route decides
	KindAccess  Kind = "access"  // the agent wants to reach a host
	KindBudget  Kind = "budget"  // a request that is held at a limit of the manifest's budgets
	KindSecret  Kind = "secret"  // the agent wants a secret to be used for a host
	// KindPushRule is of an agent that wants to be let push a ref.
	KindPushRule Kind = "push-rule"
)

// Scope is how far an answer goes.
type Scope string

// The scopes of an answer.
const (
	Once    Scope = "once"    // what waits now
	Session Scope = "session" // until the bottle ends
	Always  Scope = "always"  // it is written into the manifest
)

// Held reports whether something waits for the answer, which a yes for once lets
// pass.
func (k Kind) Held() bool { return k == KindRequest || k == KindPush || k == KindBudget }

// Once reports whether there can be a yes for once: to what is held, and to one push.
func (k Kind) Once() bool { return k.Held() || k == KindPushRule }

// Question waits for the operator. What the agent wrote of it (host, path, reason)
// is as it came: whoever shows it escapes it. Credentials in it are covered.
type Question struct {
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	Bottle  string    `json:"bottle"`
	Asked   time.Time `json:"asked"`
	Until   time.Time `json:"until"`   // no answer by then is a no
	Waiting int       `json:"waiting"` // requests that wait for the answer
	Scheme  string    `json:"scheme"`
	Host    string    `json:"host"`
	Port    int       `json:"port"`
	Methods []string  `json:"methods,omitempty"`
	Path    string    `json:"path,omitempty"`  // of a request, with its query
	Paths   []string  `json:"paths,omitempty"` // patterns that are wanted
	Secret  string    `json:"secret,omitempty"`
	// Repository (its path), Ref and Operations (of create, update, force, delete) are
	// of a push that is wanted.
	Repository string   `json:"repository,omitempty"`
	Ref        string   `json:"ref,omitempty"`
	Operations []string `json:"operations,omitempty"`

	Rule   string `json:"rule,omitempty"`   // that asks
	Reason string `json:"reason,omitempty"` // the agent's
	Over   string `json:"over,omitempty"`   // which limit a request is at, in words
	Length int64  `json:"length,omitempty"` // of the body; -1 when it has none declared

	Findings []proxy.EventFinding `json:"findings,omitempty"`
	// Detail is more about what is asked for, in lines, as of a push.
	Detail []string `json:"detail,omitempty"`
	// Reach is what a yes that lasts would give, in words that can be shown as they
	// are; Effect the reason why there is none.
	Reach  []string `json:"reach,omitempty"`
	Effect string   `json:"effect,omitempty"`
}

// setReach takes over what a Reach said.
func (q *Question) setReach(lines []string, err error) {
	q.Reach, q.Effect = lines, ""
	if err != nil {
		q.Effect = err.Error()
	}
}

// key is equal for questions that are one to the operator: all that is shown of them
// is.
func (q *Question) key() string {
	hashes := make([]string, len(q.Findings))
	for i := range q.Findings {
		hashes[i] = q.Findings[i].Rule + q.Findings[i].Hash
	}
	return fmt.Sprintf("%q", []any{q.Kind, q.Scheme, q.Host, q.Port, q.Methods, q.Path, q.Paths, q.Secret, q.Repository, q.Ref, q.Operations, q.Rule, q.Over, q.Length, hashes, q.Detail})
}

// Verdict is the operator's answer.
type Verdict struct {
	Allow bool `json:"allow"`
	// Scope is how far it goes; "" is once for a request and a push, and session for
	// what else the agent asks beforehand.
	Scope  Scope  `json:"scope,omitempty"`
	Reason string `json:"reason,omitempty"` // told to the agent
}

// Outcome is what became of a question.
type Outcome struct {
	Verdict
	Open bool `json:"open,omitempty"` // there is no answer yet
}
