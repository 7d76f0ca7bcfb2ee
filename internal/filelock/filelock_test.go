package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/filelock"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	first, second := open(), open()
	if err := filelock.Lock(first); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func(*os.File) error{"TryLock": filelock.TryLock, "TryShare": filelock.TryShare} {
		if err := try(second); !errors.Is(err, unix.EWOULDBLOCK) {
			t.Errorf("%s of a locked file: %v", name, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := filelock.TryShare(second); err != nil {
		t.Errorf("TryShare of a free one: %v", err)
	}
	third := open()
	if err := filelock.TryShare(third); err != nil {
		t.Errorf("TryShare of a shared one: %v", err)
	}
	if err := filelock.TryLock(third); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("TryLock of a shared one: %v", err)
	}
}
