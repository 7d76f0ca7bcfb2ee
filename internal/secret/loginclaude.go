package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// What Claude Code 2.1 uses to renew its login.
const (
	claudeEndpoint = "https://platform.claude.com/v1/oauth/token"
	claudeClientID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
)

// claudeLogin is the login of Claude Code: claudeAiOauth in .credentials.json,
// or in an entry of the keychain on macOS.
func claudeLogin() loginClient {
	return loginClient{
		name: LoginClaude, fix: "claude auth login", folder: [2]string{"CLAUDE_CONFIG_DIR", ".claude"}, file: ".credentials.json",
		parse: parseClaude, request: requestClaude, renewed: renewedClaude, edit: editClaude,
	}
}

type claudeFile struct {
	OAuth *struct {
		AccessToken      string   `json:"accessToken"`
		RefreshToken     string   `json:"refreshToken"`
		ExpiresAt        int64    `json:"expiresAt"` // milliseconds of this host's clock
		Scopes           []string `json:"scopes"`
		SubscriptionType string   `json:"subscriptionType"`
		ClientID         string   `json:"clientId"`
	} `json:"claudeAiOauth"`
}

func parseClaude(doc []byte) (tokens, error) {
	var f claudeFile
	if err := unmarshal(doc, &f); err != nil {
		return tokens{}, err
	}
	if f.OAuth == nil || f.OAuth.AccessToken == "" {
		return tokens{}, errEmptied
	}
	o := f.OAuth
	t := tokens{access: o.AccessToken, refresh: o.RefreshToken, scopes: o.Scopes, clientID: o.ClientID,
		info: LoginInfo{Mode: LoginOAuth, Plan: o.SubscriptionType}}
	if o.ExpiresAt > 0 {
		t.info.Expires = time.UnixMilli(o.ExpiresAt)
	}
	return t, nil
}

func requestClaude(ctx context.Context, t tokens) (*http.Request, error) {
	body := map[string]string{"grant_type": "refresh_token", "refresh_token": t.refresh, "client_id": claudeClientID}
	if t.clientID != "" {
		body["client_id"] = t.clientID
	}
	if len(t.scopes) > 0 {
		body["scope"] = strings.Join(t.scopes, " ")
	}
	return jsonRequest(ctx, claudeEndpoint, body)
}

func renewedClaude(t tokens, answer []byte, now time.Time) (tokens, error) {
	var a struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int64  `json:"expires_in"`
		Scope        string `json:"scope"`
	}
	if err := unmarshal(answer, &a); err != nil {
		return tokens{}, err
	}
	t.access = a.AccessToken
	if a.RefreshToken != "" {
		t.refresh = a.RefreshToken
	}
	t.info.Expires = time.Time{}
	if a.ExpiresIn > 0 {
		t.info.Expires = now.Add(time.Duration(a.ExpiresIn) * time.Second)
	}
	if scopes := strings.Fields(a.Scope); len(scopes) > 0 {
		t.scopes = scopes
	}
	return t, nil
}

func editClaude(doc []byte, t tokens, _ time.Time) ([]byte, error) {
	edits := []edit{{[]string{"claudeAiOauth", "accessToken"}, t.access}, {[]string{"claudeAiOauth", "refreshToken"}, t.refresh}}
	if !t.info.Expires.IsZero() {
		edits = append(edits, edit{[]string{"claudeAiOauth", "expiresAt"}, t.info.Expires.UnixMilli()})
	}
	return editJSON(doc, edits)
}

// unmarshal is json.Unmarshal with an error that quotes nothing.
func unmarshal(doc []byte, into any) error {
	if json.Unmarshal(doc, into) != nil {
		return errors.New("it is not the JSON that was expected")
	}
	return nil
}

func jsonRequest(ctx context.Context, url string, body any) (*http.Request, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	return r, nil
}
