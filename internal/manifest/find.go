package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bot-bottle/bottle/internal/escape"
)

// FileName is the name of a project's manifest.
const FileName = "bottle.yaml"

// versionLine is the one line that every manifest has.
const versionLine = "version: 1"

// ErrNoManifest is wrapped by the error of Find when there is no manifest.
var ErrNoManifest = errors.New("no " + FileName + " here or in a folder above")

// noManifestError is about a folder without a manifest.
type noManifestError struct{ dir, overlooked string }

func (e *noManifestError) Error() string {
	text := escape.Text(e.dir) + ": " + ErrNoManifest.Error()
	if e.overlooked != "" {
		text += "; " + e.overlooked
	}
	return text
}

func (e *noManifestError) Unwrap() error { return ErrNoManifest }

// Find returns the manifest that applies in a folder: the first bottle.yaml from
// there upwards. Without one the error says what was taken for none on the way.
func Find(dir string) (string, error) {
	none := &noManifestError{dir: dir}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		path := filepath.Join(at, FileName)
		info, err := os.Lstat(path)
		switch {
		case err == nil && !info.IsDir():
			return path, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return "", fmt.Errorf("look for %s: %w", FileName, err)
		}
		if none.overlooked == "" {
			none.overlooked = overlooked(at)
		}
		if at == filepath.Dir(at) {
			return "", none
		}
	}
}

// overlooked says what in a folder was probably meant to be a manifest.
func overlooked(dir string) string {
	path := filepath.Join(dir, FileName)
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return escape.Text(path) + " is a folder, and no manifest: a manifest is a file of that name"
	}
	for _, name := range []string{"bottle.yml", "Bottle.yaml", "bottle.json", ".bottle.yaml"} {
		// Where case does not matter, one of these is the manifest itself.
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			return fmt.Sprintf("%s is not read: call it %s, or name it with -f", escape.Text(path), FileName)
		}
	}
	return ""
}
