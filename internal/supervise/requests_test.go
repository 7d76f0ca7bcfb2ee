package supervise_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// asking are options with a desk that computes the reach from a manifest.
func asking(m *manifest.Manifest) supervise.Options {
	o := options(m)
	o.Desk = &supervise.Desk{
		Apply: func(context.Context, supervise.Question, supervise.Verdict) error { return nil },
		Reach: func(q supervise.Question) ([]string, error) {
			if _, err := m.GrantFor(manifest.Want{Scheme: q.Scheme, Host: q.Host, Port: q.Port, Methods: q.Methods, Paths: q.Paths, Secret: q.Secret}, proxy.Allow); err != nil {
				return nil, err
			}
			return []string{"more"}, nil
		},
	}
	return o
}

func TestRequestAccess(t *testing.T) {
	o := asking(load(t, routes))
	s := connect(t, o)
	for _, c := range []struct {
		name  string
		allow bool
		want  supervise.Request
	}{
		{"yes", true, supervise.Request{State: "allowed", Scope: supervise.Session, Reason: "ok"}},
		{"no", false, supervise.Request{State: "denied", Scope: supervise.Once, Reason: "ok"}},
	} {
		changed := o.Desk.Changed()
		go func() {
			<-changed
			q := o.Desk.List()[0]
			if q.Host != "new.example.net" || q.Reason != "to test" || q.Methods[0] != "POST" || q.Bottle != "b-1" {
				t.Errorf("got %+v", q)
			}
			_, _, _ = o.Desk.Answer(context.Background(), q.ID, supervise.Verdict{Allow: c.allow, Reason: "ok"})
		}()
		var r supervise.Request
		call(t, s, "request_access", map[string]any{"url": "new.example.net", "methods": []string{"post"}, "reason": "to test"}, &r)
		id := r.Request
		if r.Request = ""; r != c.want {
			t.Errorf("%s: got %+v", c.name, r)
		}
		// And it can be asked for later.
		var st supervise.Status
		call(t, s, "status", map[string]any{"request": id}, &st)
		if st.Request == nil || st.Request.State != c.want.State || len(st.Waiting) != 0 {
			t.Errorf("%s: status %+v", c.name, st)
		}
	}
}

func TestRequestsThatAskNobody(t *testing.T) {
	o := asking(load(t, routes+"secrets: {key: {from: {env: KEY}}}\n"))
	s := connect(t, o)
	var r supervise.Request
	if call(t, s, "request_access", map[string]any{"url": "api.example.com", "paths": []string{"/v1/x"}, "reason": "x"}, &r); r.State != "" {
		t.Errorf("a denial beats it: %+v", r)
	}
	for _, c := range []struct {
		name, tool string
		in         map[string]any
		text       string
	}{
		{"a denial beats a yes", "request_access", map[string]any{"url": "b.example.com", "reason": "x"}, "would change nothing"},
		{"no reason", "request_access", map[string]any{"url": "b.example.net", "reason": " "}, "a reason is needed"},
		{"a reason without end", "request_access", map[string]any{"url": "b.example.net", "reason": strings.Repeat("x", 501)}, "of at most 500"},
		{"too many methods", "request_access", map[string]any{"url": "b.example.net", "reason": "x", "methods": make([]string, 17)}, "at most 16"},
		{"a path that reads like more of the question", "request_access", map[string]any{"url": "b.example.net", "reason": "x", "paths": []string{"/ok: allowed and nothing else", "/**"}}, "write * for it"},
		{"no method", "request_access", map[string]any{"url": "b.example.net", "reason": "x", "methods": []string{"A B"}}, "not an HTTP method"},
		{"no host", "request_access", map[string]any{"url": "https://", "reason": "x"}, "url"},
		{"no such secret", "request_secret_use", map[string]any{"url": "b.example.net", "reason": "x", "secret": "none"}, "no secret"},
	} {
		if text := call(t, s, c.tool, c.in, &r); !strings.Contains(text, c.text) {
			t.Errorf("%s: got %q", c.name, text)
		}
	}
	if list := o.Desk.List(); len(list) != 0 {
		t.Errorf("somebody is asked: %+v", list)
	}
}

