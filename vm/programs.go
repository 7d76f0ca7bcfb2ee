package vm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/internal/paths"
)

// Install is what a machine must see of the host so that a program runs in it
// which no system folder holds: agents and toolchains commonly live in a home
// folder (nvm, pyenv, native installers).
type Install struct {
	Mounts []Mount // read-only, at the same path
	Links  []Link  // that lead to them
	Path   []string
}

// systemFolders are those that machines have anyway.
var systemFolders = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store"}

// credentialFiles are what makes a folder more than an installation: cargo, for
// one, keeps its user's token beside its programs.
var credentialFiles = []string{
	"credentials", "credentials.toml", "credentials.json", ".credentials.json", "auth.json", "hosts.yml",
	".npmrc", ".netrc", ".pypirc", ".env", ".git", ".ssh", ".aws",
}

// maxInterpreters bounds how many scripts run each other.
const maxInterpreters = 4

// FindInstall looks a program up in the folders of path, as a shell does, and
// returns what a machine needs besides its system folders to run it: the folder
// that it was installed in, or where that would be too much of a home folder,
// the file alone; and the same for the interpreter that a script names. home is
// never shown, nor a folder above it, nor one with credentials in it.
//
// A program that is nowhere is an error that wraps fs.ErrNotExist.
func FindInstall(program, path, home string) (Install, error) {
	f := &finder{path: path, home: filepath.Clean(home)}
	if err := f.add(program, maxInterpreters); err != nil {
		return Install{}, err
	}
	return f.install, nil
}

type finder struct {
	path, home string
	install    Install
}

func (f *finder) add(program string, depth int) error {
	found, err := f.lookUp(program)
	if err != nil {
		return err
	}
	if depth == 0 {
		return fmt.Errorf("%s: scripts that run each other, more than %d deep", program, maxInterpreters)
	}
	real, err := filepath.EvalSymlinks(found)
	if err != nil {
		return err
	}
	dir := filepath.Dir(found)
	if !strings.Contains(program, "/") && !slices.Contains(strings.Split(DefaultPath, ":"), dir) && !slices.Contains(f.install.Path, dir) {
		f.install.Path = append(f.install.Path, dir)
	}
	if !inSystem(found) || !inSystem(real) {
		if err := f.show(found, real); err != nil {
			return err
		}
	}
	next, err := interpreter(real)
	if err != nil || next == "" {
		return err
	}
	if err := f.add(next, depth-1); err != nil {
		return fmt.Errorf("%s is a script of %s: %w", found, next, err)
	}
	return nil
}

// lookUp returns the absolute path of a program, links not resolved.
func (f *finder) lookUp(program string) (string, error) {
	if strings.Contains(program, "/") {
		if err := executable(program); err != nil {
			return "", err
		}
		return filepath.Abs(program)
	}
	for _, dir := range filepath.SplitList(f.path) {
		if !filepath.IsAbs(dir) { // "" and "." are the working directory: never
			continue
		}
		if found := filepath.Join(dir, program); executable(found) == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%s is in no folder of PATH: %w", program, fs.ErrNotExist)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return &fs.PathError{Op: "execute", Path: path, Err: fs.ErrPermission}
	}
	return nil
}

// show adds what holds a program: its folder of installation, or the file.
func (f *finder) show(found, real string) error {
	root := f.root(found, real)
	if prefix := filepath.Dir(filepath.Dir(found)); root == real && filepath.Base(filepath.Dir(found)) == "shims" && !f.personal(prefix) {
		return f.showParts(prefix)
	}
	source, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	if !inSystem(source) {
		f.mount(Mount{Source: source, Target: root, ReadOnly: true})
	}
	if found != real && !paths.Below(found, root) {
		l := Link{Path: found, Target: real}
		if !slices.Contains(f.install.Links, l) {
			f.install.Links = append(f.install.Links, l)
		}
	}
	return nil
}

// showParts shows what stands in a folder but for credentials and hidden files:
// a shim is nothing without what is beside it, and pyenv, say, is installed by
// cloning a repository.
func (f *finder) showParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") || slices.Contains(credentialFiles, e.Name()) {
			continue
		}
		source, err := filepath.EvalSymlinks(name)
		if err != nil {
			continue // a link to nowhere
		}
		f.mount(Mount{Source: source, Target: name, ReadOnly: true})
	}
	return nil
}

func (f *finder) mount(m Mount) {
	if !slices.Contains(f.install.Mounts, m) {
		f.install.Mounts = append(f.install.Mounts, m)
	}
}

// root picks the folder of installation.
func (f *finder) root(found, real string) string {
	dir := filepath.Dir(found)
	// PREFIX/bin/program with what it leads to below PREFIX: nvm, pyenv's
	// versions, virtual environments. PREFIX/shims: pyenv, asdf.
	if base := filepath.Base(dir); base == "bin" || base == "shims" || base == "sbin" {
		prefix := filepath.Dir(dir)
		if resolved, err := filepath.EvalSymlinks(prefix); err == nil && paths.Below(real, resolved) && !f.tooMuch(prefix) && !f.tooMuch(resolved) {
			return prefix
		}
	}
	// The package of a program of node.
	if i := strings.LastIndex(real, "/node_modules/"); i >= 0 {
		parts := strings.SplitN(real[i+len("/node_modules/"):], "/", 3)
		n := 1
		if strings.HasPrefix(parts[0], "@") {
			n = 2
		}
		if len(parts) > n {
			return filepath.Join(real[:i], "node_modules", filepath.Join(parts[:n]...))
		}
	}
	return real
}

// tooMuch reports whether a folder holds more of a person than a program.
func (f *finder) tooMuch(dir string) bool {
	return f.personal(dir) || slices.ContainsFunc(credentialFiles, func(name string) bool {
		_, err := os.Lstat(filepath.Join(dir, name))
		return err == nil
	})
}

// personal reports whether a folder is a person's own and not a program's.
func (f *finder) personal(dir string) bool {
	return dir == f.home || paths.Below(f.home, dir) || dir == "/" ||
		filepath.Dir(dir) == f.home && slices.Contains([]string{".local", ".config", ".cache", "Library"}, filepath.Base(dir))
}

func inSystem(name string) bool {
	return slices.ContainsFunc(systemFolders, func(dir string) bool { return paths.Below(name, dir) })
}

// maxShebang is the length of a script's first line that the kernel reads.
const maxShebang = 256

// interpreter returns the program that a script is run by, or "".
func interpreter(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return "", nil // it can be executed and not read; then it is no script
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxShebang)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return "", nil
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return "", nil
	}
	if filepath.Base(fields[0]) != "env" {
		return fields[0], nil
	}
	for _, arg := range fields[1:] {
		if !strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") {
			return arg, nil
		}
	}
	return "", nil
}
