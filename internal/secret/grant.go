package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	bearer "golang.org/x/oauth2/jwt"
)

// GCP says what the tokens of a service account are for (RFC 7523, the JWT bearer
// grant).
type GCP struct {
	Scopes []string // such as https://www.googleapis.com/auth/cloud-platform
}

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

// grantSample has the form of an opaque access token. A placeholder that goes by it
// is the same for all tokens.
const grantSample = "q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNiq7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNi"

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

// checkTokenURL keeps what proves who one is from going in clear over a network.
func checkTokenURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("the URL for tokens is not https://HOST/PATH")
	case u.Scheme == "https", u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()):
		return nil
	}
	return errors.New("the URL for tokens is not https, and the credentials would go there in clear")
}

// grant asks for an access token and says how long to use it: till a while before its
// end, so that it is good for the request that it is had for.
func (s *Secret) grant(ctx context.Context) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if s.source.GitHubApp != nil {
		return s.appToken(ctx)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     s.opts.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	source, host, err := s.tokenSource(ctx)
	if err != nil {
		return "", 0, err
	}
	t, err := source.Token()
	if err != nil {
		return "", 0, grantError(host, err)
	}
	if t.AccessToken == "" {
		return "", 0, fmt.Errorf("the answer of %s is no access token", host)
	}
	if err := Validate(t.AccessToken); err != nil {
		return "", 0, fmt.Errorf("the access token of %s: %w", host, err)
	}
	s.rotated(t.RefreshToken)
	if t.Expiry.IsZero() {
		return t.AccessToken, DefaultTTL, nil
	}
	keep, err := keepFor(time.Until(t.Expiry), host) // by the clock that the library took
	return t.AccessToken, keep, err
}

// keepFor is how long a token is used of the time that it is good.
func keepFor(life time.Duration, host string) (time.Duration, error) {
	if life <= 0 {
		return 0, fmt.Errorf("the access token of %s had ended when it came: is the clock of this host right?", host)
	}
	return max(life-renewBefore, life/2), nil
}

// tokenSource makes one that asks each time: what was had is kept by the caller.
func (s *Secret) tokenSource(ctx context.Context) (_ oauth2.TokenSource, host string, err error) {
	if s.source.GCP != nil {
		c, err := s.serviceAccount()
		if err != nil {
			return nil, "", err
		}
		return c.TokenSource(ctx), hostOf(c.TokenURL), nil
	}
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

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

func (s *Secret) part(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if s.opts.Named == nil {
		return "", fmt.Errorf("the secret %s, which it needs, is not to be had here", name)
	}
	return s.opts.Named(ctx, name)
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

// serviceAccount reads the key file of a service account of Google Cloud.
func (s *Secret) serviceAccount() (*bearer.Config, error) {
	f, _, err := openFile(s.source.File)
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	b, err := os.ReadFile(s.source.File)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	var key struct {
		Type     string `json:"type"`
		Email    string `json:"client_email"`
		ID       string `json:"private_key_id"`
		Key      string `json:"private_key"`
		TokenURI string `json:"token_uri"`
	}
	if len(b) > maxJSONFile || json.Unmarshal(b, &key) != nil || key.Type != "service_account" || key.Email == "" || !strings.Contains(key.Key, "PRIVATE KEY") {
		return nil, fmt.Errorf("file %s is not the JSON key of a service account", s.source.File)
	}
	if err := checkTokenURL(key.TokenURI); err != nil {
		return nil, fmt.Errorf("file %s: %w", s.source.File, err)
	}
	return &bearer.Config{Email: key.Email, PrivateKeyID: key.ID, PrivateKey: []byte(key.Key), TokenURL: key.TokenURI, Scopes: s.source.GCP.Scopes}, nil
}

// grantCodes are those of RFC 6749, section 5.2. Nothing else of an answer is told:
// it may quote what was sent.
var grantCodes = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

func grantError(host string, err error) error {
	var refused *oauth2.RetrieveError
	var broken *url.Error
	switch {
	case errors.As(err, &refused) && slices.Contains(grantCodes, grantCode(refused)):
		return fmt.Errorf("%s gives no access token: %s", host, grantCode(refused))
	case errors.As(err, &refused) && refused.Response != nil:
		return fmt.Errorf("%s gives no access token: status %d", host, refused.Response.StatusCode)
	case errors.As(err, &broken):
		return fmt.Errorf("ask %s for an access token: %w", host, broken.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s did not give an access token within %s", host, refreshTimeout)
	}
	return fmt.Errorf("the key cannot be used, or the answer of %s is no access token", host)
}

// grantCode reads the code where the library leaves that to us.
func grantCode(e *oauth2.RetrieveError) string {
	var body struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(e.Body, &body) // one that cannot be read says nothing
	return body.Error
}

// renewGrant asks for another token than one that was refused, once for all that had
// it refused.
func (s *Secret) renewGrant(ctx context.Context, refused string) (string, error) {
	if age, ok := s.cache.drop(refused, s.opts.Now(), renewPause); !ok {
		return "", fmt.Errorf("secret %s: the provider refuses an access token that is %d s old", s.name, int(age.Seconds()))
	}
	return s.Value(ctx)
}
