package main

import (
	"strings"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/vm"
)

// checkGrants says of the secrets of a manifest that consist of parts, or are had over
// the network, whether what they need is there. Nobody is asked for a token.
func checkGrants(m *manifest.Manifest) (checks []vm.Check) {
	for i := range m.Secrets {
		d := &m.Secrets[i]
		detail := "signs requests to AWS"
		switch {
		case !d.Used:
			continue
		case d.Source.GCP != nil:
			detail = "the key of a service account is there"
		case d.Source.OAuth2 != nil || d.Source.GitHubApp != nil:
			detail = "can be asked for"
		case d.Inject.SigV4 == nil:
			continue
		}
		c := vm.Check{Name: "secret " + escape.Text(d.Name), OK: true, Detail: detail}
		if err := checkParts(m, d); err != nil {
			c.OK, c.Detail = false, escape.Text(strings.TrimPrefix(err.Error(), "secret "+d.Name+": "))
			c.Fix = "make it available to bottle, or change " + escape.Text(d.Declared)
		}
		checks = append(checks, c)
	}
	return checks
}

// checkParts looks at a secret and at those that it names.
func checkParts(m *manifest.Manifest, d *manifest.SecretDecl) error {
	names := append([]string{d.Name}, d.Source.Parts()...)
	if v4 := d.Inject.SigV4; v4 != nil {
		names = append(names, v4.KeyID, v4.Token)
	}
	for _, name := range names {
		part := m.Secret(name)
		if part == nil {
			continue
		}
		s, err := secret.New(name, part.Source, secret.Options{})
		if err == nil {
			_, err = s.Check()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
