package dlp

import "strings"

// Action is what happens with a finding.
type Action string

const (
	// Block stops what holds the finding.
	Block Action = "block"
	// Redact replaces the finding, and blocks where that is not possible.
	Redact Action = "redact"
	// Warn lets it pass and notes it.
	Warn Action = "warn"
	// Off ignores it.
	Off Action = "off"
)

// strictness orders the actions. What is not in it is an unknown action, which
// is decided as Block.
var strictness = map[Action]int{Off: 1, Warn: 2, Redact: 3, Block: 4}

// Policy says what happens with findings. The zero value blocks what is very
// likely a credential and warns of the rest, as each rule says.
type Policy struct {
	// Action is for rules that Rules does not name; "" is Block. A rule whose
	// own action is milder keeps that: a JWT is not blocked for its shape
	// unless Rules says so.
	Action Action
	// Rules has actions by the rule's ID, RuleKnown among them.
	Rules map[string]Action
	// Allow lists what may go where.
	Allow []Exemption
}

// Exemption lets findings of a rule go to a host.
type Exemption struct {
	Rule string
	// Host is a name, or "*." and a name for all names below that one.
	Host string
}

// Decide returns what happens with a finding that is on its way to host, a name
// without a port. A placeholder is always Off: it is no finding to act on.
// An action that is not one of this package's is Block.
func (p Policy) Decide(f Finding, host string) Action {
	if f.Kind == KindPlaceholder {
		return Off
	}
	for _, ex := range p.Allow {
		if ex.Rule == f.Rule && ex.matches(host) {
			return Off
		}
	}
	if a, ok := p.Rules[f.Rule]; ok {
		return a.known()
	}
	a := p.Action.known()
	if own := defaultAction(f.Rule); strictness[own] < strictness[a] {
		return own
	}
	return a
}

func (a Action) known() Action {
	if strictness[a] == 0 {
		return Block
	}
	return a
}

func (ex Exemption) matches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	pattern := strings.ToLower(ex.Host)
	if parent, ok := strings.CutPrefix(pattern, "*."); ok {
		below, ok := strings.CutSuffix(host, "."+parent)
		return ok && below != "" && parent != ""
	}
	return host != "" && host == pattern
}
