package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
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
		if err := loopbackUp(); err != nil {
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

// open returns the mount that the step is about, or -1. It runs while the
// host's folders are seen.
func (s *step) open() (int, error) {
	target := string(s.Target)
	switch s.Kind {
	case stepBind:
		if s.Tree > 0 {
			return treeFD + s.Tree, nil // the parent has set its flags
		}
		return s.openBind()
	case stepFS:
		return newFS(string(s.Source), s.Options, s.Attr)
	case stepMask:
		fi, err := os.Lstat(target)
		if err != nil {
			return -1, nil
		}
		if fi.IsDir() {
			return newFS("tmpfs", []string{"mode=0555", "size=4k"}, roAttr|dataAttr)
		}
		null := step{Kind: stepBind, Source: []byte("/dev/null"), Attr: devAttr | unix.MOUNT_ATTR_RDONLY}
		return null.openBind()
	}
	return -1, nil
}

// openBind opens a path of the host. Root's parent does it for the machine,
// which acts as a user that may not go there.
func (s *step) openBind() (int, error) {
	tree, err := cloneTree(string(s.Source))
	if errors.Is(err, unix.ENOENT) && s.Optional {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	if err := setAttr(tree, s.Attr); err != nil {
		_ = unix.Close(tree)
		return -1, &os.PathError{Op: "mount_setattr", Path: string(s.Source), Err: err}
	}
	return tree, nil
}

// do does the step in the new root, with the mount that open returned.
func (s *step) do(tree int) error {
	target := string(s.Target)
	switch s.Kind {
	case stepBind, stepFS:
		if tree < 0 {
			return nil
		}
		if err := makeTarget(target, s.Dir); err != nil {
			return err
		}
		return attachClose(tree, target)
	case stepMask:
		if _, err := os.Lstat(target); err != nil || tree < 0 {
			return nil
		}
		return attachClose(tree, target)
	case stepSeal:
		seal := step{Source: s.Target, Attr: s.Attr, Optional: s.Optional}
		tree, err := seal.openBind()
		if err != nil || tree < 0 {
			return err
		}
		return attachClose(tree, target)
	case stepFile:
		if err := makeTarget(path.Dir(target), true); err != nil {
			return err
		}
		return writeNew(target, s.Data)
	case stepDir:
		if err := makeTarget(target, true); err != nil {
			return err
		}
		return unix.Chmod(target, s.Mode)
	case stepLink:
		return makeLink(string(s.Source), target)
	case stepWrite:
		return os.WriteFile(target, s.Data, 0)
	}
	return fmt.Errorf("a step of the unknown kind %q", s.Kind)
}

func attachClose(tree int, target string) error {
	defer func() { _ = unix.Close(tree) }()
	return attach(tree, target)
}

func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// makeLink makes a symbolic link, over another one at most.
func makeLink(to, name string) error {
	dir, base := path.Split(name)
	if err := makeTarget(path.Clean(dir), true); err != nil {
		return err
	}
	at, err := openNoLinks(unix.AT_FDCWD, path.Clean(dir))
	if err != nil {
		return linkHint(err)
	}
	defer func() { _ = unix.Close(at) }()
	err = unix.Symlinkat(to, at, base)
	if errors.Is(err, unix.EEXIST) {
		var st unix.Stat_t
		if e := unix.Fstatat(at, base, &st, unix.AT_SYMLINK_NOFOLLOW); e == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			if err = unix.Unlinkat(at, base, 0); err == nil {
				err = unix.Symlinkat(to, at, base)
			}
		}
	}
	if err != nil {
		return missingHint(&os.LinkError{Op: "symlink", Old: to, New: name, Err: err})
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
