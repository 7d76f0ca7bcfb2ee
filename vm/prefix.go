package vm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/paths"
)

// layouts are what is shown of a folder of installation that has a certain
// folder in it; nothing else of it is. The files among them hold a version or
// the paths of the installation.
var layouts = []struct {
	has   string
	parts []string
}{
	{"bin", []string{"bin", "sbin", "lib", "lib32", "lib64", "libexec", "share", "include", "node_modules", "pyvenv.cfg"}},
	// pyenv, rbenv, asdf, mise: a shim is nothing without what it leads to.
	{"shims", []string{"shims", "bin", "lib", "libexec", "versions", "installs", "plugins", "pyenv.d", "rbenv.d", "version", "asdf.sh", "defaults"}},
	// volta
	{"tools/image", []string{"tools", "layout.v3", "layout.v4"}},
}

// programFolders are those of an installation that programs are started from.
var programFolders = []string{"bin", "sbin", "shims"}

const nodeModules = "node_modules"

// show adds what holds a program.
func (f *finder) show(found, real string) {
	for _, name := range []string{found, real} {
		prefix := f.prefix(name, real)
		if prefix == "" {
			continue
		}
		f.showParts(prefix)
		// Packages lean on those beside them.
		if before, _, found := strings.Cut(real, "/"+nodeModules+"/"); found && !f.has(real) {
			f.mount(filepath.Join(before, nodeModules))
		}
	}
	if !f.has(real) {
		f.mount(packageOf(real))
	}
	if l := (Link{Path: found, Target: real}); found != real && !f.shows(found) && !slices.Contains(f.install.Links, l) {
		f.install.Links = append(f.install.Links, l)
	}
}

// prefix returns the folder of installation of a program by one of its names, or
// "": nvm's, pyenv's and virtual environments are such, a home folder is none.
func (f *finder) prefix(name, real string) string {
	dir := filepath.Dir(name)
	prefix := filepath.Dir(dir)
	if !slices.Contains(programFolders, filepath.Base(dir)) || f.personal(prefix) || inSystem(prefix) {
		return ""
	}
	resolved, err := filepath.EvalSymlinks(prefix)
	if err != nil || f.personal(resolved) {
		return ""
	}
	if filepath.Base(dir) != "shims" && !paths.Below(real, resolved) {
		return "" // a folder of links to programs that are elsewhere
	}
	return prefix
}

func (f *finder) showParts(prefix string) {
	for _, l := range layouts {
		if info, err := os.Stat(filepath.Join(prefix, l.has)); err != nil || !info.IsDir() {
			continue
		}
		for _, part := range l.parts {
			f.mount(filepath.Join(prefix, part))
		}
	}
}

// mount shows a file or folder, if it is there, read-only at the same path.
func (f *finder) mount(name string) {
	source, err := filepath.EvalSymlinks(name)
	if err != nil || inSystem(source) || f.personal(source) {
		return
	}
	if m := (Mount{Source: source, Target: name, ReadOnly: true}); !slices.Contains(f.install.Mounts, m) {
		f.install.Mounts = append(f.install.Mounts, m)
	}
}

// has reports whether a file is shown, by whatever name.
func (f *finder) has(real string) bool {
	return inSystem(real) || slices.ContainsFunc(f.install.Mounts, func(m Mount) bool {
		return m.Source == real || paths.Below(real, m.Source)
	})
}

// shows reports whether a name is there in the machine.
func (f *finder) shows(name string) bool {
	return inSystem(name) || slices.ContainsFunc(f.install.Mounts, func(m Mount) bool {
		return m.Target == name || paths.Below(name, m.Target)
	})
}

// packageOf returns the package of a program of node, or the program itself.
func packageOf(real string) string {
	i := strings.LastIndex(real, "/"+nodeModules+"/")
	if i < 0 {
		return real
	}
	parts := strings.Split(real[i+len("/"+nodeModules+"/"):], "/")
	n := 1
	if strings.HasPrefix(parts[0], "@") {
		n = 2
	}
	if len(parts) <= n {
		return real
	}
	return filepath.Join(real[:i], nodeModules, filepath.Join(parts[:n]...))
}

// wrapped returns the program of node that a script is a wrapper of, or "": the
// script stands beside the node_modules that has it, as ~/.claude/local/claude.
func (f *finder) wrapped(real string) string {
	dir := filepath.Dir(real)
	if f.personal(dir) || inSystem(dir) {
		return ""
	}
	program := filepath.Join(dir, nodeModules, ".bin", filepath.Base(real))
	if executable(program) != nil {
		return ""
	}
	f.mount(filepath.Join(dir, nodeModules))
	return program
}

// personal reports whether a folder is a person's own and not a program's.
func (f *finder) personal(dir string) bool {
	return dir == f.home || paths.Below(f.home, dir) || dir == "/" ||
		filepath.Dir(dir) == f.home && slices.Contains([]string{".local", ".config", ".cache", "Library"}, filepath.Base(dir))
}
