package secret

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
)

// Renew returns a value to use instead of one that a provider has refused. Only a
// login and a grant have one; of every other source it is an error.
func (s *Secret) Renew(ctx context.Context, refused string) (string, error) {
	if s.source.grants() {
		return s.renewGrant(ctx, refused)
	}
	if s.login == nil {
		return "", fmt.Errorf("secret %s: it is no login, so it cannot be renewed", s.name)
	}
	v, err := s.login.renew(ctx, refused)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", s.name, err)
	}
	return v, nil
}

// Login describes the login that the value is of; ok is false for another source.
func (s *Secret) Login() (_ LoginInfo, ok bool, _ error) {
	if s.login == nil {
		return LoginInfo{}, false, nil
	}
	t, err := s.login.current()
	if err != nil {
		return LoginInfo{}, true, fmt.Errorf("secret %s: %w", s.name, err)
	}
	return t.info, true, nil
}

// Sample is what the placeholder of a value is to look like. It is the value itself,
// but for the token of a login or a grant: that changes every few hours, and a placeholder that
// goes by a sample that does not is the same for as long as the agent's
// conversations live.
func (s *Secret) Sample(value string) string {
	switch {
	case s.source.GCP != nil:
		return "ya29." + grantSample
	case s.source.GitHubApp != nil:
		return appSample
	case s.source.OAuth2 != nil:
		return grantSample
	case s.login == nil:
		return value
	}
	switch info, _, err := s.Login(); {
	case err != nil || info.Mode != LoginOAuth:
		return value
	case s.login.name == LoginClaude:
		return claudeSample
	default:
		return codexSample()
	}
}

// claudeSample has the form of Claude Code's access tokens.
const claudeSample = "sk-ant-oat01-" + "q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNiq7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0f-NiZ2mXwAA"

// FarAway is the end of what the agent holds, in seconds since 1970: 2099. The host
// renews what it stands for, so inside it never ends, and no client there tries.
const FarAway int64 = 4_070_908_800

// codexSample has the form of Codex's access tokens, JSON web tokens of which the
// client reads the end only.
func codexSample() string {
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{
		encode([]byte(`{"alg":"RS256","typ":"JWT"}`)), encode(fmt.Appendf(nil, `{"exp":%d,"sub":"bottle-placeholder-0123456789"}`, FarAway)),
		encode([]byte("q7RtZ2mXw9Lb4TnKv8cYk1Ge5sPd6uHa3WxJ0fNiq7RtZ2mXw9Lb4TnKv8cYk1Ge")),
	}, ".")
}
