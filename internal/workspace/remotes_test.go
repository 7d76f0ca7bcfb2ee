package workspace

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRemotesAreThoseOfTheConfigWithoutCredentials(t *testing.T) {
	top := t.TempDir()
	for name, text := range map[string]string{
		".git/HEAD": "ref: refs/heads/main\n",
		".git/config": "[remote \"origin\"]\n\turl = https://user:" + "word@forge.example.com/org/repo.git\n" +
			"[remote \"mine\"]\n\turl = git@forge.example.com:me/repo\n[remote \"odd\"]\n\turl = ext::sh -c true\n[remote \"none\"]\n\tfetch = +refs/heads/*:refs/remotes/none/*\n",
		".git/objects/.keep": "",
	} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Remotes(top)
	if err != nil {
		t.Fatal(err)
	}
	want := []Remote{{"origin", "https://forge.example.com/org/repo.git"}, {"mine", "git@forge.example.com:me/repo"}}
	if !slices.Equal(got, want) {
		t.Errorf("remotes are %v, not %v", got, want)
	}
	if got, err := Remotes(t.TempDir()); len(got) > 0 || err != nil {
		t.Errorf("a folder that is no repository has remotes %v, %v", got, err)
	}
}
