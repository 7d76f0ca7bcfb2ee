package supervise_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// load loads a manifest, given behind its first line.
func load(t *testing.T, text string) *manifest.Manifest {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, manifest.FileName)
	if err := os.WriteFile(path, []byte("version: 1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Load(manifest.Options{File: path, Dir: dir, Environ: []string{"HOME=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const routes = `egress:
  routes:
    - {host: api.example.com, methods: [GET], paths: ["/v1/**"]}
    - {host: "*.example.com", action: deny}
`

// connect serves the handler and returns a client of it.
func connect(t *testing.T, o supervise.Options) *mcp.ClientSession {
	t.Helper()
	s := httptest.NewServer(supervise.Handler(o))
	t.Cleanup(s.Close)
	c := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil)
	session, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: s.URL + "/mcp"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// call calls a tool and decodes its answer into out; it returns the text of an
// error that the tool answered with.
func call(t *testing.T, s *mcp.ClientSession, tool string, in map[string]any, out any) string {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: in})
	if err != nil {
		t.Fatal(err)
	}
	if r.IsError {
		return r.Content[0].(*mcp.TextContent).Text
	}
	b, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

func options(m *manifest.Manifest) supervise.Options {
	return supervise.Options{Desk: &supervise.Desk{}, Bottle: "b-1", Version: "v1", Started: time.Unix(1e9, 0), Manifest: func() *manifest.Manifest { return m },
		Counts: func() map[string]int64 { return map[string]int64{"denied": 3} }}
}

func TestToolsAreListed(t *testing.T) {
	s := connect(t, options(load(t, "")))
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	for _, want := range []string{"allowed", "status", "request_access", "request_secret_use", "request_push"} {
		if !slices.Contains(names, want) {
			t.Errorf("no tool %s in %v", want, names)
		}
	}
	if text := s.InitializeResult().Instructions; !strings.Contains(text, "Bottle-Rule") {
		t.Errorf("instructions %q", text)
	}
}

func TestAllowed(t *testing.T) {
	s := connect(t, options(load(t, routes)))
	var all supervise.Allowed
	call(t, s, "allowed", nil, &all)
	if all.Default != "deny" || len(all.Routes) != 2 || all.Routes[0].Host != "api.example.com" || !slices.Equal(all.Routes[0].Paths, []string{"/v1/**"}) || all.Routes[1].Action != "deny" {
		t.Errorf("got %+v", all)
	}
	for _, c := range []struct{ url, method, verdict, text string }{
		{"https://a.example.org/x", "", "deny", "no route allows"},
		{"b.example.com", "POST", "deny", "denies"},
	} {
		var one supervise.Allowed
		call(t, s, "allowed", map[string]any{"url": c.url, "method": c.method}, &one)
		if string(one.Verdict) != c.verdict || !strings.Contains(one.Reason, c.text) {
			t.Errorf("%s: got %+v", c.url, one)
		}
	}
	if text := call(t, s, "allowed", map[string]any{"url": "ftp://x"}, nil); !strings.Contains(text, "http or https") {
		t.Errorf("no URL of ours: %q", text)
	}
}

func TestStatus(t *testing.T) {
	s := connect(t, options(load(t, "")))
	var st supervise.Status
	call(t, s, "status", nil, &st)
	if st.Bottle != "b-1" || st.Counts["denied"] != 3 || !st.Started.Equal(time.Unix(1e9, 0)) {
		t.Errorf("got %+v", st)
	}
}

// Clients look for OAuth metadata first, and must not find an answer.
func TestNothingElseIsThere(t *testing.T) {
	h := supervise.Handler(options(load(t, "")))
	for _, path := range []string{"/", "/.well-known/oauth-protected-resource/mcp", "/mcp/x"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestAllowedExplainsRepositories(t *testing.T) {
	s := connect(t, options(load(t, "git:\n  forge.example.com: {repos: [{path: org/repo, access: write}]}\n")))
	for ref, want := range map[string]string{"agent/x": "allow", "refs/heads/main": "deny"} {
		var one supervise.Allowed
		call(t, s, "allowed", map[string]any{"url": "git@forge.example.com:org/repo", "ref": ref}, &one)
		if len(one.Explained) != 1 || string(one.Explained[0].Verdict) != want {
			t.Errorf("%s: got %+v", ref, one.Explained)
		}
	}
}

// The agent is warned of a limit that is near.
func TestStatusTellsOfLimits(t *testing.T) {
	o := options(load(t, ""))
	o.Spent = func() proxy.Spent {
		return proxy.Spent{Limits: []proxy.Limit{{Name: "model_tokens", Used: 85, Allowed: 100}, {Name: "bytes_out", Used: 1, Allowed: 100}}}
	}
	var st supervise.Status
	call(t, connect(t, o), "status", nil, &st)
	if len(st.Limits) != 2 || !strings.HasSuffix(st.Near, ": budgets.model_tokens: 85 of 100") {
		t.Errorf("got %+v", st)
	}
}
