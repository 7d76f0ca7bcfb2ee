package secret

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// KeyFile is the name of the key's file in the state folder.
const KeyFile = "placeholder.key"

const keyLength = 32

// Key is what a user's placeholders are derived under. It prints as nothing of
// its content.
type Key struct{ b [keyLength]byte }

// NewKey returns a random key that is kept nowhere.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.b[:]) // never fails: crypto/rand
	return k
}

func (Key) String() string   { return "placeholder key" }
func (Key) GoString() string { return "secret.Key{}" }

// LoadKey reads the user's key from dir, or makes it there with mode 0600.
// Processes that do so at the same time end up with the same key. A key that
// others can read is refused: with it, who knows a placeholder could make the
// placeholders of other projects.
func LoadKey(dir string) (Key, error) {
	path := filepath.Join(dir, KeyFile)
	k, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := createKey(dir, path); err != nil {
		return Key{}, fmt.Errorf("placeholder key: %w", err)
	}
	return readKey(path)
}

func readKey(path string) (Key, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Key{}, fmt.Errorf("placeholder key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("placeholder key: %w", err)
	case !info.Mode().IsRegular() || info.Size() != keyLength:
		return Key{}, fmt.Errorf("placeholder key: %s is not a file of %d bytes: remove it to have a new one made (placeholders in running and resumed conversations then change)", path, keyLength)
	case info.Mode().Perm()&0o077 != 0:
		return Key{}, fmt.Errorf("placeholder key: %s can be read by others: chmod 600 it", path)
	}
	var k Key
	if _, err := io.ReadFull(f, k.b[:]); err != nil {
		return Key{}, fmt.Errorf("placeholder key: read %s: %w", path, err)
	}
	return k, nil
}

// createKey writes the whole key under another name and links it into place,
// which fails where there is one already. So no half-written key is ever seen
// and none is replaced.
func createKey(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+KeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	k := NewKey()
	_, err = f.Write(k.b[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
