package workspace

import (
	"context"
	"path/filepath"
	"testing"
)

func TestHomeWork(t *testing.T) {
	home := t.TempDir()
	write(t, home, map[string]string{
		"notes.md": "result", "out/report.txt": "x", "link": "@notes.md", "clone/.git/config": "", "clone/main.go": "package main", "clone/node_modules/x/y.js": "x",
		".bash_history": "x", ".npm/_cacache/x": "x", ".cache/go-build/x": "x", ".claude/projects/x": "x", ".codex/log": "x", ".config/x/y": "x", "go/pkg/mod/x": "x",
		"mountpoint": "", "docs/.hidden": "x",
	})
	w, err := HomeWork(context.Background(), home)
	must(t, err)
	var got []string
	for _, c := range w.Changes.Items {
		if c.Kind != InHome {
			t.Errorf("%+v", c)
		}
		got = append(got, c.Path)
	}
	wantList(t, "work", got, "~/notes.md", "~/out/report.txt", "~/link", "~/clone/main.go", "~/docs/.hidden")
	if w, err := HomeWork(context.Background(), filepath.Join(home, "nowhere")); err != nil || !w.None() {
		t.Errorf("a home that is not there: %+v, %v", w, err)
	}
}
