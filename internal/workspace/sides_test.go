package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSidesFollowNoLink(t *testing.T) {
	host, copied, other := t.TempDir(), t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(host, "a"): "mine", filepath.Join(copied, "a"): "theirs", filepath.Join(other, "key"): "secret",
		filepath.Join(copied, "large"): strings.Repeat("x", MaxSide+1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, link := range []string{"folder", "key"} {
		if err := os.Symlink(filepath.Join(other, map[string]string{"folder": ".", "key": "key"}[link]), filepath.Join(copied, link)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := OpenSides(host, copied)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for path, want := range map[string][2]Side{
		"a":          {{There: true, Exec: true, Text: "mine"}, {There: true, Exec: true, Text: "theirs"}},
		"large":      {{}, {There: true, Exec: true, Large: true}},
		"key":        {{}, {There: true, Link: true, Text: filepath.Join(other, "key")}},
		"folder/key": {{}, {}},
		"none/at":    {{}, {}},
	} {
		mine, theirs, err := s.Read(path)
		if err != nil || mine != want[0] || theirs != want[1] {
			t.Errorf("%s: %.60v, %.60v, %v", path, mine, theirs, err)
		}
	}
}
