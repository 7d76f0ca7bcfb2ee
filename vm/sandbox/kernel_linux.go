package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) atLeast(w version) bool {
	return v.major > w.major || v.major == w.major && v.minor >= w.minor
}

// kernelVersion returns the running kernel's, 0.0 when it does not say.
func kernelVersion() version {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return version{}
	}
	var v version
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &v.major, &v.minor); err != nil {
		return version{}
	}
	return v
}
