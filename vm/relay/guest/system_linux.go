package guest

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// selfPath is this program, by whatever name it was put here.
const selfPath = "/proc/self/exe"

// workerAttr ties the worker to its supervisor.
func workerAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }

// raiseFiles lets this process have as many descriptors as it may: two for each
// connection.
func raiseFiles() {
	const wanted = 1 << 16
	l := unix.Rlimit{Cur: wanted, Max: wanted}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		return
	}
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil { // not root: as far as it goes
		l.Cur = l.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
	}
}

// loopbackUp sets the one interface up, unless it is.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	if req.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
	if errors.Is(err, unix.EPERM) {
		return errors.New("only root may: the image's user must be root")
	}
	return err
}
