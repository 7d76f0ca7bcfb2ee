package bottle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bot-bottle/bottle/dlp"
)

func TestLookoutFindsCredentialsOfFiles(t *testing.T) {
	const token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a/notes.txt", "one\ntwo "+token+"\nthree "+token+"\n")
	write("z/.env.local", "A=b\n\nT="+token+"\n")
	write(".git/config", token)
	write("image.bin", "\x00"+strings.Repeat("x", lookBinary)+token)
	write("plain.txt", "nothing")
	if err := os.Symlink("notes.txt", filepath.Join(root, "a/link")); err != nil {
		t.Fatal(err)
	}
	engine, err := dlp.New(dlp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	look := func(budget int64) ([]string, bool) {
		l := &lookout{root: root, scanner: engine.NewScanner(), until: time.Now().Add(time.Hour), bytes: budget, counts: func(f dlp.Finding) bool { return (dlp.Policy{}).Decide(f, "") == dlp.Block }}
		whole := l.run(context.Background())
		var got []string
		for _, f := range l.found {
			got = append(got, fmt.Sprintf("%s:%d %s", f.file, f.line, f.rule))
		}
		return got, whole
	}
	want := []string{"z/.env.local:3 github-token", "a/notes.txt:2 github-token"}
	if got, whole := look(lookBytes); !slices.Equal(got, want) || !whole {
		t.Errorf("got %q, %v", got, whole)
	}
	// The likely ones are looked into first.
	if got, whole := look(60); !slices.Equal(got, want[:1]) || whole {
		t.Errorf("with a small budget: %q, %v", got, whole)
	}
}

func TestCredentialsInMounts(t *testing.T) {
	home := real(t.TempDir())
	for _, dir := range []string{".ssh", ".config/gh", "src"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path string
		want []string
	}{
		{home, []string{"~/.ssh", "~/.config/gh"}},
		{home + "/.ssh", []string{".ssh"}},
		{home + "/.ssh/config", []string{".ssh"}},
		{home + "/.config", []string{"~/.config/gh"}},
		{home + "/src", nil},
		{"/mnt/old/.aws", []string{".aws"}},
	} {
		if got := credentialsIn(c.path, []string{home}); !slices.Equal(got, c.want) {
			t.Errorf("%s shows %q, want %q", c.path, got, c.want)
		}
	}
}
