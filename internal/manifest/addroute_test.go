package manifest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

var editDay = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

// get is a route that a yes to GET https://api.example.com/ makes.
func get(over string) Grant {
	return Grant{Route: proxy.Route{Host: "api.example.com", Methods: []string{"GET"}, Action: proxy.Allow, TLS: proxy.Intercept}, over: over}
}

const added = "# allowed on 2026-11-28, when it was asked for (q-1)\n"

func TestAddRouteKeepsTheText(t *testing.T) {
	for _, c := range []struct{ name, text, over, want string }{
		{"at the end of a list", "version: 1\negress:\n  default: ask # mine\n  routes:\n    # the first\n    - host: a.example.com\n      methods: [GET]   # spaced\n\n# behind\nenv: {A: b}\n", "",
			"version: 1\negress:\n  default: ask # mine\n  routes:\n    # the first\n    - host: a.example.com\n      methods: [GET]   # spaced\n    " + added + "    - host: api.example.com\n      methods: [GET]\n\n# behind\nenv: {A: b}\n"},
		{"before the route that asked, above its comment", "version: 1\negress:\n  routes:\n  - host: a.example.com\n  # all of it\n  - host: \"*.example.com\"\n    action: ask\n", "bottle.yaml:6",
			"version: 1\negress:\n  routes:\n  - host: a.example.com\n  " + added + "  - host: api.example.com\n    methods: [GET]\n  # all of it\n  - host: \"*.example.com\"\n    action: ask\n"},
		{"entries in braces", "version: 1\negress:\n  routes:\n    - {host: a.example.com, methods: [GET]}\n", "",
			"version: 1\negress:\n  routes:\n    - {host: a.example.com, methods: [GET]}\n    " + added + "    - host: api.example.com\n      methods: [GET]\n"},
		{"a list in brackets", "version: 1\negress: {default: ask, routes: [{host: a.example.com}]} # x\n", "",
			"version: 1\negress: {default: ask, routes: [{host: api.example.com, methods: [GET]}, {host: a.example.com}]} # x\n"},
		{"an empty list", "version: 1\negress:\n  routes: []\n", "",
			"version: 1\negress:\n  routes: [{host: api.example.com, methods: [GET]}]\n"},
		{"no routes", "version: 1\negress:\n    default: ask\n", "",
			"version: 1\negress:\n    routes:\n      " + added + "      - host: api.example.com\n        methods: [GET]\n    default: ask\n"},
		{"no routes, in braces", "version: 1\negress: {default: ask}\n", "",
			"version: 1\negress: {routes: [{host: api.example.com, methods: [GET]}], default: ask}\n"},
		{"egress without a value", "version: 1\negress:\nenv: {A: b}\n", "",
			"version: 1\negress:\n  routes:\n    " + added + "    - host: api.example.com\n      methods: [GET]\nenv: {A: b}\n"},
		{"no egress, and no line feed at the end", "version: 1", "",
			"version: 1\n\negress:\n  routes:\n    " + added + "    - host: api.example.com\n      methods: [GET]\n"},
		{"a route of the variant", "version: 1\nbottles:\n  v:\n    egress:\n      routes:\n        - {host: api.example.com, action: ask}\n", "bottle.yaml:6",
			"version: 1\nbottles:\n  v:\n    egress:\n      routes:\n        " + added + "        - host: api.example.com\n          methods: [GET]\n        - {host: api.example.com, action: ask}\n"},
		{"CRLF", "version: 1\r\negress:\r\n  routes:\r\n    - host: a.example.com\r\n", "",
			"version: 1\r\negress:\r\n  routes:\r\n    - host: a.example.com\r\n    " + added + "    - host: api.example.com\n      methods: [GET]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := edit{base: "bottle.yaml", variant: "v", id: "q-1", date: editDay}
			got, err := e.add([]byte(c.text), get(c.over))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestAddRouteRefusesToTouchMore(t *testing.T) {
	for name, text := range map[string]string{
		"a list that stands in two places": "version: 1\nbottles: {a: {egress: {routes: &r [{host: a.example.com}]}}}\negress: {routes: *r}\n",
		"a manifest in braces":             "{version: 1, agent: codex}\n",
	} {
		e := edit{base: "bottle.yaml", id: "q-1", date: editDay}
		if got, err := e.add([]byte(text), get("")); err == nil {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

func TestRoutesAreWrittenAsTheyAreRead(t *testing.T) {
	for _, r := range []proxy.Route{
		{Host: "2001:db8::1", Ports: []int{8443, 80}, Action: proxy.Allow},
		{Host: "a.example.com", Methods: []string{"GET", "NO", "M-SEARCH"}, Paths: []string{"/a'b/**", "/a: b"}, Action: proxy.Deny},
		{Host: "10.0.0.1", TLS: proxy.Passthrough, Private: true, Upstream: "[::1]:443", Action: proxy.Allow},
	} {
		for _, text := range []string{"version: 1\n", "version: 1\negress: {routes: []}\n"} {
			p := newPlace(t)
			e := edit{base: "bottle.yaml", id: "q-1", date: editDay}
			next, err := e.add([]byte(text), Grant{Route: r})
			if err != nil {
				t.Fatal(err)
			}
			p.manifest(string(next))
			m := p.mustLoad()
			policy, err := proxy.NewPolicy(proxy.Deny, []proxy.Route{r})
			if err != nil {
				t.Fatal(err)
			}
			if want := policy.Routes()[0]; identity(m.Egress.Routes[0]) != identity(want) {
				t.Errorf("got %+v, want %+v", m.Egress.Routes[0], want)
			}
		}
	}
}

func TestAddRouteTrustsWhatItWrites(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\n# keep me\negress: {default: ask}\n")
	trust := OpenTrust(t.TempDir())
	load := func() (*Manifest, error) { return p.mustLoad(), nil }
	if _, err := trust.AddRoute(load, get(""), "q-1"); !errors.Is(err, ErrNotTrusted) {
		t.Fatalf("not trusted, and got %v", err)
	}
	if err := trust.Trust(p.mustLoad()); err != nil {
		t.Fatal(err)
	}
	m, err := trust.AddRoute(load, get(""), "q-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := trust.IsTrusted(m); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(m.Project.Path)
	if err != nil || !strings.Contains(string(text), "# keep me") || len(m.Egress.Routes) != 1 {
		t.Errorf("got %q, %v", text, err)
	}
	if left, _ := os.ReadDir(m.Dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// A person writes the file between the reading and the writing: both stay.
func TestAddRouteLosesNoEdit(t *testing.T) {
	p := newPlace(t)
	p.manifest("version: 1\n")
	trust := OpenTrust(t.TempDir())
	if err := trust.Trust(p.mustLoad()); err != nil {
		t.Fatal(err)
	}
	edits := 0
	load := func() (*Manifest, error) {
		m := p.mustLoad()
		if edits == 0 {
			edits++
			p.manifest("version: 1\nagent: codex\n")
			return m, nil
		}
		return m, trust.Trust(m) // the person agrees to the own edit
	}
	m, err := trust.AddRoute(load, get(""), "q-1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Agent != "codex" || len(m.Egress.Routes) != 1 {
		t.Errorf("got agent %s, routes %v", m.Agent, m.Egress.Routes)
	}
}

func TestSwapFileGivesBackWhatItDidNotExpect(t *testing.T) {
	path := t.TempDir() + "/f"
	if err := os.WriteFile(path, []byte("theirs"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, done, err := swapFile(path, []byte("read before"), []byte("ours")); done || err != nil {
		t.Errorf("got %t, %v", done, err)
	}
	if b, _ := os.ReadFile(path); string(b) != "theirs" {
		t.Errorf("got %q", b)
	}
	undo, done, err := swapFile(path, []byte("theirs"), []byte("ours"))
	if info, _ := os.Stat(path); !done || err != nil || info.Mode().Perm() != 0o640 {
		t.Fatalf("got %t, %v, mode %v", done, err, info.Mode())
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "theirs" {
		t.Errorf("after undo: %q", b)
	}
}

// A person saves again and again while it is written: the last that they saved is there
// in the end, with or without what was added to it.
func TestSwapFileLosesNothingThatIsSavedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path, saved := dir+"/f", ""
	save := func(i int) {
		saved = fmt.Sprintf("theirs %d\n", i)
		if err := errors.Join(os.WriteFile(dir+"/new", []byte(saved), 0o600), os.Rename(dir+"/new", path)); err != nil {
			t.Error(err)
		}
	}
	save(0)
	for round := range 25 {
		var person sync.WaitGroup
		person.Go(func() {
			for i := range 20 {
				save(100*round + i)
			}
		})
		for range 20 {
			old, err := os.ReadFile(path)
			if err == nil {
				_, _, err = swapFile(path, old, append(old, "ours\n"...))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		person.Wait()
		if now, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(now), saved) {
			t.Fatalf("%q was saved last, and there is %q, %v", saved, now, err)
		}
	}
}

// Whatever a manifest looks like, a route is added or the text is refused.
func FuzzAddRoute(f *testing.F) {
	for _, text := range []string{
		"version: 1\n", "version: 1\negress:\n  routes:\n    # c\n    - host: a.example.com\n", "version: 1\negress: {routes: [\n  {host: a}]}\n",
		"version: 1\negress:\n- a\n", "a: &x {b: [c]}\negress: *x\n", "egress:\n  routes:\n  -\n    host: a\n  - ! b\n", "version: 1\r\negress: # x\r\n",
	} {
		f.Add(text, 0)
	}
	f.Fuzz(func(_ *testing.T, text string, line int) {
		e := edit{base: "bottle.yaml", id: "q-1", date: editDay}
		if line > 0 {
			_, _ = e.add([]byte(text), get(fmt.Sprintf("bottle.yaml:%d", line)))
			return
		}
		_, _ = e.add([]byte(text), get(""))
	})
}