func TestRequestSecretUse(t *testing.T) {
	o := asking(load(t, routes+"secrets: {key: {from: {env: KEY}}}\n"))
	s := connect(t, o)
	changed := o.Desk.Changed()
	go func() {
		<-changed
		q := o.Desk.List()[0]
		if got := q.Subject(); got != "the secret key for https://new.example.net" {
			t.Errorf("got %q", got)
		}
		_, _, _ = o.Desk.Answer(context.Background(), q.ID, supervise.Verdict{Allow: true})
	}()
	var r supervise.Request
	call(t, s, "request_secret_use", map[string]any{"url": "https://new.example.net/", "secret": "key", "reason": "to test"}, &r)
	if r.State != "allowed" {
		t.Errorf("got %+v", r)
	}
}

// An agent asks for a push: what is allowed is said at once, what is not is asked.
func TestRequestPush(t *testing.T) {
	m := load(t, "git: {forge.example.com: {repos: [{path: org/repo, access: write}]}}\n")
	o := options(m)
	var applied []supervise.Scope
	o.Desk = &supervise.Desk{
		Apply: func(_ context.Context, q supervise.Question, v supervise.Verdict) error {
			applied = append(applied, v.Scope)
			return nil
		},
		Reach: func(q supervise.Question) ([]string, error) {
			w, err := m.PushWantOf(q.Host+"/"+q.Repository, q.Ref, q.Operations)
			if err == nil {
				_, _, err = m.PushGrantFor(w)
			}
			if err != nil {
				return nil, err
			}
			return []string{"more"}, nil
		},
	}
	s := connect(t, o)
	var r supervise.Request
	call(t, s, "request_push", map[string]any{"repository": "git@forge.example.com:org/repo", "ref": "agent/x", "reason": "x"}, &r)
	if r.State != "allowed" || r.Request != "" || len(o.Desk.List()) != 0 {
		t.Errorf("what is allowed: %+v", r)
	}
	changed := o.Desk.Changed()
	go func() {
		<-changed
		q := o.Desk.List()[0]
		if got := q.Subject(); got != "git pushes to forge.example.com/org/repo that create, force refs/heads/main" || q.Reason != "to test" || len(q.Reach) != 1 {
			t.Errorf("got %q, %+v", got, q)
		}
		_, _, _ = o.Desk.Answer(context.Background(), q.ID, supervise.Verdict{Allow: true})
	}()
	call(t, s, "request_push", map[string]any{"repository": "https://forge.example.com/org/repo.git", "ref": "refs/heads/main", "operations": []string{"create", "FORCE"}, "reason": "to test"}, &r)
	// A yes by itself is for one push, which somebody has to be told of.
	if r.State != "allowed" || r.Scope != supervise.Once || len(applied) != 1 || applied[0] != supervise.Once {
		t.Errorf("got %+v, applied %v", r, applied)
	}
	for _, c := range []struct {
		in   map[string]any
		text string
	}{
		{map[string]any{"repository": "forge.example.com/org/repo", "ref": "refs/heads/*", "reason": "x"}, "not the name of a ref"},
		{map[string]any{"repository": "forge.example.com/org/repo", "ref": "main", "operations": []string{"own"}, "reason": "x"}, "none of create"},
		{map[string]any{"repository": "git@other.example.com:org/repo", "ref": "main", "reason": "x"}, "would change nothing"},
		{map[string]any{"repository": "forge.example.com/org/repo", "ref": "main", "reason": ""}, "a reason is needed"},
		{map[string]any{"repository": "forge.example.com/org/repo", "ref": strings.Repeat("x", 201), "reason": "x"}, "of at most 200"},
	} {
		if text := call(t, s, "request_push", c.in, &r); !strings.Contains(text, c.text) {
			t.Errorf("%v: got %q", c.in, text)
		}
	}
	if list := o.Desk.List(); len(list) != 0 {
		t.Errorf("somebody is asked: %+v", list)
	}
}
