package proxy

import (
	"slices"
	"strings"
)

// secretSet is a list of names of secrets without repetition.
type secretSet struct {
	names []string
	key   string // the names as one text
}

func newSecretSet(names []string) secretSet {
	return secretSet{names: names, key: strings.Join(names, "\x00")}
}

// hostSecrets are the secrets that some route may have injected on a host.
func (p *Policy) hostSecrets(host string) secretSet {
	// All candidates after the first are candidates for its key too.
	for c := range p.candidates(host) {
		if c.wildcard {
			return p.secrets[c.suffix]
		}
		return p.secrets[c.Host]
	}
	return secretSet{}
}

// collectSecrets prepares what hostSecrets returns.
func (p *Policy) collectSecrets() {
	p.secrets = map[string]secretSet{}
	for _, routes := range []map[string][]*compiledRoute{p.exact, p.wild} {
		for key := range routes {
			var names []string
			for c := range p.candidates(key) {
				for _, n := range c.Secrets {
					if !slices.Contains(names, n) {
						names = append(names, n)
					}
				}
			}
			if len(names) > 0 {
				p.secrets[key] = newSecretSet(names)
			}
		}
	}
}
