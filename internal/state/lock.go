package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/filelock"
)

// ErrLocked is wrapped by the error of a lock that another holds.
var ErrLocked = errors.New("locked")

// Lock is held by at most one open file, of this process or another, and goes
// with the process however that ends. The file names the process, for those
// who find it locked or left behind.
type Lock struct{ f *os.File }

// TryLock takes the lock at path, making the file where it is missing, or
// returns an error that wraps ErrLocked at once.
func TryLock(path string) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := filelock.TryLock(f); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("%s: %w by process %d", path, ErrLocked, LockedBy(path))
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Between the opening and the lock, its last owner may have removed
		// the file: then this is a lock on nothing.
		if !still(f, path) {
			_ = f.Close()
			continue
		}
		l := &Lock{f: f}
		if err := l.write(); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return l, nil
	}
}

func still(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(mine, there)
}

func (l *Lock) write() error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// Unlock lets the lock go. The file stays. A holder may remove it before, as
// the last thing that it does: that lets the lock go as well.
func (l *Lock) Unlock() error { return l.f.Close() }

// IsLocked says whether somebody holds the lock at path. For the moment of the
// look, a TryLock of another can fail.
func IsLocked(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(filelock.TryShare(f), unix.EWOULDBLOCK)
}

// LockedBy returns the process that took the lock at path last, whether it
// still holds it or not; 0 when there is none.
func LockedBy(path string) int {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
