package sandbox

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Libraries make these calls no more, but the kernel still has them.
var archSetIDWays = map[string]func(name string) error{
	"chmod": ordinary(func(name string, _ int) error { return pathCall(unix.SYS_CHMOD, name, setIDMode, 0) }),
	"creat": func(name string) error { return pathCall(unix.SYS_CREAT, name, setIDMode, 0) },
	"open":  func(name string) error { return pathCall(unix.SYS_OPEN, name, unix.O_CREAT|unix.O_WRONLY, setIDMode) },
	"mknod": func(name string) error { return pathCall(unix.SYS_MKNOD, name, unix.S_IFREG|setIDMode, 0) },
}

// pathCall leaves a descriptor open, if that is what the call returns.
func pathCall(nr uintptr, name string, a, b uintptr) error {
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(nr, uintptr(unsafe.Pointer(p)), a, b); errno != 0 {
		return errno
	}
	return nil
}

func TestFilterOfOldCalls(t *testing.T) {
	for _, c := range []struct {
		name string
		nr   uint32
		args []uint64
		deny bool
	}{
		{"chmod", unix.SYS_CHMOD, []uint64{0o6000, 0o1755}, false},
		{"chmod to set-user-ID", unix.SYS_CHMOD, []uint64{0, 0o4755}, true},
		{"chmod to set-group-ID, with a bit in the upper half", unix.SYS_CHMOD, []uint64{0, 1<<32 | 0o2755}, true},
		{"creat", unix.SYS_CREAT, []uint64{0o6000, 0o755}, false},
		{"creat of set-user-ID", unix.SYS_CREAT, []uint64{0, 0o4755}, true},
		{"mknod of a pipe", unix.SYS_MKNOD, []uint64{0, unix.S_IFIFO | 0o644, 0o6000}, false},
		{"mknod of set-group-ID", unix.SYS_MKNOD, []uint64{0, unix.S_IFREG | 0o2755}, true},
		{"open that makes a file", unix.SYS_OPEN, []uint64{0, unix.O_CREAT, 0o755}, false},
		{"open that makes none, whose mode is not looked at", unix.SYS_OPEN, []uint64{0, unix.O_DIRECTORY, 0o7777}, false},
		{"open that makes a set-user-ID file", unix.SYS_OPEN, []uint64{0, unix.O_CREAT, 0o4755}, true},
		{"open that makes one without a name", unix.SYS_OPEN, []uint64{0, unix.O_TMPFILE, 0o4755}, true},
	} {
		want := uint32(retAllow)
		if c.deny {
			want = retErrno | uint32(unix.EPERM)
		}
		if got := verdict(t, auditArch, c.nr, c.args...); got != want {
			t.Errorf("%s: %#x, want %#x", c.name, got, want)
		}
	}
}
