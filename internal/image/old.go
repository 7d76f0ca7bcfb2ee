package image

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// maxKept is how many archives are kept, beside those that smolvm's cache links to: to
// remove these would make no room.
const maxKept = 8

// dropOld notes that an archive is used, and removes those that were not for longest.
func dropOld(dir, used string) error {
	now := time.Now()
	if err := os.Chtimes(used, now, now); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err != nil {
		return err
	}
	type archive struct {
		name string
		info fs.FileInfo
	}
	var list []archive
	for _, name := range names {
		if info, err := os.Lstat(name); err == nil { // or another bottle has removed it
			list = append(list, archive{name, info})
		}
	}
	slices.SortFunc(list, func(a, b archive) int {
		return cmp.Or(b.info.ModTime().Compare(a.info.ModTime()), cmp.Compare(a.name, b.name))
	})
	for i, a := range list {
		stat, ok := a.info.Sys().(*syscall.Stat_t)
		if i < maxKept || ok && stat.Nlink > 1 {
			continue
		}
		if rerr := os.Remove(a.name); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
