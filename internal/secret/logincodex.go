package secret

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// What Codex 0.169 uses to renew its login.
const (
	codexEndpoint = "https://auth.openai.com/oauth/token"
	codexClientID = "app_EMoamEEZ73f0CkXaXp7hrann"
	// maxRefreshAge is how old the last renewal of a token that does not say its
	// end may be.
	maxRefreshAge = 8 * 24 * time.Hour
)

// codexLogin is the login of Codex: auth.json.
func codexLogin() loginClient {
	return loginClient{
		name: LoginCodex, fix: "codex login", folder: [2]string{"CODEX_HOME", ".codex"}, file: "auth.json",
		parse: parseCodex, request: requestCodex, renewed: renewedCodex, edit: editCodex,
	}
}

func parseCodex(doc []byte) (tokens, error) {
	var f struct {
		APIKey string `json:"OPENAI_API_KEY"`
		Tokens *struct {
			ID      string `json:"id_token"`
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
			Account string `json:"account_id"`
		} `json:"tokens"`
		LastRefresh time.Time `json:"last_refresh"`
	}
	if err := unmarshal(doc, &f); err != nil {
		return tokens{}, err
	}
	switch {
	case f.Tokens != nil && f.Tokens.Access != "":
	case f.APIKey != "":
		return tokens{access: f.APIKey, info: LoginInfo{Mode: LoginAPIKey}}, nil
	default:
		return tokens{}, errEmptied
	}
	t := tokens{access: f.Tokens.Access, refresh: f.Tokens.Refresh, idToken: f.Tokens.ID, lastRefresh: f.LastRefresh, absolute: true}
	t.info = codexInfo(t, f.Tokens.Account)
	return t, nil
}

// codexInfo reads what the tokens say of themselves.
func codexInfo(t tokens, account string) LoginInfo {
	type claims struct {
		Exp  int64 `json:"exp"`
		Auth struct {
			Account string `json:"chatgpt_account_id"`
			Plan    string `json:"chatgpt_plan_type"`
		} `json:"https://api.openai.com/auth"`
	}
	var id, access claims
	readClaims(t.idToken, &id)
	readClaims(t.access, &access)
	info := LoginInfo{Mode: LoginOAuth, Plan: id.Auth.Plan, Account: account}
	if info.Account == "" {
		info.Account = id.Auth.Account
	}
	if access.Exp > 0 {
		info.Expires = time.Unix(access.Exp, 0)
	}
	return info
}

// readClaims reads the payload of a JSON web token, if it is one. Its signature
// is the provider's business.
func readClaims(token string, into any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return
	}
	if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(payload, into) // one that cannot be read says nothing
	}
}

func requestCodex(ctx context.Context, t tokens) (*http.Request, error) {
	return jsonRequest(ctx, codexEndpoint, map[string]string{
		"client_id": codexClientID, "grant_type": "refresh_token", "refresh_token": t.refresh,
	})
}

func renewedCodex(t tokens, answer []byte, now time.Time) (tokens, error) {
	var a struct {
		ID      string `json:"id_token"`
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := unmarshal(answer, &a); err != nil {
		return tokens{}, err
	}
	t.access = a.Access
	if a.Refresh != "" {
		t.refresh = a.Refresh
	}
	if a.ID != "" {
		t.idToken = a.ID
	}
	t.lastRefresh, t.info = now, codexInfo(t, t.info.Account)
	return t, nil
}

func editCodex(doc []byte, t tokens, now time.Time) ([]byte, error) {
	return editJSON(doc, []edit{
		{[]string{"tokens", "id_token"}, t.idToken}, {[]string{"tokens", "access_token"}, t.access},
		{[]string{"tokens", "refresh_token"}, t.refresh}, {[]string{"last_refresh"}, now.UTC().Format(time.RFC3339Nano)},
	})
}
