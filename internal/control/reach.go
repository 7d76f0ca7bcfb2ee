package control

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/state"
)

// ErrNotRunning is wrapped by the errors about a bottle whose socket nobody
// serves.
var ErrNotRunning = errors.New("not running")

// ErrBusy is wrapped by the errors about a bottle whose process is there and
// does not serve its socket: it starts or ends.
var ErrBusy = errors.New("starting or ending")

// StaleError is about a socket that its process left behind. It wraps
// ErrNotRunning.
type StaleError struct {
	Path string
	PID  int // of the process that is gone; 0 when that is not known
}

func (e *StaleError) Error() string {
	id := idOf(e.Path)
	who := "its process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("bottle %s is not running: %s was killed and left the socket %s behind; `bottle down %s` cleans up", id, who, escape.Text(e.Path), id)
}

// Unwrap returns ErrNotRunning.
func (e *StaleError) Unwrap() error { return ErrNotRunning }

// VersionError is about a bottle that another version of this program runs.
type VersionError struct {
	Path         string
	Theirs, Ours int
	PID          int // of the bottle's process
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s was started by another version of this program (control protocol %d, this one speaks %d): use that one, or end the bottle with: kill %d", named(e.Path), e.Theirs, e.Ours, e.PID)
}

// unreachable says why nobody answers at path.
func unreachable(path string, err error) error {
	lock := filepath.Join(filepath.Dir(path), lockName)
	none, refused := errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED)
	switch {
	case (none || refused) && state.IsLocked(lock):
		return fmt.Errorf("%s is %w: wait for its process %d", named(path), ErrBusy, state.LockedBy(lock))
	case refused:
		return &StaleError{Path: path, PID: state.LockedBy(lock)}
	case none:
		return fmt.Errorf("%s is %w: there is no socket %s", named(path), ErrNotRunning, escape.Text(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is another user's: %w", named(path), err)
	}
	return fmt.Errorf("%s: %w", named(path), err)
}

// named is the bottle whose socket lies at path.
func named(path string) string { return "bottle " + idOf(path) }

func idOf(path string) string { return escape.Word(filepath.Base(filepath.Dir(path))) }
