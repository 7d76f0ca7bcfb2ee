package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Bottle is the record of a bottle, kept as bottle.json in its folder.
type Bottle struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Agent     string    `json:"agent,omitempty"`
	Backend   string    `json:"backend,omitempty"`
	Workspace string    `json:"workspace,omitempty"` // absolute, on the host
	Manifest  string    `json:"manifest,omitempty"`  // the project's, absolute
	Created   time.Time `json:"created"`
	// Running is set by the process that runs the bottle and unset when that
	// ends in order. A record that still says so afterwards is of a bottle
	// that was killed.
	Running bool `json:"running"`
	// PID is that process, the last one when it runs no more.
	PID int `json:"pid,omitempty"`
	// Socket is its control socket. It is written down because a shell with
	// other variables would look for it elsewhere.
	Socket string `json:"socket,omitempty"`
	// Ports are those of the host's 127.0.0.1 that lead into it while it runs.
	Ports []Port `json:"ports,omitempty"`
}

// Port is a port of the host that leads to one in a bottle.
type Port struct {
	Host  int `json:"host"`
	Guest int `json:"guest"`
}

const (
	recordFile = "bottle.json"
	maxRecord  = 64 << 10 // bytes
)

// BottleDir returns the folder of a bottle's state. It need not be there.
func (e Env) BottleDir(id string) (string, error) {
	if err := CheckID(id); err != nil {
		return "", err
	}
	dir, err := e.StateDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "bottles", id), nil
}

// Create makes the folder of a new bottle, writes its record and returns the
// folder. An id that is taken is an error that wraps fs.ErrExist.
func (e Env) Create(b Bottle) (string, error) {
	if err := CheckID(b.ID); err != nil {
		return "", err
	}
	state, err := e.MakeStateDir()
	if err != nil {
		return "", err
	}
	all := filepath.Join(state, "bottles")
	if err := e.makeChild(all); err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	dir := filepath.Join(all, b.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("bottle %s: %w", b.ID, err)
	}
	return dir, e.Save(b)
}

// Save replaces the record of a bottle that was created, at once and for good.
func (e Env) Save(b Bottle) error {
	dir, err := e.BottleDir(b.ID)
	if err != nil {
		return err
	}
	if err := e.checkChild(dir); err != nil {
		return fmt.Errorf("bottle %s: %w", b.ID, err)
	}
	if err := WriteJSON(filepath.Join(dir, recordFile), b); err != nil {
		return fmt.Errorf("bottle %s: %w", b.ID, err)
	}
	return nil
}

// Load reads the record of a bottle. One that is not there is an error that
// wraps fs.ErrNotExist.
func (e Env) Load(id string) (Bottle, error) {
	dir, err := e.BottleDir(id)
	if err != nil {
		return Bottle{}, err
	}
	if err := e.checkChild(dir); err != nil {
		return Bottle{}, fmt.Errorf("bottle %s: %w", id, err)
	}
	var b Bottle
	path := filepath.Join(dir, recordFile)
	if err := readJSON(path, maxRecord, &b); err != nil {
		return Bottle{}, fmt.Errorf("bottle %s: %w", id, err)
	}
	if b.ID != id {
		return Bottle{}, fmt.Errorf("bottle %s: the record %s is of bottle %q", id, path, b.ID)
	}
	return b, nil
}

// List returns the records of all bottles, oldest first. The error joins one
// for each record that cannot be read; the others are returned all the same.
func (e Env) List() ([]Bottle, error) {
	dir, err := e.StateDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, "bottles"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list bottles: %w", err)
	}
	var list []Bottle
	var errs []error
	for _, entry := range entries {
		if CheckID(entry.Name()) != nil {
			continue
		}
		b, err := e.Load(entry.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, b)
	}
	slices.SortStableFunc(list, func(a, b Bottle) int { return a.Created.Compare(b.Created) })
	return list, errors.Join(errs...)
}

// Remove deletes the state and runtime folders of a bottle that runs no more.
// The record goes last, so that what is left after an error is still listed
// and can be removed again. A bottle that is not there is no error.
func (e Env) Remove(id string) error {
	dir, err := e.BottleDir(id)
	if err != nil {
		return err
	}
	sockets, err := e.socketDirs(id)
	if err != nil {
		return err
	}
	for _, d := range sockets {
		if err := removeTree(d); err != nil {
			return fmt.Errorf("remove bottle %s: %w", id, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove bottle %s: %w", id, err)
	}
	var errs []error
	for _, entry := range entries {
		if entry.Name() != recordFile {
			errs = append(errs, removeTree(filepath.Join(dir, entry.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove bottle %s: %w", id, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove bottle %s: %w", id, err)
	}
	return nil
}

// socketDirs returns the runtime folders that a bottle may have: where this
// process would put it, and where its record says that it was put.
func (e Env) socketDirs(id string) ([]string, error) {
	here, err := e.RuntimeDir(id)
	if err != nil {
		return nil, err
	}
	dirs := []string{here}
	if b, err := e.Load(id); err == nil && filepath.IsAbs(b.Socket) {
		dir := filepath.Dir(b.Socket)
		if dir != here && filepath.Base(dir) == id && e.checkChild(dir) == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// removeTree is os.RemoveAll that also gets through folders without write
// permission, which an agent leaves behind (the module cache of Go is made of
// them). The second try goes through an os.Root, so that no link planted
// inside leads the chmod outside.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if info, lerr := os.Lstat(path); lerr != nil || !info.IsDir() {
		return err
	}
	// The folder itself lies in one that only bottle writes.
	if err := os.Chmod(path, 0o700); err != nil {
		return err
	}
	root, rerr := os.OpenRoot(path)
	if rerr != nil {
		return rerr
	}
	defer root.Close()
	openFolders(root, ".")
	return os.RemoveAll(path)
}

// openFolders makes each folder below name readable and writable for its
// owner, as far as it can: what fails is told by the removal that follows.
func openFolders(root *os.Root, name string) {
	f, err := root.Open(name)
	if err != nil {
		return
	}
	entries, _ := f.ReadDir(-1)
	_ = f.Close()
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		child := filepath.Join(name, entry.Name())
		if root.Chmod(child, 0o700) == nil {
			openFolders(root, child)
		}
	}
}
