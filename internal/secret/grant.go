package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// grantSample has the form of an opaque access token. A placeholder that goes by it
// is the same for all tokens.
const grantSample = "q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNiq7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNi"

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
	return s.clientTokens(ctx)
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
