package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attackers are what runs inside. Nil is a success.
var attackers = map[string]func(args []string) error{
	"tcp":      func(a []string) error { return sendTo("tcp", a[0]) },
	"udp":      func(a []string) error { return sendTo("udp", a[0]) },
	"dns":      func(a []string) error { return sendTo("udp", a[0]) },
	"outside":  func(a []string) error { return sendTo(a[0], a[1]) },
	"abstract": func(a []string) error { return sendTo("unix", a[0]) },
	"read":     func(a []string) error { return readFile(a[0], a[1]) },
	"leaked":   func(a []string) error { return readFD(a[0], a[1]) },
	"write":    func(a []string) error { return os.WriteFile(a[0], []byte("changed"), 0) },
	"rewrite":  rewriteCorePattern,
	"proc-rw":  func([]string) error { return writable("/proc/sys") },
	"proc-read": func(a []string) error {
		text, err := os.ReadFile(a[0])
		if err == nil && len(text) == 0 {
			err = errors.New("it is empty")
		}
		return err
	},
	"signal":  func(a []string) error { return unix.Kill(number(a[0]), unix.SIGTERM) },
	"trace":   func(a []string) error { return unix.PtraceAttach(number(a[0])) },
	"shm":     func(a []string) error { _, err := unix.SysvShmGet(number(a[0]), 0, 0); return err },
	"lo-down": loopbackDown,
	"new-privs": func([]string) error {
		n, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if err == nil && n != 0 {
			err = errors.New("no_new_privs is set")
		}
		return err
	},
	"inspect": func([]string) error { _, err := os.Readlink("/proc/1/exe"); return err },
	"comm":    func([]string) error { return os.WriteFile("/proc/self/comm", []byte("x"), 0) },

	"user-namespace": func([]string) error { return unshareUser() },
	"clone-user":     func([]string) error { return cloneUser() },

	"set-id":       setIDs,
	"mkdir-set-id": func(a []string) error { return unix.Mkdir(a[0], setIDMode) },

	"kernel": kernelCall,
	"fetch":  fetch,
	"dial":   dialIt,
	"ask":    askIt,

	"refused-datagram": refusedDatagram,

	"occupy":      occupy,
	"loopback":    loopback,
	"key":         readKey,
	"filter-self": filterSelf,
	"eat-memory":  eatMemory,
	"core-limit": func([]string) error {
		var l unix.Rlimit
		err := unix.Getrlimit(unix.RLIMIT_CORE, &l)
		if err == nil && (l.Cur != 1 || l.Max != 1) {
			err = fmt.Errorf("the limit is %+v", l)
		}
		return err
	},
	"setsid-tty": func([]string) error {
		f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		return err
	},
}

