package bottle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/workspace"
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
	if err := os.Remove(filepath.Join(b.Dir(), workspaceDir, "new")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.Dir(), homeDir, "notes.md"), []byte("work"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Unpulled(t.Context(), b.Dir())
	if want := []workspace.Change{{Kind: workspace.InHome, Path: "~/notes.md"}}; err != nil || !slices.Equal(w.Changes.Items, want) {
		t.Errorf("a file in HOME: %+v, %v", w, err)
	}
	if lines := strings.Join(TakeOver(b.record, b.Dir(), w), "\n"); !strings.Contains(lines, filepath.Join(b.Dir(), homeDir)) {
		t.Errorf("where it is is not said: %s", lines)
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
