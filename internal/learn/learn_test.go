package learn

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/proxy"
)

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

// decision is one line of a journal: VERDICT METHOD HOST PATH RULE.
func decision(text string) *proxy.Event {
	f := strings.SplitN(text, " ", 5)
	rule, reason, _ := strings.Cut(f[4], "|")
	return &proxy.Event{Reason: reason, Time: time.Unix(int64(len(text)), 0), Type: proxy.EventDecision, Scheme: "https", Port: 443, Verdict: proxy.Action(f[0]), Method: f[1], Host: f[2], Path: f[3], Rule: rule}
}

func decisions(lines ...string) func(func(*proxy.Event) bool) {
	return func(yield func(*proxy.Event) bool) {
		for _, l := range lines {
			if !yield(decision(l)) {
				return
			}
		}
	}
}

func TestProposal(t *testing.T) {
	m := load(t, "egress:\n  routes:\n    - {host: known.example}\n    - {host: no.example, action: deny}\n")
	p := From(m, decisions(
		"allow GET api.example /v1/a?x=1 default",
		"allow POST api.example /v1/b/c default",
		"deny CONNECT shut.example  default",
		"allow GET one.example /only default",
		"allow GET known.example /x route bottle.yaml:4",
		"deny GET no.example / route bottle.yaml:5",
		"deny POST leak.example /x dlp:jwt",
		"allow GET asked.example /y route answer q-1",
		"deny GET refused.example /y route bottle.yaml:9",
		"deny GET [redacted] / default",
		"deny GET asked.example /no default|the answer was no",
	))
	var yaml []string
	for _, r := range p.Routes {
		yaml = append(yaml, strings.Join(strings.Fields(r.YAML), " "))
	}
	want := []string{
		"- host: api.example methods: [GET, POST] paths: ['/v1/**']",
		"- host: asked.example methods: [GET] paths: ['/y']",
		"- host: one.example methods: [GET] paths: ['/only']",
		"- host: shut.example",
	}
	if !slices.Equal(yaml, want) {
		t.Errorf("got %q", yaml)
	}
	if r := p.Routes[0]; r.Requests != 2 || r.Denied != 0 || !slices.Equal(r.Examples, []string{"GET /v1/a", "POST /v1/b/c"}) {
		t.Errorf("got %+v", r)
	}
	if len(p.Skipped) != 1 || !strings.Contains(p.Skipped[0], "[redacted]") {
		t.Errorf("skipped %q", p.Skipped)
	}
	// Of eleven, six pass, one of which did not before; what is missed is what no route
	// can be made for.
	if r := p.Replay; r.Requests != 11 || r.Allowed != 6 || r.Opened != 1 || !slices.Equal(r.Missed, []string{"GET [redacted]/"}) {
		t.Errorf("replay %+v", r)
	}
}

// What the git gate decided is nothing that routes could be learned from, or decide.
func TestGitIsNoLesson(t *testing.T) {
	p := From(load(t, "egress: {default: allow}\n"), func(yield func(*proxy.Event) bool) {
		for _, text := range []string{"deny PUSH forge.test /org/x/git-receive-pack git:ref", "allow GET forge.test /org/x/info/refs git:forge.test/org/x"} {
			e := decision(text)
			if e.Proto = "git"; !yield(e) {
				return
			}
		}
	})
	if len(p.Routes) != 0 || p.Replay.Requests != 0 {
		t.Errorf("got %+v", p)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		paths, want []string
	}{
		{[]string{"/a"}, []string{"/a"}},
		{[]string{"/"}, []string{"/"}},
		{[]string{"/v1", "/v1/a", "/v1/b/c"}, []string{"/v1/**"}},
		{[]string{"/v1/a/x", "/v1/a/y"}, []string{"/v1/a/**"}},
		{[]string{"/v1/ab", "/v1/abc"}, []string{"/v1/**"}},
		{[]string{"/a/x", "/b"}, []string{"/a/**", "/b"}},
		{[]string{"/a", "/a/x", "/b"}, []string{"/a/**", "/b"}},
		{[]string{"/a", "/b", "/c", "/d", "/e"}, nil},
		{[]string{"/a%2fb"}, nil},
		{[]string{"/a*b"}, nil},
		{[]string{"*"}, nil},
		{[]string{""}, nil},
	} {
		slices.Sort(c.paths)
		if got := patterns(c.paths); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.paths, got, c.want)
		}
	}
}

// However many hosts and paths an agent makes up, what is kept is bounded.
func TestLearnIsBounded(t *testing.T) {
	var lines []string
	for i := range maxHosts + 10 {
		lines = append(lines, fmt.Sprintf("allow GET h%d.example / default", i))
	}
	for i := range 2 * maxPaths {
		lines = append(lines, fmt.Sprintf("allow GET h1.example /a/%d default", i))
	}
	places, more := collect(load(t, ""), decisions(lines...))
	s := places[place{"https", "h1.example", 443}]
	if len(places) != maxHosts || more != 10 || len(s.paths) != maxPaths || !s.anyPath || len(s.examples) != 3 {
		t.Errorf("%d hosts, %d more, %d paths, %d examples", len(places), more, len(s.paths), len(s.examples))
	}
}
