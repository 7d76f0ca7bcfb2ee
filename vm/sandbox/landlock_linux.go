package sandbox

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock says about the view that the mounts make a second time what may be
// written: what a mount with a wrong flag, or a file of /proc with wrong
// permissions, would let through stops here. See landlock(7).

const (
	landlockRead = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR

	// landlockFile are the rights that a file can have, a folder has all.
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// landlockRights are those that exist from version i+1 of the interface on.
var landlockRights = []uint64{
	1<<13 - 1, unix.LANDLOCK_ACCESS_FS_REFER, unix.LANDLOCK_ACCESS_FS_TRUNCATE, 0, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV,
}

// landlockScopes is the version from which on a domain can be closed for
// signals and abstract sockets that go out of it.
const landlockScopes = 6

// landlockVersion returns the version of the interface, 0 when the kernel has
// none or has it turned off.
func landlockVersion() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// landlock restricts the calling thread to the view of c's steps.
func (c *config) landlock() error {
	version := landlockVersion()
	if version == 0 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{}
	for _, r := range landlockRights[:min(version, len(landlockRights))] {
		attr.Handled_access_fs |= r
	}
	if version >= landlockScopes {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	size := unsafe.Offsetof(attr.Quiet_access_fs)                                                          // an older kernel takes what it does not know while it is zero
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0) //nolint:gosec // how a system call takes a struct
	if errno != 0 {
		return errno
	}
	set := int(n)
	defer func() { _ = unix.Close(set) }()
	if err := allowBelow(set, "/", attr.Handled_access_fs&landlockRead, 0); err != nil {
		return err
	}
	// The init to come, which is not in the machine's view. A copy in memory
	// (copyProgram) takes no rule and needs none.
	if err := allowBelow(set, selfExe, landlockRead&landlockFile, 0); err != nil && !errors.Is(err, unix.EBADFD) {
		return err
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		if !s.Write {
			continue
		}
		err := allowBelow(set, string(s.Target), attr.Handled_access_fs, unix.O_NOFOLLOW)
		if s.Optional && errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// allowBelow gives rights to a path and what is below it.
func allowBelow(set int, name string, rights uint64, flags int) error {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0) //nolint:gosec // how a system call takes a struct
	if errno != 0 {
		return &os.PathError{Op: "landlock_add_rule", Path: name, Err: errno}
	}
	return nil
}
