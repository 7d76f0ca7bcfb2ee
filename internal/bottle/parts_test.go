package bottle

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

func TestPartsOfSecretsAreResolved(t *testing.T) {
	asked := 0
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if _, password, _ := r.BasicAuth(); password != "client-secret-of-tickets" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "access-token-of-tickets", "expires_in": 3600})
	}))
	t.Cleanup(tokens.Close)
	p := newProject(t)
	m := p.load(fmt.Sprintf(`
egress:
  routes:
    - {host: s3.eu-central-1.amazonaws.com, secrets: [aws]}
    - {host: tickets.example.com, secrets: [a-ticket]}
    - {host: 127.0.0.1, ports: [%s], private: true}
secrets:
  aws: {from: {env: AWS_SECRET_ACCESS_KEY}, inject: {sigv4: {key_id: id, regions: [eu-central-1], services: [s3]}}}
  id: {from: {env: AWS_ACCESS_KEY_ID}}
  a-ticket: {from: {oauth2: {token_url: %q, client_id: me, client_secret: client}}, inject: bearer}
  client: {from: {env: BT_CLIENT}}
`, tokens.URL[strings.LastIndexByte(tokens.URL, ':')+1:], tokens.URL))
	values := map[string]string{"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY", "AWS_ACCESS_KEY_ID": "AKIA" + "IOSFODNN7EXAMPLE", "BT_CLIENT": "client-secret-of-tickets"}
	c, err := resolve(t.Context(), m, secret.NewKey(), secret.Options{LookupEnv: func(name string) (string, bool) { v, ok := values[name]; return v, ok }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range values {
		if p := c.env[name]; name != "BT_CLIENT" && (len(p) != len(v) || p == v) {
			t.Errorf("%s is %q in the bottle", name, p)
		}
	}
	if _, there := c.env["BT_CLIENT"]; there {
		t.Error("the client's secret has a placeholder, and no route")
	}
	for _, s := range c.secrets {
		switch s.Name {
		case "id":
			if !slices.Equal(s.Inject.Headers, []string{"Authorization"}) {
				t.Errorf("the key's ID goes into %+v", s.Inject)
			}
		case "a-ticket":
			for range 3 {
				if v, err := s.Value(t.Context()); v != "access-token-of-tickets" || err != nil || s.Renew == nil {
					t.Errorf("the token is %q, %v", v, err)
				}
			}
		}
	}
	if asked != 1 {
		t.Errorf("a token was asked for %d times", asked)
	}
	if r := m.Egress.Policy.Routes(); !slices.ContainsFunc(r, func(r proxy.Route) bool { return slices.Equal(r.Secrets, []string{"aws", "id"}) }) {
		t.Errorf("the part does not go where its secret does: %+v", r)
	}
}
