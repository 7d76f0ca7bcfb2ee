package manifest

import (
	"reflect"
	"slices"

	"github.com/bot-bottle/bottle/proxy"
)

// checkParts looks at the secrets that others are made of: the parts of a credential
// of AWS, those of an OAuth2 client, and the key of a GitHub App.
func (b *builder) checkParts() {
	for i := range b.m.Secrets {
		d := &b.m.Secrets[i]
		if v4 := d.Inject.SigV4; v4 != nil {
			b.signingPart(d, "key_id", v4.KeyID, proxy.Inject{Headers: []string{"Authorization"}, Query: []string{"X-Amz-Credential"}})
			b.signingPart(d, "session_token", v4.Token, proxy.Inject{Headers: []string{"X-Amz-Security-Token"}, Query: []string{"X-Amz-Security-Token"}})
		}
		if o := d.Source.OAuth2; o != nil {
			b.part(at("secrets", d.Name, "from", "oauth2", "client_secret"), o.ClientSecret)
			b.part(at("secrets", d.Name, "from", "oauth2", "refresh_token"), o.RefreshToken)
		}
		if a := d.Source.GitHubApp; a != nil {
			b.part(at("secrets", d.Name, "from", "github_app", "key"), a.Key)
		}
	}
}

// part returns a secret that another one names.
func (b *builder) part(where []any, name string) *SecretDecl {
	if name == "" || b.spoiled(where...) {
		return nil
	}
	p := b.m.Secret(name)
	if p == nil {
		b.useSecret(where, name)
		return nil
	}
	if p.Source.Asks() {
		b.fault(where, "the secret %s is a token that is asked for itself, and cannot be a part of another", quote(name))
	}
	return p
}

// signingPart has a part go where AWS's clients put it, and nowhere else.
func (b *builder) signingPart(d *SecretDecl, key, name string, goes proxy.Inject) {
	where := at("secrets", d.Name, "inject", "sigv4", key)
	p := b.part(where, name)
	switch {
	case p == nil:
	case p == d:
		b.fault(where, "a secret cannot be a part of itself")
	case !reflect.DeepEqual(p.Inject, proxy.Inject{}) && !reflect.DeepEqual(p.Inject, goes):
		b.fault(at("secrets", name, "inject"), "the secret %s is a part of %s, which says where it goes: leave inject out", quote(name), quote(d.Name))
	default:
		p.Inject = goes
	}
}

// addParts lets the parts of a secret go where the secret does.
func (b *builder) addParts() {
	for i := range b.m.Egress.Routes {
		r := &b.m.Egress.Routes[i]
		for _, name := range slices.Clone(r.Secrets) {
			d := b.m.Secret(name)
			if d == nil || d.Inject.SigV4 == nil {
				continue
			}
			for _, part := range []string{d.Inject.SigV4.KeyID, d.Inject.SigV4.Token} {
				if p := b.m.Secret(part); p != nil && !slices.Contains(r.Secrets, part) {
					p.Used = true
					r.Secrets = append(slices.Clip(r.Secrets), part)
				}
			}
		}
	}
}

// useParts marks what is used through another secret, once it is known which are.
func (b *builder) useParts() {
	for i := range b.m.Secrets {
		d := &b.m.Secrets[i]
		if !d.Used {
			continue
		}
		for _, part := range d.Source.Parts() {
			if p := b.m.Secret(part); p != nil {
				p.Used = true
			}
		}
	}
}
