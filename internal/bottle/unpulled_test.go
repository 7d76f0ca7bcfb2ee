package bottle

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUnpulled(t *testing.T) {
	p := newProject(t)
	p.write("work/file", "text", 0o600)
	b, err := p.launch(p.trusted(""), &fakeBackend{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if w, err := Unpulled(t.Context(), b.Dir()); err != nil || !w.None() {
		t.Errorf("nothing was done: %+v, %v", w, err)
	}
	if err := os.WriteFile(filepath.Join(b.Dir(), workspaceDir, "new"), []byte("work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err := Unpulled(t.Context(), b.Dir()); err != nil || w.None() {
		t.Errorf("a file is new: %+v, %v", w, err)
	}
	if text, err := os.ReadFile(p.path("work/file")); err != nil || string(text) != "text" {
		t.Errorf("the workspace itself: %q, %v", text, err)
	}
	if _, err := os.Lstat(p.path("work/new")); !os.IsNotExist(err) {
		t.Errorf("the workspace itself has the new file: %v", err)
	}
	if err := RemoveFiles(t.Context(), b.Dir()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{workspaceDir, homeDir} {
		if _, err := os.Lstat(filepath.Join(b.Dir(), name)); !os.IsNotExist(err) {
			t.Errorf("%s stays: %v", name, err)
		}
	}
}

func TestUnpulledOfWhatHasNoCopy(t *testing.T) {
	if w, err := Unpulled(t.Context(), t.TempDir()); err != nil || !w.None() {
		t.Errorf("a proxy alone: %+v, %v", w, err)
	}
}
