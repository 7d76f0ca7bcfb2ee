package gitgate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// AppAuth is a GitHub App: it makes tokens of one of its installations, which last
// an hour, and renews them before they end.
//
// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
type AppAuth struct {
	// API is the base of the REST API, such as https://api.github.com.
	API string
	// ID is the App's, Installation that of its installation.
	ID, Installation int
	// Key is the App's private key in PEM.
	Key Value
	// Now is the clock; nil is the system's.
	Now func() time.Time

	mu    sync.Mutex
	token string
	ends  time.Time
}

const (
	// appRenew is how long before its end a token is replaced.
	appRenew = 5 * time.Minute
	// appTimeout bounds asking for one.
	appTimeout = 30 * time.Second
	// maxAppAnswer bounds the answer, in bytes.
	maxAppAnswer = 1 << 20
)

// Authorization implements Auth.
func (a *AppAuth) Authorization(ctx context.Context, rt http.RoundTripper) (string, error) {
	token, _, err := a.Token(ctx, rt)
	if err != nil {
		return "", err
	}
	return basic("x-access-token", token), nil
}

// Token returns a token that is good for some minutes at least, and when it ends.
func (a *AppAuth) Token(ctx context.Context, rt http.RoundTripper) (token string, ends time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	if a.token == "" || now.After(a.ends.Add(-appRenew)) {
		if err := a.renew(ctx, rt, now); err != nil {
			return "", time.Time{}, err
		}
	}
	return a.token, a.ends, nil
}

// renew asks for a token. The caller holds a.mu.
func (a *AppAuth) renew(ctx context.Context, rt http.RoundTripper, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, appTimeout)
	defer cancel()
	jwt, err := a.jwt(ctx, now)
	if err != nil {
		return err
	}
	url := a.API + "/app/installations/" + strconv.Itoa(a.Installation) + "/access_tokens"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+jwt)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "bottle")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask for a token of the GitHub App: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("ask for a token of the GitHub App: the status is %d; are app, installation and key right?", resp.StatusCode)
	}
	var answer struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAppAnswer)).Decode(&answer); err != nil || answer.Token == "" {
		return errors.New("ask for a token of the GitHub App: the answer has none")
	}
	a.token, a.ends = answer.Token, answer.Expires
	return nil
}

// jwt signs who the App is, for some minutes (RFC 7519). It begins a minute ago,
// as clocks differ.
func (a *AppAuth) jwt(ctx context.Context, now time.Time) (string, error) {
	text, err := a.Key(ctx)
	if err != nil {
		return "", err
	}
	key, err := parseRSA(text)
	if err != nil {
		return "", err
	}
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"iss":"%d"}`, now.Add(-time.Minute).Unix(), now.Add(9*time.Minute).Unix(), a.ID)
	var b bytes.Buffer
	b.WriteString(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)))
	sum := sha256.Sum256(b.Bytes())
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return b.String() + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// parseRSA reads the key in either form that openssl writes.
func parseRSA(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key of the GitHub App is not in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if rsaKey, ok := key.(*rsa.PrivateKey); err == nil && ok {
		return rsaKey, nil
	}
	return nil, errors.New("the key of the GitHub App is no RSA key")
}