// kernelCalls are system calls that the kernel too refuses, but with another
// error than the filter: its own code for them must not be reached.
var kernelCalls = map[string]struct {
	filter unix.Errno
	nr     uintptr
	args   []uintptr
	tty    bool
}{
	"tiocsti":                {unix.EPERM, unix.SYS_IOCTL, []uintptr{0, unix.TIOCSTI, uintptr(unsafe.Pointer(&typed))}, true},
	"tiocsti-upper-half":     {unix.EPERM, unix.SYS_IOCTL, []uintptr{0, 1<<32 | unix.TIOCSTI, uintptr(unsafe.Pointer(&typed))}, true},
	"tioclinux":              {unix.EPERM, unix.SYS_IOCTL, []uintptr{0, unix.TIOCLINUX, uintptr(unsafe.Pointer(&typed))}, true},
	"tiocsetd":               {unix.EPERM, unix.SYS_IOCTL, []uintptr{0, unix.TIOCSETD, badPointer}, true},
	"clone3":                 {unix.ENOSYS, unix.SYS_CLONE3, []uintptr{0, 0}, false},
	"setns":                  {unix.EPERM, unix.SYS_SETNS, []uintptr{badFD, 0}, false},
	"keyctl":                 {unix.EPERM, unix.SYS_KEYCTL, []uintptr{unix.KEYCTL_GET_KEYRING_ID, ^uintptr(2), 1}, false},
	"add_key":                {unix.EPERM, unix.SYS_ADD_KEY, nil, false},
	"request_key":            {unix.EPERM, unix.SYS_REQUEST_KEY, nil, false},
	"io_uring_setup":         {unix.ENOSYS, unix.SYS_IO_URING_SETUP, []uintptr{1, badPointer}, false},
	"io_uring_enter":         {unix.ENOSYS, unix.SYS_IO_URING_ENTER, []uintptr{badFD, 0, 0, 0}, false},
	"io_uring_register":      {unix.ENOSYS, unix.SYS_IO_URING_REGISTER, []uintptr{badFD, 0, 0, 0}, false},
	"bpf":                    {unix.EPERM, unix.SYS_BPF, []uintptr{0, 0, 1 << 20}, false},
	"perf_event_open":        {unix.EPERM, unix.SYS_PERF_EVENT_OPEN, []uintptr{0, 0, 0, badFD, allFlags}, false},
	"userfaultfd":            {unix.EPERM, unix.SYS_USERFAULTFD, []uintptr{allFlags}, false},
	"mount":                  {unix.EPERM, unix.SYS_MOUNT, []uintptr{0, 0, badPointer}, false},
	"umount2":                {unix.EPERM, unix.SYS_UMOUNT2, []uintptr{0, allFlags}, false},
	"chroot":                 {unix.EPERM, unix.SYS_CHROOT, []uintptr{badPointer}, false},
	"open_tree":              {unix.EPERM, unix.SYS_OPEN_TREE, []uintptr{badFD, badPointer, allFlags}, false},
	"fsconfig":               {unix.EPERM, unix.SYS_FSCONFIG, []uintptr{badFD}, false},
	"mount_setattr":          {unix.EPERM, unix.SYS_MOUNT_SETATTR, []uintptr{badFD, badPointer, allFlags}, false},
	"vsock":                  {unix.EAFNOSUPPORT, unix.SYS_SOCKET, []uintptr{unix.AF_VSOCK, noType, 0}, false},
	"packet":                 {unix.EAFNOSUPPORT, unix.SYS_SOCKET, []uintptr{unix.AF_PACKET, noType, 0}, false},
	"alg":                    {unix.EAFNOSUPPORT, unix.SYS_SOCKET, []uintptr{unix.AF_ALG, noType, 0}, false},
	"inet-pair":              {unix.EAFNOSUPPORT, unix.SYS_SOCKETPAIR, []uintptr{unix.AF_INET, unix.SOCK_STREAM, 0, badPointer}, false},
	"netlink-not-for-routes": {unix.EPROTONOSUPPORT, unix.SYS_SOCKET, []uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT}, false},
	"raw":                    {unix.EPERM, unix.SYS_SOCKET, []uintptr{unix.AF_INET, unix.SOCK_RAW | unix.SOCK_CLOEXEC, 0}, false},
}

const (
	badFD      = ^uintptr(0)
	badPointer = 1
	allFlags   = ^uintptr(0) >> 32
	noType     = 12 // of socket
)

// typed is what would be typed.
var typed byte

// kernelCall succeeds when the kernel's own error comes back, or none.
func kernelCall(args []string) error {
	c := kernelCalls[args[0]]
	a := make([]uintptr, 6)
	copy(a, c.args)
	if _, _, errno := unix.Syscall6(c.nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno == c.filter {
		return fmt.Errorf("the filter's error: %w", errno)
	}
	return nil
}

func sendTo(network, addr string) error {
	c, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return err
}

func readFile(name, want string) error {
	text, err := os.ReadFile(name)
	if err == nil && !strings.Contains(string(text), want) {
		err = errors.New("it has another text")
	}
	return err
}

func readFD(fd, want string) error {
	buf := make([]byte, 100)
	n, err := unix.Pread(number(fd), buf, 0)
	if err == nil && string(buf[:n]) != want {
		err = errors.New("it is another file")
	}
	return err
}

// rewriteCorePattern writes what is there, so that its success does no harm.
func rewriteCorePattern([]string) error {
	const name = "/proc/sys/kernel/core_pattern"
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0)
}

func writable(name string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return err
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return errors.New("it is read-only")
	}
	return nil
}

func loopbackDown([]string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

func unshareUser() error {
	// The calling process must have one thread, which a Go program has not.
	return syscallInChild(syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWUSER})
}

func cloneUser() error {
	return syscallInChild(syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER})
}

func syscallInChild(attr syscall.SysProcAttr) error {
	p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{Sys: &attr})
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
