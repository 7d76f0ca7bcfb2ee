// Package caps takes capabilities(7) from the calling thread and from what it execs,
// for good.
package caps

import (
	"errors"

	"golang.org/x/sys/unix"
)

// EmptyBounding empties the bounding set, which takes CAP_SETPCAP.
func EmptyBounding() error {
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && c > unix.CAP_SYS_ADMIN { // past the last that the kernel knows
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Drop empties the other sets. Ambient first: what is in it must be permitted.
func Drop() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	var none [2]unix.CapUserData
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
}
