package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// The program runs as setup first, which makes the machine around itself with
// the capabilities it has for that, and then as init, which has none. Both are
// told by their name.
const (
	setupName = "bottle-setup"
	initName  = "bottle-init"

	selfExe = "/proc/self/exe"
)

// Descriptors of setup. The mounts that the parent opened come after the
// control socket, in the order of step.Tree.
const (
	controlFD = 3
	treeFD    = controlFD // plus step.Tree, which counts from 1
)

// config is what setup is told.
type config struct {
	Hostname string
	Steps    []step
	Local    []netip.Prefix `json:",omitempty"` // addresses to take for its own
	initConfig
}

// initConfig is what it tells init.
type initConfig struct {
	Breach Breach
	// Limits are for each command, not for init: it must go on when they are
	// reached.
	Limits []rlimit `json:",omitempty"`
}

// noCore is a limit that keeps a crash of the agent's away from the host's
// core_pattern program, which runs as root: 0 would only hold for files
// (core(5)).
const noCore = 1

// rlimit is a limit of setrlimit(2), soft and hard.
type rlimit struct {
	Resource int
	Value    uint64
}

// Init must be the first thing that main does, and TestMain in tests that make
// machines. In the first process of a machine it does not return. In any other
// it does nothing.
func Init() {
	switch {
	case len(os.Args) == 1 && os.Args[0] == setupName:
		runSetup()
	case len(os.Args) == 2 && os.Args[0] == initName:
		runInit(os.Args[1])
	}
}

// runSetup does not return. All that it gives up, and all filters, belong to
// one thread: this one, which then execs, when the others are gone.
func runSetup() {
	runtime.LockOSThread()
	fd, err := unix.FcntlInt(controlFD, unix.F_DUPFD_CLOEXEC, controlFD+1)
	if err != nil {
		os.Exit(1)
	}
	c, err := newConn(os.NewFile(uintptr(fd), "control"))
	if err != nil {
		os.Exit(1)
	}
	var req request
	fds, err := c.recv(maxRequest, &req)
	closeFDs(fds)
	if err != nil || req.Op != opConfig || req.Config == nil {
		os.Exit(1)
	}
	err = req.Config.setup()
	rep := report{Op: opReply, Step: err.Error(), Errno: int(unix.EINVAL)}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		rep.Errno = int(errno)
	}
	_ = c.send(maxReport, rep)
	os.Exit(1)
}

// setup makes the machine and becomes its init. It returns only errors.
func (c *config) setup() error {
	if err := c.enterRoot(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(c.Hostname)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	if !c.Breach.has(BreachNet) {
		if err := errors.Join(loopbackUp(), takeLocal(c.Local)); err != nil {
			return err
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: noCore, Max: noCore}); err != nil {
		return fmt.Errorf("turn off core dumps: %w", err)
	}
	arg, err := json.Marshal(c.initConfig)
	if err != nil {
		return fmt.Errorf("start the machine's init: %w", err)
	}
	if err := c.giveUp(); err != nil {
		return err
	}
	err = syscall.Exec(selfExe, []string{initName, string(arg)}, nil)
	return fmt.Errorf("start the machine's init: %w", err)
}

// enterRoot makes the new root and forgets the old one.
func (c *config) enterRoot() error {
	// Everything that needs the host's paths is opened first: the new root
	// covers one of them. A new proc must be made while the old one is in
	// sight, or the kernel refuses it.
	trees := make([]int, len(c.Steps))
	for i := range c.Steps {
		fd, err := c.Steps[i].open()
		if err != nil {
			return fmt.Errorf("prepare %s: %w", c.Steps[i].Target, linkHint(err))
		}
		trees[i] = fd
	}
	root, err := newFS("tmpfs", []string{"mode=0755", rootSize, fewInodes}, safeAttr)
	if err != nil {
		return fmt.Errorf("make the root folder: %w", err)
	}
	// Any folder would do; this one is there, since we were started from it.
	const at = "/proc"
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the machine's mounts its own: %w", err)
	}
	if err := attach(root, at); err != nil {
		return fmt.Errorf("make the root folder: %w", err)
	}
	if err := pivot(at); err != nil {
		return err
	}
	for i := range c.Steps {
		if err := c.Steps[i].do(trees[i]); err != nil {
			return fmt.Errorf("set up %s: %w", c.Steps[i].Target, err)
		}
	}
	err = unix.MountSetattr(root, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if err != nil {
		return fmt.Errorf("make the root folder read-only: %w", err)
	}
	return unix.Close(root)
}

// pivot makes the mount at dir the root, and takes the old one away. See
// pivot_root(2) for why both arguments are ".".
func pivot(dir string) error {
	if err := unix.Chdir(dir); err != nil {
		return fmt.Errorf("enter the root folder: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter the root folder: pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's root folder: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter the root folder: %w", err)
	}
	return nil
}

// loopbackUp brings up the only network that there is.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up the loopback network: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("lo")
	if err == nil {
		req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
	}
	if err != nil {
		return fmt.Errorf("bring up the loopback network: %w", err)
	}
	return nil
}
