package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place is a project, a home and what is loaded from them.
type place struct {
	t             *testing.T
	project, home string
	env           []string
	opts          Options
}

func newPlace(t *testing.T) *place {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir()) // /tmp is a link on darwin
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, project: filepath.Join(root, "project"), home: filepath.Join(root, "home")}
	p.env = []string{"HOME=" + p.home, "PATH=/usr/bin:/bin"}
	for _, d := range []string{p.project, p.home} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *place) write(path, text string) string {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *place) manifest(text string) *place {
	p.write(filepath.Join(p.project, FileName), text)
	return p
}

func (p *place) user(text string) *place {
	p.write(filepath.Join(p.home, ".config", "bottle", "config.yaml"), text)
	return p
}

func (p *place) load() (*Manifest, error) {
	opts := p.opts
	opts.Environ = append(append([]string(nil), p.env...), opts.Environ...)
	if opts.Dir == "" {
		opts.Dir = p.project
	}
	if opts.RuleIDs == nil {
		opts.RuleIDs = []string{"jwt", "github-token", "aws-key"}
	}
	return Load(opts)
}

func (p *place) mustLoad() *Manifest {
	p.t.Helper()
	m, err := p.load()
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// loadText loads a project that is this text alone.
func loadText(t *testing.T, text string) *Manifest {
	t.Helper()
	return newPlace(t).manifest(text).mustLoad()
}

// wantErrors holds an error to one line for each want, which it begins with
// (up to the first "|") and contains (each part after).
func wantErrors(t *testing.T, err error, want ...string) {
	t.Helper()
	var list Errors
	if err == nil || !errors.As(err, &list) {
		t.Fatalf("got %v, want Errors:\n%s", err, strings.Join(want, "\n"))
	}
	for i, w := range want {
		parts := strings.Split(w, "|")
		if i >= len(list) {
			t.Errorf("missing: %s", w)
			continue
		}
		got := list[i].Error()
		if !strings.HasPrefix(got, parts[0]) {
			t.Errorf("got  %s\nwant %s…", got, parts[0])
		}
		for _, part := range parts[1:] {
			if !strings.Contains(got, part) {
				t.Errorf("got  %s\nwant %q in it", got, part)
			}
		}
	}
	for _, e := range list[min(len(list), len(want)):] {
		t.Errorf("not wanted: %v", e)
	}
}
