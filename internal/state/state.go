// Package state says where bottle keeps its files, and keeps the record of
// each bottle there.
//
//	$XDG_CONFIG_HOME/bottle                 (~/.config/bottle)       what the person writes
//	$XDG_STATE_HOME/bottle                  (~/.local/state/bottle)  keys, journals
//	$XDG_STATE_HOME/bottle/bottles/ID       a bottle's record, home, workspace, journal
//	$XDG_RUNTIME_DIR/bottle/ID              the control socket of a running bottle
//
// A folder is made with mode 0700. One that exists is used only when it
// belongs to this user and is closed to others; nothing is repaired silently,
// for what others could read may have been read and what they could write may
// have been written: the error holds the command to run.
//
// Where a folder is depends on nothing but an [Env]; looking never makes or
// changes anything, the methods that do are called Make, Create, Save and
// Remove.
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Env is what the places depend on. Its zero value is this process.
type Env struct {
	// Lookup finds an environment variable; nil means os.LookupEnv.
	Lookup func(name string) (value string, found bool)

	euid func() int // nil means os.Geteuid
}

// ConfigDir returns the folder of what the person configures. It need not be
// there. The configuration may be read by others, for people keep theirs in
// repositories, but when others could write it that is an error.
func (e Env) ConfigDir() (string, error) {
	dir, err := e.home("XDG_CONFIG_HOME", ".config")
	if err != nil {
		return "", fmt.Errorf("configuration folder: %w", err)
	}
	if err := e.check(dir, 0o022); err != nil {
		return "", fmt.Errorf("configuration folder: %w", err)
	}
	return dir, nil
}

// StateDir returns the folder of state. It need not be there; when it is, it
// is closed to others.
func (e Env) StateDir() (string, error) {
	dir, err := e.home("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	if err := e.check(dir, 0o077); err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	return dir, nil
}

// MakeConfigDir is ConfigDir, making the folder where it is missing.
func (e Env) MakeConfigDir() (string, error) {
	dir, err := e.ConfigDir()
	if err != nil {
		return "", err
	}
	if err := e.makePrivate(dir, 0o022); err != nil {
		return "", fmt.Errorf("configuration folder: %w", err)
	}
	return dir, nil
}

// MakeStateDir is StateDir, making the folder where it is missing.
func (e Env) MakeStateDir() (string, error) {
	dir, err := e.StateDir()
	if err != nil {
		return "", err
	}
	if err := e.makePrivate(dir, 0o077); err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	return dir, nil
}

// home applies the rule of the XDG base directory specification: an
// environment variable that is unset, empty or not an absolute path counts
// for nothing.
func (e Env) home(variable, under string) (string, error) {
	base := e.get(variable)
	if filepath.IsAbs(base) {
		return filepath.Join(base, "bottle"), nil
	}
	home := e.get("HOME")
	if !filepath.IsAbs(home) {
		return "", fmt.Errorf("neither %s nor HOME is set to an absolute path: set one of them", variable)
	}
	return filepath.Join(home, under, "bottle"), nil
}

func (e Env) get(name string) string {
	lookup := e.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	v, _ := lookup(name)
	return v
}

func (e Env) uid() int {
	if e.euid != nil {
		return e.euid()
	}
	return os.Geteuid()
}

// ErrNotPrivate is wrapped by the errors about a folder that others can reach
// or that another user owns.
var ErrNotPrivate = errors.New("not private")
