package smolvm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// program is a smolvm program that was looked at.
type program struct {
	path    string
	version string
	flags   string // the help of machine create
	stamp   stamp
}

// stamp changes when the file does.
type stamp struct {
	modified time.Time
	size     int64
}

// has reports whether machine create knows a flag.
func (p *program) has(flag string) bool {
	for _, word := range strings.FieldsFunc(p.flags, func(r rune) bool { return r == ' ' || r == '\n' || r == ',' || r == '=' || r == '\t' }) {
		if word == flag {
			return true
		}
	}
	return false
}

// ErrNotInstalled says that there is no smolvm on this host.
var ErrNotInstalled = errors.New("smolvm is not installed")

// VersionError says that the smolvm of this host cannot be used.
type VersionError struct{ Path, Version, Why string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is smolvm %s, and %s", e.Path, e.Version, e.Why)
}

const installHint = "install smolvm " + MinVersion + " or newer (https://smolmachines.com), or use the sandbox (--backend sandbox), which needs nothing"

// names are what the program may be called.
var names = []string{"smolvm", "smol-vmm"}

// find returns the smolvm program, looked at once for as long as its file stays
// as it is.
func (b *Backend) find(ctx context.Context) (*program, error) {
	b.checks.Lock()
	defer b.checks.Unlock()
	candidates := []string{b.opt.Binary}
	if b.opt.Binary == "" {
		candidates = b.onPath()
	}
	errs := []error{}
	for _, path := range candidates {
		found, err := b.look(ctx, path)
		if err == nil {
			return found, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotInstalled, installHint)
	}
	return nil, errors.Join(errs...)
}

// onPath lists the programs on PATH that may be smolvm.
func (b *Backend) onPath() (list []string) {
	for _, dir := range filepath.SplitList(lookup(b.opt.Environ(), "PATH")) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				list = append(list, path)
			}
		}
	}
	return list
}

func (b *Backend) look(ctx context.Context, path string) (*program, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w: there is no %s: %s", ErrNotInstalled, path, installHint)
	}
	if err != nil {
		return nil, err
	}
	now := stamp{info.ModTime(), info.Size()}
	b.mu.Lock()
	old := b.found
	b.mu.Unlock()
	if old != nil && old.path == path && old.stamp == now {
		return old, nil
	}
	found, err := b.identify(ctx, path)
	if err != nil {
		return nil, err
	}
	found.stamp = now
	b.mu.Lock()
	b.found = found
	b.mu.Unlock()
	return found, nil
}

var versionPattern = regexp.MustCompile(`(?m)^smolvm (\d+)\.(\d+)\.(\d+)\S*$`)

// identify tells smolvm from other programs of that name by what it says of
// itself and by the flag that this package is built on.
func (b *Backend) identify(ctx context.Context, path string) (*program, error) {
	r, err := b.exec(ctx, path, call{args: []string{"--version"}, timeout: lookTimeout})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	m := versionPattern.FindStringSubmatch(strings.TrimSpace(r.stdout))
	if m == nil || r.code != 0 {
		return nil, fmt.Errorf("%s is another program than smolvm (it does not answer --version with \"smolvm X.Y.Z\"): %s", path, installHint)
	}
	found := &program{path: path, version: strings.TrimPrefix(m[0], "smolvm ")}
	if r, err = b.exec(ctx, path, call{args: []string{"machine", "create", "--help"}, timeout: lookTimeout}); err != nil {
		return nil, fmt.Errorf("ask %s for its flags: %w", path, err)
	}
	found.flags = r.stdout
	if older(m[1:], MinVersion) {
		return nil, &VersionError{path, found.version, "older than " + MinVersion + ", from which on files reach the running container: " + installHint}
	}
	for _, flag := range []string{"--mount-socket", "--label", "--image", "--name", "--volume"} {
		if !found.has(flag) {
			return nil, &VersionError{path, found.version, "its \"machine create\" does not know " + flag + ", without which a machine would need a network: " + installHint}
		}
	}
	return found, nil
}

// older compares the parts of a version with one that is written out.
func older(parts []string, than string) bool {
	for i, t := range strings.Split(than, ".") {
		have, _ := strconv.Atoi(parts[i])
		want, _ := strconv.Atoi(t)
		if have != want {
			return have < want
		}
	}
	return false
}
