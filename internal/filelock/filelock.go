// Package filelock locks open files against other processes, flock(2).
package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock waits for the exclusive lock of a file. Closing the file gives it up.
func Lock(f *os.File) error { return flock(f, unix.LOCK_EX) }

// TryLock is Lock that does not wait: the error is unix.EWOULDBLOCK when another
// has the file locked.
func TryLock(f *os.File) error { return flock(f, unix.LOCK_EX|unix.LOCK_NB) }

// TryShare is TryLock for a lock that many can have at once.
func TryShare(f *os.File) error { return flock(f, unix.LOCK_SH|unix.LOCK_NB) }

// flock repeats what a signal interrupted.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
