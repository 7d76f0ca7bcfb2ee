package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The walk looks before it opens; these hold if somebody is quicker.
func TestDirFollowsNoLinkAndWaitsForNoFifo(t *testing.T) {
	path := t.TempDir()
	write(t, path, map[string]string{"file": "x", "sub/x": "", "to-file": "@file", "to-sub": "@sub", "dangling": "@new"})
	must(t, unix.Mkfifo(filepath.Join(path, "fifo"), 0o600))
	d, err := openDir(path)
	must(t, err)
	defer d.close()
	for _, name := range []string{"to-file", "to-sub", "sub", "fifo", "dangling"} {
		if f, _, err := d.open(name); err == nil {
			f.Close()
			t.Errorf("open of %s succeeds", name)
		}
	}
	for _, name := range []string{"to-sub", "file", "fifo", "to-file"} {
		if sub, err := d.sub(name); err == nil {
			sub.close()
			t.Errorf("sub of %s succeeds", name)
		}
		if sub, err := d.ensure(name); err == nil {
			sub.close()
			t.Errorf("ensure of %s succeeds", name)
		}
	}
	for _, name := range []string{"file", "to-file", "dangling"} {
		if f, err := d.create(name); err == nil {
			f.Close()
			t.Errorf("create of %s succeeds", name)
		}
	}
	if _, err := os.Lstat(filepath.Join(path, "new")); err == nil {
		t.Error("create went through a link")
	}
	f, _, err := d.open("file")
	must(t, err)
	f.Close()
}
