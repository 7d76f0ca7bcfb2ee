package manifest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// maxRoutes bounds the routes of all levels together.
const maxRoutes = 1000

// secretName is how a secret may be called: what is safe in a log, a header and
// a file name.
var secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (b *builder) secrets() {
	for _, name := range slices.Sorted(maps.Keys(b.doc.Secrets)) {
		s, where := b.doc.Secrets[name], at("secrets", name)
		if !secretName.MatchString(name) {
			b.fault(where, "%s cannot be the name of a secret: letters, digits, dots, hyphens and underscores, at most 64, a letter or digit first", quote(name))
		}
		decl := SecretDecl{Name: name, Inject: proxy.Inject{
			Headers: s.Inject.Header, Bearer: s.Inject.Bearer, Basic: s.Inject.Basic, Query: s.Inject.Query, Body: s.Inject.Body,
		}}
		if v4 := s.Inject.SigV4; v4.KeyID != "" {
			decl.Inject.SigV4 = &proxy.SigV4{KeyID: v4.KeyID, Token: v4.SessionToken, Regions: v4.Regions, Services: v4.Services, STS: v4.STS}
		}
		if n := b.root.dig("secrets", name); n != nil {
			decl.Declared = placeOf(n)
		}
		if from := append(where, "from"); !b.spoiled(from...) {
			decl.Source = b.source(from, s.From)
			if given := sourcesGiven(s.From); len(given) > 1 {
				b.fault(from, "exactly one of env, file, keyring, command, login, gcp, oauth2 and github_app may be given, not %s", strings.Join(given, " and "))
			} else if _, err := secret.New(name, decl.Source, secret.Options{}); err != nil {
				b.fault(from, "%s", strings.TrimPrefix(err.Error(), "secret "+name+": "))
			}
		}
		b.m.Secrets = append(b.m.Secrets, decl)
	}
	b.checkParts()
	if f, ok := forwardedLogins()[b.m.Agent]; ok && b.doc.ForwardHostCredentials {
		b.loginSecret(f.login) // which routes of the file may name
	}
}

// sourcesGiven names the keys that each say where a secret comes from.
func sourcesGiven(f From) (keys []string) {
	for _, k := range []struct {
		key string
		is  bool
	}{{"env", f.Env != ""}, {"file", f.File != ""}, {"command", len(f.Command) > 0}, {"keyring", f.Keyring != ""}, {"login", f.Login != ""}, {"gcp", f.GCP != ""}, {"oauth2", f.OAuth2.TokenURL != ""}, {"github_app", f.GitHubApp != GitHubApp{}}} {
		if k.is {
			keys = append(keys, k.key)
		}
	}
	return keys
}

// source checks what secret.New cannot know: which keys go together.
func (b *builder) source(where []any, f From) secret.Source {
	src := secret.Source{Env: f.Env, File: string(f.File), Pointer: f.JSON, Command: f.Command, TTL: time.Duration(f.TTL), Timeout: time.Duration(f.Timeout),
		Keyring: f.Keyring, Login: f.Login}
	if f.GCP != "" {
		src.File, src.GCP = string(f.GCP), &secret.GCP{Scopes: f.Scopes}
	} else if len(f.Scopes) > 0 {
		b.fault(where, "scopes go with gcp only; those of oauth2 are inside of it")
	}
	if o := f.OAuth2; o.TokenURL != "" {
		src.OAuth2 = &secret.OAuth2{TokenURL: o.TokenURL, ClientID: o.ClientID, ClientSecret: o.ClientSecret, RefreshToken: o.RefreshToken, Scopes: o.Scopes, Params: o.Params}
	}
	if a := f.GitHubApp; a != (GitHubApp{}) {
		src.GitHubApp = &secret.GitHubApp{API: a.API, ID: a.App, Installation: a.Installation, Key: a.Key}
	}
	below := func(key string) []any { return append(slices.Clone(where), key) }
	if f.Env != "" && !envName.MatchString(f.Env) {
		b.fault(below("env"), "%s is not the name of a variable (letters, digits and _, no digit first)", quote(f.Env))
	}
	if len(f.Command) == 0 && f.Keyring == "" && (f.TTL != 0 || f.Timeout != 0) {
		b.fault(where, "ttl and timeout go with command and keyring only")
	}
	if len(f.Command) > 0 {
		src.Command = absolute(b.root.dig(below("command")...).src.dir, f.Command)
	}
	for i, arg := range append([]string{src.File}, f.Command...) {
		if strings.ContainsRune(arg, 0) || i == 0 && hasControl(arg) {
			b.fault(where, "a path or an argument has a NUL byte or another control character in it")
		}
	}
	return src
}

