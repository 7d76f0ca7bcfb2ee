package workspace

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	looseFolder = regexp.MustCompile(`^[0-9a-f]{2}$`)
	looseName   = regexp.MustCompile(`^([0-9a-f]{38}|[0-9a-f]{62})$`)
	packName    = regexp.MustCompile(`^pack-[0-9a-f]{40,64}\.(pack|idx|rev|bitmap|promisor|keep|mtimes)$`)
	graphName   = regexp.MustCompile(`^(commit-graph-chain|graph-[0-9a-f]{40,64}\.graph)$`)
)

// allObjects copies the objects of a repository and of those that it borrows
// from. It is done after the refs, so that what these name is there; a gc in
// the source meanwhile may remove what was listed, which starts it over.
func (c *copier) allObjects(g *gitFolder, to *dir, rel string) error {
	shown := path.Join(rel, gitName, "objects")
	folders, err := c.objectFolders(g, rel)
	if err != nil {
		return &unreadable{shown, err}
	}
	borrowed := folders[1:]
	for try := 1; ; try++ {
		err := c.folder(to, "objects", func(dst *dir) error {
			for _, from := range folders {
				src, err := c.openReal(from)
				if err != nil {
					return &unreadable{shown, err}
				}
				// What speeds git up may speak of objects of the other folders.
				err = c.objects(src, dst, shown, len(borrowed) == 0)
				src.close()
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !errors.Is(err, fs.ErrNotExist) || try == copyTries {
			for _, from := range borrowed {
				c.report.Borrowed.add(from)
			}
			return err
		}
	}
}

func (c *copier) objects(src, dst *dir, shown string, alone bool) error {
	names, err := src.entries()
	if err != nil {
		return &unreadable{shown, err}
	}
	for _, name := range names {
		if !looseFolder.MatchString(name) {
			continue
		}
		if err := c.objectFiles(src, dst, name, shown, looseName.MatchString); err != nil {
			return err
		}
	}
	// The names differ only in what follows the hash, and the index is listed
	// before the pack; a reader of the copy comes later, so the order is free.
	pack := func(name string) bool {
		return packName.MatchString(name) || alone && strings.HasPrefix(name, "multi-pack-index")
	}
	if err := c.objectFiles(src, dst, "pack", shown, pack); err != nil || !alone {
		return err
	}
	info, err := src.sub("info")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &unreadable{shown + "/info", err}
	}
	defer info.close()
	return c.folder(dst, "info", func(to *dir) error {
		if err := c.gitEntry(info, to, "commit-graph", "", shown+"/info", nil, 0); err != nil {
			return err
		}
		return c.objectFiles(info, to, "commit-graphs", shown+"/info", graphName.MatchString)
	})
}

// objectFiles copies the files of one folder whose names are wanted and not
// there yet: an object is the same wherever it comes from.
func (c *copier) objectFiles(src, dst *dir, name, shown string, wanted func(string) bool) error {
	rel := path.Join(shown, name)
	sub, err := src.sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &unreadable{rel, err}
	}
	defer sub.close()
	names, err := sub.entries()
	if err != nil {
		return &unreadable{rel, err}
	}
	scanner := c.pump.scanner
	c.pump.scanner = nil // they are compressed
	defer func() { c.pump.scanner = scanner }()
	return c.folder(dst, name, func(to *dir) error {
		for _, name := range names {
			if !wanted(name) || to.has(name) {
				continue
			}
			if err := c.file(sub, to, path.Join(rel, name), name); err != nil {
				return err
			}
		}
		return nil
	})
}
