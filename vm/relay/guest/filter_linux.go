package guest

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data, of little-endian machines (seccomp(2)).
const (
	offNr   = 0
	offArch = 4
	offArg0 = 16
	offArg1 = 24
)

// x32 is the bit of the numbers of calls of x86-64's other convention.
const x32 = 1 << 30

// filterCalls keeps this thread, and all that it starts, from the machine's own control
// port: smolvm's agent in the machine listens for its host on AF_VSOCK, at any address,
// and asks nobody who they are. Who reaches it from inside is root in the machine, and
// beside its container. Nor does it type into a terminal as if its user had, as in the
// sandbox.
func filterCalls() error {
	deny := func(e unix.Errno) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ERRNO | uint32(e)}
	}
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	skipUnless := func(is uint16, value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | is | unix.BPF_K, K: value, Jf: skip}
	}
	prog := []unix.SockFilter{
		load(offArch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_KILL_PROCESS}, // 32-bit programs have other numbers, and arguments in memory
		load(offNr),
		skipUnless(unix.BPF_JGE, x32, 1),
		deny(unix.ENOSYS),
		skipUnless(unix.BPF_JEQ, unix.SYS_IO_URING_SETUP, 1), // which makes sockets too
		deny(unix.ENOSYS),
		skipUnless(unix.BPF_JEQ, unix.SYS_IOCTL, 6),
		load(offArg1),
		skipUnless(unix.BPF_JEQ, unix.TIOCSTI, 1),
		deny(unix.EPERM),
		skipUnless(unix.BPF_JEQ, unix.TIOCLINUX, 1),
		deny(unix.EPERM),
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
		skipUnless(unix.BPF_JEQ, unix.SYS_SOCKET, 3),
		load(offArg0),
		skipUnless(unix.BPF_JEQ, unix.AF_VSOCK, 1),
		deny(unix.EAFNOSUPPORT),
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog))) //nolint:gosec // how a system call takes a struct
	runtime.KeepAlive(prog)
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	// What smolvm's agent may have left open is not the command's.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil && err != unix.ENOSYS {
		return fmt.Errorf("close what was open: %w", err)
	}
	return nil
}
