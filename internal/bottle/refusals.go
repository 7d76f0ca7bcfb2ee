package bottle

import (
	"errors"
	"slices"
	"sync"

	"github.com/bot-bottle/bottle/gitgate/policy"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/supervise"
)

// maxRefusals bounds the pushes, and the uses of secrets, that a person said no to, for
// as long as the bottle runs. One beyond them can be asked for again.
const maxRefusals = 256

// refusals are the wants that the answer to is no, where no rule can say it: one that
// denies would be for all requests to the host.
type refusals struct {
	mu      sync.Mutex
	list    []manifest.PushWant
	secrets []secretUse
}

// secretUse is of a secret at a host.
type secretUse struct {
	secret, scheme, host string
	port                 int
}

func secretUseOf(q supervise.Question) secretUse {
	return secretUse{q.Secret, q.Scheme, q.Host, q.Port}
}

var errNoSecretRule = errors.New("there is nothing to write: a secret that no route has for a host is refused there already; deny it with --session, so that it is not asked for again while the bottle runs")

// refuseSecret makes a lasting no to the use of a secret come true.
func (r *refusals) refuseSecret(q supervise.Question, scope supervise.Scope) error {
	if scope == supervise.Always {
		return errNoSecretRule
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.secrets) < maxRefusals {
		r.secrets = append(r.secrets, secretUseOf(q))
	}
	return nil
}

// hasSecret reports whether the use of a secret was refused.
func (r *refusals) hasSecret(q supervise.Question) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.secrets, secretUseOf(q))
}

func (r *refusals) add(w manifest.PushWant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) < maxRefusals {
		r.list = append(r.list, w)
	}
}

// has reports whether an operation of w on its ref was refused.
func (r *refusals) has(w manifest.PushWant) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.list, func(no manifest.PushWant) bool {
		return no.Rule() == w.Rule() && no.Ref == w.Ref && slices.ContainsFunc(w.Operations, func(op policy.Operation) bool { return slices.Contains(no.Operations, op) })
	})
}
