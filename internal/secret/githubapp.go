package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/gitgate"
)

// GitHubApp is an App of GitHub, for whose installation tokens are made that last an
// hour.
type GitHubApp struct {
	API              string // base of the REST API; "" is GitHubAPI
	ID, Installation int
	// Key is the name of the secret that is the App's private key in PEM, which
	// Options.Named resolves.
	Key string
}

// GitHubAPI is that of github.com. An Enterprise Server has it at https://HOST/api/v3.
const GitHubAPI = "https://api.github.com"

// appSample has the form of a token of an installation.
const appSample = "ghs_" + "q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ"

func (a *GitHubApp) check() error {
	if a.API != "" {
		if err := checkTokenURL(a.API); err != nil {
			return err
		}
	}
	if a.ID <= 0 || a.Installation <= 0 || a.Key == "" {
		return errors.New("github_app needs app and installation, which are numbers, and key: the name of a secret")
	}
	return nil
}

// appToken asks for a token, and says how long to use it.
func (s *Secret) appToken(ctx context.Context) (string, time.Duration, error) {
	a := s.source.GitHubApp
	api := strings.TrimSuffix(a.API, "/")
	if api == "" {
		api = GitHubAPI
	}
	app := gitgate.AppAuth{API: api, ID: a.ID, Installation: a.Installation, Now: s.opts.Now,
		Key: func(ctx context.Context) (string, error) { return s.part(ctx, a.Key) }}
	token, ends, err := app.Token(ctx, s.opts.Transport)
	if err != nil {
		return "", 0, err
	}
	if err := Validate(token); err != nil {
		return "", 0, fmt.Errorf("the token of the GitHub App: %w", err)
	}
	keep, err := keepFor(ends.Sub(s.opts.Now()), hostOf(api))
	return token, keep, err
}
