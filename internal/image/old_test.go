package image

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestOldArchivesMakeRoom: the one in use, the newest and those of smolvm's cache stay.
func TestOldArchivesMakeRoom(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(n int) string { return filepath.Join(dir, fmt.Sprintf("%02d.tar", n)) }
	for n := range maxKept + 4 { // the higher the older
		must(os.WriteFile(file(n), nil, 0o600))
		at := time.Unix(1_700_000_000-int64(n), 0)
		must(os.Chtimes(file(n), at, at))
	}
	linked, used := maxKept+1, maxKept+3
	must(os.Link(file(linked), filepath.Join(t.TempDir(), "cache")))
	must(os.WriteFile(filepath.Join(dir, "x.ref"), nil, 0o600))
	must(dropOld(dir, file(used)))
	for n := range maxKept + 4 {
		_, err := os.Stat(file(n))
		if want := n < maxKept-1 || n == linked || n == used; (err == nil) != want {
			t.Errorf("archive %d: %v, want it there: %v", n, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x.ref")); err != nil {
		t.Error(err)
	}
}
