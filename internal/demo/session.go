package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// step is one thing that the agent of the demonstration does.
type step struct {
	Name   string `json:"name"`
	Status int    `json:"status,omitempty"`
	Rule   string `json:"rule,omitempty"` // Bottle-Rule of the answer
	Body   string `json:"body,omitempty"`
	Error  string `json:"error,omitempty"`
}

// session is what the inner half reports.
type session struct {
	Token string   `json:"token"` // what the agent finds in its environment
	Env   []string `json:"env"`
	Steps []step   `json:"steps"`
}

// tokenVariable is where the agent looks for its credential.
const tokenVariable = "DEMO_TOKEN"

// The steps, in their order.
const (
	stepAllowed     = "allowed"
	stepDenied      = "denied"
	stepLeak        = "leak"
	stepPassthrough = "passthrough"
)

// leaked looks like an access key of a cloud account. It is put together here
// so that no file of this repository holds one.
func leaked() string { return "AKIA" + "QYLPMN5HHHFPZAM2" }

// Inner is the agent of the demonstration. It runs in the bottle, does what it
// is scripted to do like any program would, and writes what it saw to w.
func Inner(ctx context.Context, w io.Writer) error {
	s := session{Token: os.Getenv(tokenVariable), Env: os.Environ()}
	client := &http.Client{Timeout: 30 * time.Second}
	for _, c := range []struct{ name, method, url, body string }{
		{stepAllowed, http.MethodGet, "https://" + apiHost + "/v1/me", ""},
		{stepDenied, http.MethodGet, "https://" + deniedHost + "/", ""},
		{stepLeak, http.MethodPost, "https://" + apiHost + "/v1/paste", `{"text":"aws_access_key_id = ` + leaked() + `"}`},
		{stepPassthrough, http.MethodGet, "https://" + vaultHost + "/health", ""},
	} {
		s.Steps = append(s.Steps, request(ctx, client, c.name, c.method, c.url, c.body, s.Token))
	}
	return json.NewEncoder(w).Encode(s)
}

func request(ctx context.Context, client *http.Client, name, method, url, body, token string) step {
	fail := func(err error) step { return step{Name: name, Error: err.Error()} }
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return fail(err)
	}
	if name == stepAllowed {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return fail(err)
	}
	return step{Name: name, Status: resp.StatusCode, Rule: resp.Header.Get("Bottle-Rule"), Body: string(bytes.TrimSpace(b))}
}

func (s *session) step(name string) (step, error) {
	for _, st := range s.Steps {
		if st.Name == name {
			return st, nil
		}
	}
	return step{}, fmt.Errorf("the session did not report the step %q", name)
}
