package secret

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	bearer "golang.org/x/oauth2/jwt"
)

// GCP says what the tokens of a service account are for (RFC 7523, the JWT bearer
// grant).
type GCP struct {
	Scopes []string // such as https://www.googleapis.com/auth/cloud-platform
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
