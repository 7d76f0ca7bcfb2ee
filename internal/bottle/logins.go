package bottle

import (
	"context"
	"encoding/json"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// provider is where a login may go, by its mode, and what its client asks to renew
// it.
type provider struct {
	hosts   map[secret.LoginMode][]string
	renewal func(agent.Login) proxy.Canned
}

var providers = map[string]provider{
	secret.LoginClaude: {
		hosts: map[secret.LoginMode][]string{secret.LoginOAuth: {"api.anthropic.com"}},
		renewal: func(l agent.Login) proxy.Canned {
			return cannedJSON("platform.claude.com", "/v1/oauth/token", map[string]any{"token_type": "Bearer",
				"access_token": l.Placeholder, "refresh_token": agent.NoToken, "expires_in": renewalSeconds, "scope": agent.ClaudeScope})
		},
	},
	secret.LoginCodex: {
		// A client with an API key sends it to chatgpt.com too, where it does not belong.
		hosts: map[secret.LoginMode][]string{secret.LoginOAuth: {"chatgpt.com"}, secret.LoginAPIKey: {"api.openai.com"}},
		renewal: func(l agent.Login) proxy.Canned {
			return cannedJSON("auth.openai.com", "/oauth/token", map[string]any{
				"id_token": agent.CodexIDToken(l.Plan), "access_token": l.Placeholder, "refresh_token": agent.NoToken})
		},
	},
}

// renewalSeconds is how long a client inside takes its placeholder for good.
const renewalSeconds = 30 * 24 * 60 * 60

func cannedJSON(host, path string, body map[string]any) proxy.Canned {
	b, err := json.Marshal(body)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	return proxy.Canned{Method: "POST", Host: host, Path: path, ContentType: "application/json", Body: string(b)}
}

// addLogin completes the secret of a login: it is renewed when an upstream refuses
// it, goes to its provider only, and brings the account with it that the provider
// wants to see.
func (c *credentials) addLogin(d *manifest.SecretDecl, s *secret.Secret, lent *proxy.Secret) error {
	info, _, err := s.Login()
	if err != nil {
		return err
	}
	p := providers[d.Source.Login]
	lent.Hosts, lent.Renew = p.hosts[info.Mode], s.Renew
	lent.Inject = proxy.Inject{Bearer: true}
	l := agent.Login{Client: d.Source.Login, Mode: info.Mode, Plan: info.Plan, Placeholder: lent.Placeholder}
	c.logins = append(c.logins, l)
	if info.Mode != secret.LoginOAuth {
		return nil
	}
	c.canned = append(c.canned, p.renewal(l))
	if d.Source.Login == secret.LoginCodex {
		lent.Beside = func(context.Context) (map[string]string, error) { return accountHeader(s) }
	}
	return nil
}

// accountHeader names the account of a ChatGPT subscription. The agent does not have
// it: it comes with the credential.
func accountHeader(s *secret.Secret) (map[string]string, error) {
	info, _, err := s.Login()
	if err != nil || info.Account == "" {
		return nil, err
	}
	return map[string]string{"Chatgpt-Account-Id": info.Account}, nil
}

// expectedLogins are the logins that an agent will have, before there are
// placeholders. What is wrong with one, Check has told.
func expectedLogins(m *manifest.Manifest) (list []agent.Login) {
	for _, d := range askedLast(m) {
		if d.Source.Login == "" {
			continue
		}
		s, err := secret.New(d.Name, d.Source, secret.Options{})
		if err != nil {
			continue
		}
		if info, _, err := s.Login(); err == nil {
			list = append(list, agent.Login{Client: d.Source.Login, Mode: info.Mode, Plan: info.Plan, Placeholder: "(placeholder of " + d.Name + ")"})
		}
	}
	return list
}
