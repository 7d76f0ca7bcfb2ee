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

// maxInterpreters bounds how many scripts run each other.
const maxInterpreters = 4

// FindInstall looks a program up in the folders of path, as a shell does, and
// returns what a machine needs besides its system folders to run it: of the
// folder that it was installed in the parts that programs are made of, or where
// that is a home folder, the file alone; and the same for the interpreter that a
// script names. What else stands in such a folder is never shown: the tokens of
// their user are where many programs have their own files.
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
		f.show(found, real)
	}
	next, err := interpreter(real)
	if err != nil || next == "" {
		return err
	}
	for _, name := range []string{next, f.wrapped(real)} {
		if name == "" {
			continue
		}
		if err := f.add(name, depth-1); err != nil {
			return fmt.Errorf("%s is a script of %s: %w", found, name, err)
		}
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
