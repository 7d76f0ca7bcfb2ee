package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapOwner makes what the owner of a detached mount's root has appear as the
// machine's user's, and the other way round: an id-mapped mount (Linux 5.12,
// mount_setattr(2)). What others own stays theirs and is nobody's inside.
func mapOwner(tree int, path string, uid, gid int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(tree, "", &st, unix.AT_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if int(st.Uid) == uid && int(st.Gid) == gid {
		return nil
	}
	ns, err := mappingNamespace(
		[]syscall.SysProcIDMap{{ContainerID: int(st.Uid), HostID: uid, Size: 1}},
		[]syscall.SysProcIDMap{{ContainerID: int(st.Gid), HostID: gid, Size: 1}})
	if err != nil {
		return fmt.Errorf("map the owner of %s: %w", path, err)
	}
	defer func() { _ = ns.Close() }()
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE,
		&unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns.Fd())})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("map the owner of %s: %w: its file system cannot do that; run bottle as the user that owns it instead of root", path, err)
	}
	if err != nil {
		return &os.PathError{Op: "mount_setattr idmap", Path: path, Err: err}
	}
	return nil
}

// mappingNamespace returns a user namespace that holds nothing but its maps.
// Only a process can have one made: a child that is stopped before its first
// instruction, and killed.
func mappingNamespace(uids, gids []syscall.SysProcIDMap) (_ *os.File, err error) {
	// The tracer is the thread, and so is the parent that PDEATHSIG is about.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := os.StartProcess("/proc/self/exe", []string{"bottle-map"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER, UidMappings: uids, GidMappings: gids, Ptrace: true, Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		return nil, err
	}
	defer func() {
		killErr := p.Kill()
		_, waitErr := p.Wait()
		err = errors.Join(err, killErr, waitErr)
	}()
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", p.Pid))
}
