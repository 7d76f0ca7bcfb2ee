package preset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// TestRegistries reads the configuration of package managers as their users write it.
func TestRegistries(t *testing.T) {
	for _, tt := range []struct {
		name, preset, file, text string
		env                      map[string]string
		want                     string // host:port of all
	}{
		{"npm with a scope", "npm", "home/.npmrc", "registry=https://npm.example.com/mirror/\n@acme:registry = http://acme.example.com:4873\n//npm.example.com/:_authToken=x\n", nil, "acme.example.com:4873 npm.example.com"},
		{"npm by a variable", "npm", "home/.npmrc", "registry=https://npm.example.com/\n", map[string]string{"npm_config_registry": "https://other.example.com/"}, "other.example.com"},
		{"pip", "pip", "etc/pip.conf", "[global]\nindex-url = https://pip.example.com/simple\nextra-index-url = https://more.example.com/simple\n", nil, "more.example.com pip.example.com"},
		{"pip, a list over lines", "pip", "home/.config/pip/pip.conf", "[global]\nindex-url = https://pip.example.com/simple\nextra-index-url =\n    https://more.example.com/simple\n    https://third.example.com/simple\nproxy = http://proxy.example.com:3128\n", nil, "more.example.com pip.example.com third.example.com"},
		{"uv", "pip", "home/.config/uv/uv.toml", "extra-index-url = [\n  \"https://more.example.com/simple\",\n]\n[[index]]\nurl = \"https://uv.example.com/simple\"\n", nil, "more.example.com uv.example.com"},
		{"cargo", "cargo", "home/.cargo/config.toml", "[source.mirror]\nregistry = \"sparse+https://cargo.example.com/index/\"\n", nil, "cargo.example.com"},
		{"go, a list", "go", "home/.config/go/env", "GOPROXY=https://go.example.com,https://more.example.com|direct\n", nil, "go.example.com more.example.com"},
		{"apt", "apt", "etc/apt/sources.list.d/a.sources", "Types: deb\nURIs: http://deb.example.com/debian\n", nil, "deb.example.com"},
		{"apt, in one line", "apt", "etc/apt/sources.list", "deb [signed-by=/x] https://deb.example.com/debian stable main\n# deb http://no.example.com x\n", nil, "deb.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, tt.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Named(tt.preset, Host{Home: filepath.Join(root, "home"), Root: root, Getenv: func(name string) string { return tt.env[name] }})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range p.Routes {
				host := r.Host
				if len(r.Ports) > 0 {
					host += ":4873"
				}
				got = append(got, host)
				if !slices.Equal(r.Methods, []string{"GET", "HEAD"}) || r.Source != "preset "+tt.preset {
					t.Errorf("route %+v", r)
				}
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %s, want %s", text, tt.want)
			}
		})
	}
	if _, err := Named("npm", Host{Home: t.TempDir(), Root: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "npm config set registry URL") {
		t.Errorf("no configuration: %v", err)
	}
}

// TestPresetsCompile: each preset is a policy by itself, and all are one together.
func TestPresetsCompile(t *testing.T) {
	var routes []proxy.Route
	for _, p := range List(Host{}) {
		routes = append(routes, p.Routes...)
		for _, r := range p.Routes {
			if r.Action != proxy.Deny && p.Secret != "" && !slices.Contains(r.Secrets, p.Secret) {
				t.Errorf("%s: the route for %s goes without the secret", p.Name, r.Host)
			}
		}
	}
	policy, err := proxy.NewPolicy(proxy.Deny, routes)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, host, path string
		want               proxy.Action
		rule               string
	}{
		{"POST", "api.anthropic.com", "/v1/messages", proxy.Allow, "route preset anthropic"},
		{"POST", "api.anthropic.com", "/api/event_logging/v2/batch", proxy.Deny, "route preset anthropic (telemetry)"},
		{"GET", "api.github.com", "/repos/a/b/contents/c", proxy.Allow, "route preset github"},
		{"PUT", "api.github.com", "/repos/a/b/contents/c", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/git/refs", proxy.Deny, "default"},
		{"PATCH", "api.github.com", "/repos/a/b/git/refs/heads/main", proxy.Deny, "default"},
		{"DELETE", "api.github.com", "/repos/a/b/git/refs/heads/main", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/git/blobs", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/git/trees", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/git/commits", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/git/tags", proxy.Deny, "default"},
		{"DELETE", "api.github.com", "/repos/a/b/contents/c", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/merges", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/merge-upstream", proxy.Deny, "default"},
		{"PUT", "api.github.com", "/repos/a/b/pulls/1/update-branch", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/Git/Refs", proxy.Deny, "default"},
		{"POST", "api.github.com", "/graphql", proxy.Allow, "route preset github"}, // queries only
		{"POST", "api.github.com", "/graphql/", proxy.Deny, "default"},
		{"POST", "api.github.com", "/GraphQL", proxy.Deny, "default"},
		{"PUT", "api.github.com", "/repos/a/b/pulls/1/merge", proxy.Deny, "default"},
		{"POST", "api.github.com", "/repos/a/b/issues/1/comments", proxy.Allow, "route preset github"},
		{"POST", "api.github.com", "/repos/a/b/pulls", proxy.Allow, "route preset github"},
	} {
		d := policy.Decide(proxy.Target{Scheme: "https", Host: tt.host, Port: 443, Method: tt.method, Path: tt.path})
		if d.Action != tt.want || d.Rule != tt.rule {
			t.Errorf("%s %s%s: %s by %s", tt.method, tt.host, tt.path, d.Action, d.Rule)
		}
	}
}

// Under another default than deny a write is not refused by the preset, and has no
// credential all the same: no route of it names one there.
func TestGitHubLendsNothingToWrites(t *testing.T) {
	p, err := Named("github", Host{})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := proxy.NewPolicy(proxy.Allow, p.Routes)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/graphql", "/repos/a/b/git/refs", "/repos/a/b/issues/../git/refs", "/repos/a/b/issues/%2e%2e/git/refs"} {
		d := policy.Decide(proxy.Target{Scheme: "https", Host: "api.github.com", Port: 443, Method: "POST", Path: path})
		if d.Action == proxy.Allow && d.Route != nil && d.Route.GraphQL == "" {
			t.Errorf("%s: %s by %s, with %v", path, d.Action, d.Rule, d.Route.Secrets)
		}
	}
}
