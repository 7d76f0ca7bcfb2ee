package guest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestCoverAlone covers a file in a mount namespace of its own, whose root it is.
func TestCoverAlone(t *testing.T) { alone(t, syscall.CLONE_NEWNS, coverAlone) }

func coverAlone(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	file, place := filepath.Join(dir, "file"), filepath.Join(dir, "shared/place")
	must(os.Mkdir(filepath.Dir(place), 0o755))
	must(os.WriteFile(file, []byte("ours"), 0o644))
	must(os.WriteFile(place, []byte("theirs"), 0o644))
	must(os.WriteFile(filepath.Join(dir, "shared/other"), nil, 0o644))
	must(os.Symlink("other", filepath.Join(dir, "shared/link")))
	must(os.Symlink("shared", filepath.Join(dir, "way")))
	for range 2 { // the second time it is so already
		must(cover([]string{file, place}, nil, nil))
	}
	if got, err := os.ReadFile(place); err != nil || string(got) != "ours" {
		t.Errorf("what is shown is %q, %v", got, err)
	}
	if err := os.WriteFile(place, nil, 0o644); !errors.Is(err, syscall.EROFS) {
		t.Errorf("it is written: %v", err)
	}
	if err := os.Remove(place); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("it is removed: %v", err)
	}
	for _, bad := range []string{"shared/link", "way/other", "none"} {
		if err := cover([]string{file, filepath.Join(dir, bad)}, nil, nil); err == nil {
			t.Errorf("%s is covered", bad)
		}
	}
	must(syscall.Unmount(place, 0))
	if got, _ := os.ReadFile(place); string(got) != "theirs" {
		t.Errorf("below it is %q now", got)
	}
	if err := cover([]string{file}, nil, nil); err == nil {
		t.Error("half a pair is taken")
	}
}
