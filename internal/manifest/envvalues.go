package manifest

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/mitm"
)

// The placeholder of a secret is named in a value under env as ${secret:NAME}.
const (
	placeholderRef    = "${secret:"
	placeholderRefEnd = "}"
)

// ownVariables are those that bottle itself sets: another value would lead
// clients past the proxy, or let none of them trust it.
var ownVariables = func() map[string]string {
	out := map[string]string{"HOME": "the agent's home in the bottle"}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		out[name], out[strings.ToLower(name)] = "the way to the proxy", "the way to the proxy"
	}
	for name := range mitm.ClientEnv("", "") {
		out[name] = "how clients find and trust the proxy"
	}
	return out
}()

// envRefs checks which placeholders the values name, once the routes are known.
func (b *builder) envRefs() {
	allowed := map[string]bool{}
	for _, r := range b.m.Egress.Routes {
		for _, name := range r.Secrets {
			allowed[name] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(b.doc.Env)) {
		rest := b.doc.Env[k]
		for {
			_, after, found := strings.Cut(rest, placeholderRef)
			if !found {
				break
			}
			name, behind, closed := strings.Cut(after, placeholderRefEnd)
			if !closed {
				b.fault(at("env", k), "%s is not closed by %s", placeholderRef, placeholderRefEnd)
				break
			}
			if !allowed[name] && !b.spoiled("egress") {
				b.fault(at("env", k), "%s is not a secret that a route allows: name it under secrets of a route", quote(name))
			}
			rest = behind
		}
	}
}

// envValues warns of values that look like credentials: the agent reads them.
func (c *checker) envValues() {
	engine, err := dlp.New(dlp.Options{})
	if err != nil {
		return // without known values there is nothing to be wrong
	}
	for _, k := range slices.Sorted(maps.Keys(c.m.Env)) {
		if ref := hostVariable.FindString(c.m.Env[k]); ref != "" {
			c.warn("env: %s (%s) has %s, which stays as it stands: of this host's variables nothing is put in, only %sNAME%s is replaced, so write the value itself", k, c.envPlace(k), ref, placeholderRef, placeholderRefEnd)
		}
		sc := engine.NewScanner()
		for _, f := range append(sc.Write([]byte(c.m.Env[k])), sc.Close()...) {
			c.warn("env: %s (%s) looks like a credential (rule %s), which the agent would have: declare it under secrets, and write %sNAME%s here", k, c.envPlace(k), f.Rule, placeholderRef, placeholderRefEnd)
			break
		}
	}
}

// hostVariable is what a shell would put the value of a variable for.
var hostVariable = regexp.MustCompile(`\$(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Z_][A-Z0-9_]*)`)

// envPlace is where a variable is set.
func (c *checker) envPlace(name string) string {
	if n := c.m.root.dig("env", name); n != nil {
		return placeOf(n)
	}
	return "the manifest"
}
