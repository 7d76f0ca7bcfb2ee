package agent

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/bot-bottle/bottle/internal/secret"
)

// Login is what the agent holds of a login of the host: a placeholder.
type Login struct {
	Client      string           `json:"client"` // secret.LoginClaude or secret.LoginCodex
	Mode        secret.LoginMode `json:"mode"`
	Plan        string           `json:"plan,omitempty"` // of the subscription
	Placeholder string           `json:"-"`
}

// NoToken stands where a client wants a token that is never used: the one that a
// login is renewed with stays on the host.
const NoToken = "bottle-keeps-this-on-the-host"

// CodexIDToken is an identity without a person, in the form that Codex reads: with a
// token of another form it goes on without any login. It says the plan, which Codex
// goes by.
func CodexIDToken(plan string) string {
	auth := map[string]string{}
	if plan != "" {
		auth["chatgpt_plan_type"] = plan
	}
	claims, err := json.Marshal(map[string]any{"email": "agent@bottle.invalid", "https://api.openai.com/auth": auth})
	if err != nil { // strings always marshal
		panic(err)
	}
	e := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{e([]byte(`{"alg":"none","typ":"JWT"}`)), e(claims), e([]byte("bottle"))}, ".")
}

// login finds the login of a client.
func (o *Options) login(client string) (Login, bool) {
	for _, l := range o.Logins {
		if l.Client == client {
			return l, true
		}
	}
	return Login{}, false
}
