package bottle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
)

func TestPull(t *testing.T) {
	p := newProject(t)
	p.write("work/file", "text", 0o600)
	b, err := p.launch(p.trusted(""), &fakeBackend{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	pull := func(opt PullOptions) *workspace.Pulled {
		t.Helper()
		out, err := Pull(t.Context(), b.record, b.Dir(), opt)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	inside := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(b.Dir(), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := pull(PullOptions{DryRun: true}); !out.None() {
		t.Errorf("nothing was done: %+v", out)
	}
	inside(workspaceDir+"/new", "work")
	if out := pull(PullOptions{DryRun: true}); out.Taken.Total != 1 {
		t.Errorf("a file is new: %+v", out)
	}
	if _, err := os.Lstat(p.path("work/new")); !os.IsNotExist(err) {
		t.Errorf("a dry run wrote the file: %v", err)
	}
	unlock, err := lockPull(b.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), b.record, b.Dir(), PullOptions{}); !errors.Is(err, ErrPulling) {
		t.Errorf("while another pulls: %v", err)
	}
	unlock()
	pull(PullOptions{})
	if text, err := os.ReadFile(p.path("work/new")); err != nil || string(text) != "work" {
		t.Errorf("the file: %q, %v", text, err)
	}
	inside(homeDir+"/notes.md", "notes")
	out := pull(PullOptions{})
	if len(out.Left.Items) != 1 || out.Left.Items[0].Path != "~/notes.md" || !strings.Contains(out.Left.Items[0].Reason, filepath.Join(b.Dir(), homeDir)) {
		t.Errorf("a file in the home: %+v", out)
	}
	inside(workspaceDir+"/new", "more")
	if err := os.RemoveAll(p.path("work")); err != nil {
		t.Fatal(err)
	}
	if out := pull(PullOptions{}); out.Left.Total != 2 || out.Taken.Total != 0 {
		t.Errorf("without the project: %+v", out)
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

func TestPullOfWhatHasNoCopy(t *testing.T) {
	if out, err := Pull(t.Context(), state.Bottle{ID: "b"}, t.TempDir(), PullOptions{}); err != nil || !out.None() {
		t.Errorf("a proxy alone: %+v, %v", out, err)
	}
}
