package vm

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/paths"
)

// GuestPath returns the PATH of commands in a machine: of the folders of path,
// which is the host's, those that the machine has, in their order, then those of
// DefaultPath that are not among them. A machine has a folder by way of the
// system folders, of a mount that holds it, or of a link or a mount in it.
func GuestPath(path string, mounts []Mount, links []Link) string {
	var list []string
	for _, dir := range slices.Concat(filepath.SplitList(path), strings.Split(DefaultPath, ":")) {
		// "" and "." are the working directory: never.
		if !filepath.IsAbs(dir) {
			continue
		}
		if dir = filepath.Clean(dir); hasFolder(dir, mounts, links) && !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return strings.Join(list, ":")
}

func hasFolder(dir string, mounts []Mount, links []Link) bool {
	return inSystem(dir) || slices.Contains(systemFolders, dir) ||
		slices.ContainsFunc(mounts, func(m Mount) bool {
			return m.Target == dir || paths.Below(dir, m.Target) || filepath.Dir(m.Target) == dir
		}) ||
		slices.ContainsFunc(links, func(l Link) bool { return filepath.Dir(l.Path) == dir })
}
