package bottle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/internal/manifest"
)

func TestPromptTellsTheFence(t *testing.T) {
	dir := t.TempDir()
	skill := filepath.Join(dir, "review")
	err := errors.Join(os.WriteFile(filepath.Join(dir, "prompt.md"), []byte("Write tests first.\n"), 0o600),
		os.Mkdir(skill, 0o700), os.WriteFile(filepath.Join(skill, "SKILL.md"), []byte("how to review"), 0o600), os.Symlink("/etc/passwd", filepath.Join(skill, "link")),
		os.WriteFile(filepath.Join(dir, "bottle.yaml"), []byte("version: 1\nprompt: ./prompt.md\nskills: [./review]\negress: {routes: [{host: api.example.com, methods: [GET]}]}\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Load(manifest.Options{Dir: dir, Environ: []string{"HOME=" + t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := prompt(m.WithOwnRepos([]string{"git@forge.example.com:org/repo"}))
	for _, want := range []string{"bottle_denied", "  - api.example.com GET: allowed\n", "  - everything else: denied\n", "  - git forge.example.com/org/repo: clone and fetch", "is refused as a whole", "\nWrite tests first.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%v: no %q in\n%s", err, want, text)
		}
	}
	files, err := skills(m)
	if err != nil || len(files) != 1 || files[0].Path != "review/SKILL.md" || files[0].Data != "how to review" {
		t.Errorf("%+v, %v", files, err)
	}
	m.Prompt = dir
	if _, err := prompt(m); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder as prompt: %v", err)
	}
}
