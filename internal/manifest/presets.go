package manifest

import (
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/preset"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// forwarded is what the login of an agent's client needs.
type forwarded struct {
	login   string
	presets []string
	// renewal is what the client asks to renew its login, which the proxy answers
	// itself.
	renewal proxy.Route
}

// forwardedLogins has them by the agent.
func forwardedLogins() map[string]forwarded {
	const source = "forward_host_credentials"
	return map[string]forwarded{
		"claude": {secret.LoginClaude, []string{"anthropic"}, proxy.Route{Host: "platform.claude.com", Methods: []string{"POST"}, Paths: []string{"/v1/oauth/token"}, Source: source}},
		"codex":  {secret.LoginCodex, []string{"chatgpt", "openai"}, proxy.Route{Host: "auth.openai.com", Methods: []string{"POST"}, Paths: []string{"/oauth/token"}, Source: source}},
	}
}

// LoginSecret is the name of the secret that forward_host_credentials declares.
func LoginSecret(login string) string { return login + "-login" }

// presets returns the routes of the presets that are used, behind those of the
// files. A secret with a preset's name is used on its routes; of a preset that has no
// such secret, the agent brings its own credentials, or none.
func (b *builder) presets() (routes []proxy.Route) {
	b.m.Use, b.m.ForwardHostCredentials = b.doc.Use, b.doc.ForwardHostCredentials
	names, login := slices.Clone(b.doc.Use), ""
	// A person's own file may say it for all projects: what has no login, needs none.
	if f, ok := forwardedLogins()[b.m.Agent]; ok && b.m.ForwardHostCredentials {
		login = b.loginSecret(f.login)
		names = append(names, f.presets...)
		routes = append(routes, f.renewal)
	}
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] || i < len(b.doc.Use) && b.spoiled("use") {
			continue
		}
		seen[name] = true
		p, err := preset.Named(name, b.host)
		if err != nil {
			b.fault(at("use", i), "%v", err)
			continue
		}
		for _, r := range p.Routes {
			r.Secrets = slices.DeleteFunc(slices.Clone(r.Secrets), func(s string) bool { return b.m.Secret(s) == nil })
			if login != "" && r.Kind == proxy.KindModel && slices.Contains(forwardedLogins()[b.m.Agent].presets, name) {
				r.Secrets = append(r.Secrets, login)
			}
			for _, s := range r.Secrets {
				b.m.Secret(s).Used = true
			}
			routes = append(routes, r)
		}
	}
	return routes
}

// loginSecret declares the secret of a login, unless it is there.
func (b *builder) loginSecret(login string) string {
	name := LoginSecret(login)
	if b.m.Secret(name) != nil {
		return name
	}
	decl := SecretDecl{Name: name, Source: secret.Source{Login: login}, Inject: proxy.Inject{Bearer: true}, Used: true, Declared: "forward_host_credentials"}
	if n := b.root.dig("forward_host_credentials"); n != nil {
		decl.Declared = placeOf(n)
	}
	b.m.Secrets = append(b.m.Secrets, decl)
	slices.SortFunc(b.m.Secrets, func(a, c SecretDecl) int { return strings.Compare(a.Name, c.Name) })
	return name
}