func (b *builder) routes() {
	entries := b.doc.Egress.Routes
	if len(entries) > maxRoutes {
		b.fault(at("egress", "routes", maxRoutes), "there are more than %d routes", maxRoutes)
		return
	}
	var places [][]any // of each route, in the merged document
	for i, e := range entries {
		where := at("egress", "routes", i)
		b.checkEntry(where, e)
		if b.spoiled(where...) {
			continue
		}
		b.m.Egress.Routes = append(b.m.Egress.Routes, proxy.Route{
			Host: e.Host, Ports: e.Ports, Methods: e.Methods, Paths: e.Paths, Action: proxy.Action(e.Action), TLS: proxy.TLSMode(e.TLS),
			Private: e.Private, Upstream: e.Upstream, Secrets: e.Secrets, Kind: e.Kind, GraphQL: e.GraphQL, Source: placeOf(b.root.dig(where...)),
		})
		places = append(places, where)
	}
	for i, s := range b.doc.HostServices {
		where := at("host_services", i)
		if b.keepService(where, s) {
			b.m.Egress.Routes = append(b.m.Egress.Routes, serviceRoute(s, placeOf(b.root.dig(where...))))
			places = append(places, where)
		}
	}
	if b.spoiled("egress", "default") {
		return
	}
	own := len(b.m.Egress.Routes)
	b.m.Egress.Routes = append(b.m.Egress.Routes, b.presets()...)
	b.addParts()
	policy, err := proxy.NewPolicy(b.m.Egress.Default, b.m.Egress.Routes)
	for _, err := range leaves(err) {
		var re *proxy.RouteError
		switch {
		case errors.As(err, &re) && re.Index >= own: // it is at odds with a route of the file
			b.fault(at("use"), "%s: %s", b.m.Egress.Routes[re.Index].Source, escape.TextMax(re.Err.Error(), 300))
		case re != nil:
			b.fault(append(slices.Clone(places[re.Index]), re.Field), "%s", escape.TextMax(re.Err.Error(), 300))
		default:
			b.fault(at("egress", "routes"), "%s", escape.TextMax(err.Error(), 300))
		}
	}
	if policy != nil {
		b.m.Egress.Policy, b.m.Egress.Routes = policy, policy.Routes()
	}
}

// checkEntry looks at what the policy does not: lists that would mean the
// opposite of what they seem to say, and secrets.
func (b *builder) checkEntry(where []any, e RouteEntry) {
	for _, l := range []struct {
		key string
		is  bool
	}{{"ports", e.Ports != nil && len(e.Ports) == 0}, {"methods", e.Methods != nil && len(e.Methods) == 0}, {"paths", e.Paths != nil && len(e.Paths) == 0}} {
		if l.is {
			b.fault(append(slices.Clone(where), l.key), "an empty list would match nothing: leave the key out for its default, or write action: deny")
		}
	}
	for i, name := range e.Secrets {
		b.useSecret(append(slices.Clone(where), "secrets", i), name)
	}
}

// useSecret marks a secret as used, or reports that there is none.
func (b *builder) useSecret(where []any, name string) {
	if s := b.m.Secret(name); s != nil {
		s.Used = true
		return
	}
	names := slices.Sorted(maps.Keys(b.doc.Secrets))
	if len(names) == 0 {
		b.fault(where, "there is no secret %s: declare it under secrets", quote(name))
		return
	}
	b.fault(where, "there is no secret %s: %s", quote(name), didYouMean(name, names))
}

// placeOf names a node in rules and lists: "bottle.yaml:12".
func placeOf(n *node) string {
	if n.line == 0 {
		return n.src.base
	}
	return fmt.Sprintf("%s:%d", n.src.base, n.line)
}

// leaves takes a joined error apart.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}
