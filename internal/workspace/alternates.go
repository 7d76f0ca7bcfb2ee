package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxAlternates     = 64
	maxAlternatesFile = 1 << 20
)

// objectFolders returns the folders with a repository's objects: its own, and
// those that it borrows from, directly or not. One that is neither in the
// workspace nor in its own repository is an error, unless it is an alternate
// and Options.Alternates is set: whoever made the workspace may have named it.
func (c *copier) objectFolders(g *gitFolder, rel string) ([]string, error) {
	var found []string
	ask := rel == "." && c.opts.Alternates
	// Git goes on without an alternate that is not there; so does the copy.
	add := func(by, named string) error {
		path, err := filepath.EvalSymlinks(named)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(found) > 0, slices.Contains(found, path):
			return nil
		case err != nil:
			return err
		case !c.trusts(path) && (by == "" || !ask):
			return foreignObjects(by, path)
		case len(found) > maxAlternates:
			return fmt.Errorf("more than %d alternates", maxAlternates)
		}
		found = append(found, path)
		return nil
	}
	if err := add("", filepath.Join(g.commonPath, "objects")); err != nil {
		return nil, err
	}
	for i := 0; i < len(found); i++ {
		list, err := c.alternates(found[i])
		if err != nil {
			return nil, fmt.Errorf("alternates: %w", err)
		}
		for _, path := range list {
			if err := add(found[i], path); err != nil {
				return nil, fmt.Errorf("alternates: %w", err)
			}
		}
	}
	return found, nil
}

// alternates returns what info/alternates of a folder of objects names.
func (c *copier) alternates(objects string) ([]string, error) {
	d, err := c.openReal(objects)
	if err != nil {
		return nil, err
	}
	defer d.close()
	info, err := d.sub("info")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer info.close()
	data, err := info.readSmall("alternates", maxAlternatesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		list = append(list, relativeTo(objects, line))
	}
	return list, nil
}
