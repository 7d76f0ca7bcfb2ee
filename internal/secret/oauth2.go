package secret

import (
	"context"
	"errors"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// OAuth2 is a client of an authorization server (RFC 6749). With a refresh token it
// is the grant of section 6, else that of section 4.4, client credentials.
type OAuth2 struct {
	TokenURL string // https, or http to a loopback address
	ClientID string
	// ClientSecret and RefreshToken are the names of secrets, which Options.Named
	// resolves; "" is none.
	ClientSecret, RefreshToken string
	Scopes                     []string
	// Params are added to the request for a token, such as "audience".
	Params map[string]string
}

func (o *OAuth2) check() error {
	if err := checkTokenURL(o.TokenURL); err != nil {
		return err
	}
	switch {
	case o.ClientID == "":
		return errors.New("oauth2 needs a client_id")
	case o.ClientSecret == "" && o.RefreshToken == "":
		return errors.New("oauth2 needs a client_secret, a refresh_token or both: each the name of a secret")
	}
	return nil
}

func (s *Secret) clientTokens(ctx context.Context) (_ oauth2.TokenSource, host string, err error) {
	o := s.source.OAuth2
	clientSecret, err := s.part(ctx, o.ClientSecret)
	if err != nil {
		return nil, "", err
	}
	if o.RefreshToken == "" {
		c := clientcredentials.Config{ClientID: o.ClientID, ClientSecret: clientSecret, TokenURL: o.TokenURL, Scopes: o.Scopes, EndpointParams: url.Values{}}
		for name, v := range o.Params {
			c.EndpointParams.Set(name, v)
		}
		return c.TokenSource(ctx), hostOf(o.TokenURL), nil
	}
	refresh := s.newerRefresh()
	if refresh == "" {
		if refresh, err = s.part(ctx, o.RefreshToken); err != nil {
			return nil, "", err
		}
	}
	c := oauth2.Config{ClientID: o.ClientID, ClientSecret: clientSecret, Endpoint: oauth2.Endpoint{TokenURL: o.TokenURL}, Scopes: o.Scopes}
	return c.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}), hostOf(o.TokenURL), nil
}

// rotated keeps a refresh token that took the place of the one before (RFC 6749,
// section 6): where that came from, it cannot be written to.
func (s *Secret) rotated(refresh string) {
	if s.source.OAuth2 == nil || s.source.OAuth2.RefreshToken == "" || refresh == "" {
		return
	}
	first := s.cache.refreshed(refresh)
	if was, err := s.part(context.Background(), s.source.OAuth2.RefreshToken); first && err == nil && was != refresh {
		s.opts.warn("secret: the provider of %s gives a new refresh token each time, and bottle cannot keep it beyond this bottle: the one that the secret %s has may be used up then", s.name, s.source.OAuth2.RefreshToken)
	}
}

func (s *Secret) newerRefresh() string {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return s.cache.refresh
}
