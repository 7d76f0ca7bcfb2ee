package manifest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// absolute makes the relative paths of a command absolute: its program, and each
// argument that names a file below or beside dir. It runs in an empty folder,
// where no path is relative to anything that an agent or a repository provides;
// and which files it names stays as it was when the manifest was read.
func absolute(dir string, command []string) []string {
	out := slices.Clone(command)
	for i, arg := range out {
		if filepath.IsAbs(arg) || strings.ContainsRune(arg, 0) {
			continue
		}
		path := filepath.Join(dir, arg)
		if i == 0 {
			if strings.Contains(arg, "/") {
				out[0] = path
			}
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			out[i] = path
		}
	}
	return out
}

// pathIn is an absolute path in an argument: --file=/x, or . /x for a shell.
var pathIn = regexp.MustCompile(`/[^\s'"` + "`" + `=:;,|&<>()]*`)

// PathsIn returns the absolute paths that stand in the arguments of a command,
// as a whole or in a text, with HOME for what a shell calls it.
func PathsIn(command []string) (paths []string) {
	home := os.Getenv("HOME")
	shell := strings.NewReplacer("${HOME}", home, "$HOME", home, " ~/", " "+home+"/")
	for _, arg := range command {
		if filepath.IsAbs(arg) {
			paths = append(paths, filepath.Clean(arg))
		}
		for _, p := range pathIn.FindAllString(shell.Replace(arg), -1) {
			paths = append(paths, filepath.Clean(p))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
