// Package preset has the routes of providers and package managers that many
// projects need, as named groups: `use: [anthropic, npm]`.
//
// The hosts of package managers are those of the host's own configuration: many
// people use a mirror, and no registry is any better than another.
package preset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/proxy"
)

// Preset is a named group of routes.
type Preset struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Secret is the name that a secret of the manifest has to have, to be used on
	// the routes of the preset; "" when there is none.
	Secret string `json:"secret,omitempty"`
	// Routes are in the form of a manifest. Those of a package manager are known
	// only on a host.
	Routes []proxy.Route `json:"routes,omitempty"`
	// From is where the hosts of a package manager are read.
	From []string `json:"from,omitempty"`

	registries *registries
}

// Names lists the presets, sorted.
func Names() []string {
	var names []string
	for _, p := range all() {
		names = append(names, p.Name)
	}
	return names
}

// List returns all presets, sorted by name, with the routes that they have on a host.
func List(host Host) []Preset {
	var list []Preset
	for _, p := range all() {
		if q, err := p.on(host); err == nil {
			p = q
		}
		list = append(list, p)
	}
	return list
}

// Named returns the preset of that name on a host.
func Named(name string, host Host) (Preset, error) {
	i := slices.IndexFunc(all(), func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, fmt.Errorf("there is no preset %q: %s", name, strings.Join(Names(), ", "))
	}
	return all()[i].on(host)
}

// on fills in what is known only on a host.
func (p Preset) on(host Host) (Preset, error) {
	if p.registries == nil {
		return p, nil
	}
	urls, err := p.registries.urls(host)
	if err != nil {
		return Preset{}, fmt.Errorf("preset %s: %w", p.Name, err)
	}
	for _, u := range urls {
		p.Routes = append(p.Routes, proxy.Route{Host: u.host, Ports: u.ports, Methods: read})
	}
	return source(p), nil
}

// source names each route after its preset, for rules and lists.
func source(p Preset) Preset {
	p.Routes = slices.Clone(p.Routes)
	for i := range p.Routes {
		r := &p.Routes[i]
		if p.Secret != "" && r.Action != proxy.Deny {
			r.Secrets = []string{p.Secret}
		}
		if r.Source == "" {
			r.Source = "preset " + p.Name
		}
	}
	return p
}

var read = []string{"GET", "HEAD"}

// telemetry refuses what a client tells its maker about its use. It is refused at
// once, and the journal names the rule.
func telemetry(preset, host string, paths ...string) proxy.Route {
	return proxy.Route{Host: host, Paths: paths, Action: proxy.Deny, Source: "preset " + preset + " (telemetry)"}
}

func all() []Preset {
	list := []Preset{anthropic(), openai(), chatgpt(), github()}
	for i := range list {
		list[i] = source(list[i])
	}
	list = append(list, managers()...)
	slices.SortFunc(list, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// anthropic is what Claude Code needs. Its tokens are renewed on the host: what it
// asks at the second host is answered by the proxy, where there is a login.
func anthropic() Preset {
	return Preset{
		Name: "anthropic", About: "Anthropic's models, as Claude Code and the SDKs use them", Secret: "anthropic",
		Routes: []proxy.Route{
			{Host: "api.anthropic.com", Kind: proxy.KindModel},
			telemetry("anthropic", "api.anthropic.com", "/api/event_logging/**", "/api/claude_code/metrics", "/api/claude_code/organizations/metrics_enabled"),
			telemetry("anthropic", "statsig.anthropic.com"),
			telemetry("anthropic", "http-intake.logs.us5.datadoghq.com"),
		},
	}
}

func openai() Preset {
	return Preset{
		Name: "openai", About: "OpenAI's models with an API key, as Codex and the SDKs use them", Secret: "openai",
		Routes: []proxy.Route{{Host: "api.openai.com", Kind: proxy.KindModel}},
	}
}

func chatgpt() Preset {
	return Preset{
		Name: "chatgpt", About: "OpenAI's models with a ChatGPT subscription, as Codex uses them", Secret: "chatgpt",
		Routes: []proxy.Route{
			{Host: "chatgpt.com", Paths: []string{"/backend-api/**"}, Kind: proxy.KindModel},
			telemetry("chatgpt", "chatgpt.com", "/backend-api/codex/analytics-events/**"),
			telemetry("chatgpt", "ab.chatgpt.com"),
		},
	}
}

// github lets an agent read, and take part in issues and pull requests. What writes
// refs, contents or git data is not among it: pushes go through the git gate, which
// has rules for them. Nor are GraphQL's mutations, which write them too. A route of the
// manifest can name them.
func github() Preset {
	return Preset{
		Name: "github", About: "GitHub's API for reading, issues and pull requests, and files; no writing of contents", Secret: "github",
		Routes: []proxy.Route{
			{Host: "api.github.com", Methods: read},
			{Host: "api.github.com", Methods: []string{"POST", "PATCH"}, Paths: []string{"/repos/*/*/issues/**", "/repos/*/*/labels/**"}},
			{Host: "api.github.com", Methods: []string{"POST", "PATCH"}, Paths: []string{"/repos/*/*/pulls", "/repos/*/*/pulls/*", "/repos/*/*/pulls/*/comments/**", "/repos/*/*/pulls/*/reviews/**", "/repos/*/*/pulls/*/requested_reviewers"}},
			{Host: "api.github.com", Paths: []string{"/graphql"}, GraphQL: proxy.GraphQLQuery},
			{Host: "*.githubusercontent.com", Methods: read},
			{Host: "codeload.github.com", Methods: read},
		},
	}
}
