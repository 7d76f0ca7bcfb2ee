package guest

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFilterCalls: behind the filter there is no way to the port of smolvm's agent, and
// all else is there.
func TestFilterCalls(t *testing.T) {
	type try struct {
		what string
		err  error
		want unix.Errno
	}
	socket := func(family, kind int) error {
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}
	call := func(nr uintptr) error {
		if _, _, errno := unix.RawSyscall(nr, 1, 0, 0); errno != 0 { // of arguments that make nothing
			return errno
		}
		return nil
	}
	terminal := func(request uintptr) error {
		_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, ^uintptr(0), request, 0)
		return errno
	}
	done := make(chan []try)
	go func() {
		runtime.LockOSThread() // and with it the thread goes, which is filtered
		list := []try{{"no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0}, {"the filter", filterCalls(), 0}}
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
			list = append(list, try{"a vsock", socket(unix.AF_VSOCK, kind), unix.EAFNOSUPPORT})
		}
		list = append(list,
			try{"a vsock with a bit in the upper half", func() error {
				if _, _, errno := unix.RawSyscall(unix.SYS_SOCKET, 1<<32|unix.AF_VSOCK, unix.SOCK_STREAM, 0); errno != 0 {
					return errno
				}
				return nil
			}(), unix.EAFNOSUPPORT},
			try{"TIOCSTI", terminal(unix.TIOCSTI), unix.EPERM},
			try{"TIOCSTI with a bit in the upper half", terminal(1<<32 | unix.TIOCSTI), unix.EPERM},
			try{"TIOCLINUX", terminal(unix.TIOCLINUX), unix.EPERM},
			try{"another call of terminals", terminal(unix.TCGETS), unix.EBADF},
			try{"io_uring", call(unix.SYS_IO_URING_SETUP), unix.ENOSYS},
			try{"a unix socket", socket(unix.AF_UNIX, unix.SOCK_STREAM), 0},
			try{"a TCP socket", socket(unix.AF_INET, unix.SOCK_STREAM), 0},
			try{"netlink", socket(unix.AF_NETLINK, unix.SOCK_RAW), 0},
		)
		if runtime.GOARCH == "amd64" {
			list = append(list, try{"a vsock by x32", call(x32 | unix.SYS_SOCKET), unix.ENOSYS})
		}
		done <- list
	}()
	for _, c := range <-done {
		if c.want == 0 && c.err != nil || c.want != 0 && !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
		}
	}
}
