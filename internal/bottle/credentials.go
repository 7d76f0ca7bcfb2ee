package bottle

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
	"github.com/bot-bottle/bottle/gitgate"
	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// credentials are the secrets of a manifest, resolved, and what the agent gets
// in their stead.
type credentials struct {
	secrets []proxy.Secret
	// known are values that the proxy uses and no route injects, those of files
	// and canaries.
	known []dlp.Known
	// placeholders by the name of the secret.
	placeholders map[string]string
	// env has the placeholder of each secret that comes from a variable of the
	// host under the variable's name, where programs look for it, and canaries.
	env           map[string]string
	upstreamProxy *proxy.UpstreamProxy
	// logins are what the agent holds of logins of this host.
	logins []agent.Login
	canned []proxy.Canned
	// values are asked for by the name of the secret.
	values map[string]gitgate.Value
}

// resolve gets the values of all secrets that are used. The manifest's folder
// tells the placeholders of one project from those of another. A login may have to be
// renewed for that, and a token asked for: so they come last, when the way out is
// known.
func resolve(ctx context.Context, m *manifest.Manifest, key secret.Key, opts secret.Options, roots *x509.CertPool) (*credentials, error) {
	c := &credentials{placeholders: map[string]string{}, env: map[string]string{}, values: map[string]gitgate.Value{}}
	injected := injectedSecrets(m)
	opts.Named = func(ctx context.Context, name string) (string, error) {
		value, ok := c.values[name]
		if !ok {
			return "", fmt.Errorf("the secret %s is not there yet", name)
		}
		return value(ctx)
	}
	for _, d := range askedLast(m) {
		if d.Source.Asks() && opts.Transport == nil {
			opts.Transport = proxy.NewTransport(proxy.Config{Policy: m.Egress.Policy, RootCAs: roots, UpstreamProxy: c.proxyOf(m)})
		}
		s, err := secret.New(d.Name, d.Source, opts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Declared, err)
		}
		value, err := s.Value(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Declared, err)
		}
		c.values[d.Name] = s.Value
		if p := m.Egress.UpstreamProxy; p != nil && p.Secret == d.Name {
			c.upstreamProxy = &proxy.UpstreamProxy{URL: p.URL, User: p.User, Password: s.Value}
		}
		if !injected[d.Name] {
			c.known = append(c.known, dlp.Known{Name: d.Name, Value: value, Kind: dlp.KnownSecret})
			continue
		}
		placeholder, err := secret.Placeholder(key, m.Dir, d.Name, s.Sample(value))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Declared, err)
		}
		c.placeholders[d.Name] = placeholder
		if d.Source.Env != "" {
			c.env[d.Source.Env] = placeholder
		}
		lent := proxy.Secret{Name: d.Name, Placeholder: placeholder, Inject: d.Inject, Value: s.Value}
		if d.Source.Asks() {
			lent.Renew = s.Renew
		}
		if d.Source.Login != "" {
			if err := c.addLogin(d, s, &lent); err != nil {
				return nil, fmt.Errorf("%s: %w", d.Declared, err)
			}
		}
		c.secrets = append(c.secrets, lent)
	}
	if err := c.addCanaries(m, key); err != nil {
		return nil, err
	}
	if err := c.addFiles(ctx, m); err != nil {
		return nil, err
	}
	c.upstreamProxy = c.proxyOf(m)
	return c, nil
}

// proxyOf is the upstream proxy, with its password if it has one.
func (c *credentials) proxyOf(m *manifest.Manifest) *proxy.UpstreamProxy {
	if p := m.Egress.UpstreamProxy; p != nil && c.upstreamProxy == nil {
		return &proxy.UpstreamProxy{URL: p.URL, User: p.User}
	}
	return c.upstreamProxy
}

// askedLast are the secrets that are used, those that are asked for over the network
// behind those that this may need.
func askedLast(m *manifest.Manifest) (list []*manifest.SecretDecl) {
	for _, asked := range [...]bool{false, true} {
		for i := range m.Secrets {
			if d := &m.Secrets[i]; d.Used && d.Source.Asks() == asked {
				list = append(list, d)
			}
		}
	}
	return list
}

// injectedSecrets are those that some route allows.
func injectedSecrets(m *manifest.Manifest) map[string]bool {
	names := map[string]bool{}
	for _, r := range m.Egress.Routes {
		for _, n := range r.Secrets {
			names[n] = true
		}
	}
	return names
}

// placeholderRef is how a value under env: names the placeholder of a secret.
const placeholderRef, placeholderRefEnd = "${secret:", "}"

// expandEnv puts placeholders into the manifest's env, and adds those of
// secrets that come from a variable. What the manifest says wins.
func expandEnv(env map[string]string, c *credentials) (map[string]string, error) {
	out := maps.Clone(c.env)
	for _, name := range slices.Sorted(maps.Keys(env)) { // so that of two mistakes the same one is told
		v, err := expandPlaceholders(env[name], c.placeholders)
		if err != nil {
			return nil, fmt.Errorf("env: %s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

func expandPlaceholders(s string, placeholders map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, placeholderRef)
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, placeholderRefEnd)
		p, ok := placeholders[name]
		switch {
		case !closed:
			return "", fmt.Errorf("%s is not closed by %s", placeholderRef, placeholderRefEnd)
		case !ok:
			return "", fmt.Errorf("%q is not a secret that a route allows", name)
		}
		b.WriteString(p)
		s = after
	}
}

// checkEnv is expandEnv before there are placeholders.
func checkEnv(m *manifest.Manifest) error {
	names := map[string]string{}
	for name := range injectedSecrets(m) {
		names[name] = ""
	}
	_, err := expandEnv(m.Env, &credentials{placeholders: names, env: map[string]string{}})
	return err
}
