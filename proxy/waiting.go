package proxy

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// awaitBytes waits until something can be read from a connection, and returns how much,
// without taking it. The error is io.EOF at the end.
func awaitBytes(c syscall.RawConn) (n int64, err error) {
	var peeked, size int
	var failed error
	err = c.Read(func(fd uintptr) bool {
		var one [1]byte
		for {
			peeked, _, failed = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if failed != unix.EINTR {
				break
			}
		}
		if failed == unix.EAGAIN {
			return false
		}
		if failed == nil && peeked > 0 {
			size, failed = unix.IoctlGetInt(int(fd), inQueue)
		}
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	case peeked == 0:
		return 0, io.EOF
	}
	return int64(max(size, 1)), nil
}
