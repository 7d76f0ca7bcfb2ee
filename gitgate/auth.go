package gitgate

import (
	"context"
	"encoding/base64"
	"net/http"
)

// Value returns a secret. It is called for each request and should cache.
type Value func(context.Context) (string, error)

// BasicAuth sends a user and a password or token, as forges want it of git.
type BasicAuth struct {
	// User is "x-access-token" if it is "": GitHub wants that for tokens of apps, and
	// others take any name.
	User     string
	Password Value
}

// Authorization implements Auth.
func (a BasicAuth) Authorization(ctx context.Context, _ http.RoundTripper) (string, error) {
	user := a.User
	if user == "" {
		user = "x-access-token"
	}
	password, err := a.Password(ctx)
	if err != nil {
		return "", err
	}
	return basic(user, password), nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// BearerAuth sends a token as "Authorization: Bearer".
type BearerAuth struct{ Token Value }

// Authorization implements Auth.
func (a BearerAuth) Authorization(ctx context.Context, _ http.RoundTripper) (string, error) {
	token, err := a.Token(ctx)
	return "Bearer " + token, err
}
