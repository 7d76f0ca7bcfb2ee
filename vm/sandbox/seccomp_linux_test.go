package sandbox

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

// verdict runs the filter over a system call.
func verdict(t *testing.T, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	prog, err := filterProgram()
	if err != nil {
		t.Fatal(err)
	}
	machine, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	// struct seccomp_data as the filter sees it on a little-endian machine.
	// Only the words' order shows; bpf.VM reads each of them as big-endian.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[offNr:], nr)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offArgs+8*i+4:], uint32(a>>32))
	}
	got, err := machine.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

func TestFilter(t *testing.T) {
	const allow = unix.Errno(0)
	for _, c := range []struct {
		name string
		nr   uint32
		args []uint64
		want unix.Errno
	}{
		{"read", unix.SYS_READ, nil, allow},
		{"ptrace of its own processes", unix.SYS_PTRACE, nil, allow},
		{"a filter of its own", unix.SYS_SECCOMP, nil, allow},
		{"the newest known", lastKnown, nil, allow},
		{"one that is newer", lastKnown + 1, nil, unix.ENOSYS},
		{"x32", 0x40000000 | unix.SYS_GETPID, nil, unix.ENOSYS},
		{"keyctl", unix.SYS_KEYCTL, nil, unix.EPERM},
		{"add_key", unix.SYS_ADD_KEY, nil, unix.EPERM},
		{"request_key", unix.SYS_REQUEST_KEY, nil, unix.EPERM},
		{"bpf", unix.SYS_BPF, nil, unix.EPERM},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, nil, unix.EPERM},
		{"userfaultfd", unix.SYS_USERFAULTFD, nil, unix.EPERM},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, nil, unix.ENOSYS},
		{"kexec_load", unix.SYS_KEXEC_LOAD, nil, unix.EPERM},
		{"kexec_file_load", unix.SYS_KEXEC_FILE_LOAD, nil, unix.EPERM},
		{"init_module", unix.SYS_INIT_MODULE, nil, unix.EPERM},
		{"finit_module", unix.SYS_FINIT_MODULE, nil, unix.EPERM},
		{"delete_module", unix.SYS_DELETE_MODULE, nil, unix.EPERM},
		{"mount", unix.SYS_MOUNT, nil, unix.EPERM},
		{"umount", unix.SYS_UMOUNT2, nil, unix.EPERM},
		{"pivot_root", unix.SYS_PIVOT_ROOT, nil, unix.EPERM},
		{"chroot", unix.SYS_CHROOT, nil, unix.EPERM},
		{"open_tree", unix.SYS_OPEN_TREE, nil, unix.EPERM},
		{"open_tree_attr", unix.SYS_OPEN_TREE_ATTR, nil, unix.EPERM},
		{"move_mount", unix.SYS_MOVE_MOUNT, nil, unix.EPERM},
		{"fsopen", unix.SYS_FSOPEN, nil, unix.EPERM},
		{"fsconfig", unix.SYS_FSCONFIG, nil, unix.EPERM},
		{"fsmount", unix.SYS_FSMOUNT, nil, unix.EPERM},
		{"fspick", unix.SYS_FSPICK, nil, unix.EPERM},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, nil, unix.EPERM},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, nil, unix.EPERM},
		{"setns", unix.SYS_SETNS, nil, unix.EPERM},
		{"clone3", unix.SYS_CLONE3, nil, unix.ENOSYS},
		{"a thread", unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allow},
		{"a user namespace", unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, unix.EPERM},
		{"a network namespace", unix.SYS_CLONE, []uint64{unix.CLONE_NEWNET}, unix.EPERM},
		{"unshare of files", unix.SYS_UNSHARE, []uint64{unix.CLONE_FILES}, allow},
		{"unshare of users", unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWUSER}, unix.EPERM},
		{"unshare of time", unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWTIME}, unix.EPERM},
		{"window size", unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}, allow},
		{"TIOCSTI", unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, unix.EPERM},
		{"TIOCSTI with a bit in the upper half", unix.SYS_IOCTL, []uint64{0, 1<<32 | unix.TIOCSTI}, unix.EPERM},
		{"TIOCLINUX", unix.SYS_IOCTL, []uint64{0, unix.TIOCLINUX}, unix.EPERM},
		{"TIOCSETD", unix.SYS_IOCTL, []uint64{0, unix.TIOCSETD}, unix.EPERM},
		{"unix socket", unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM}, allow},
		{"unix socket of the raw type", unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_RAW}, allow},
		{"tcp", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, allow},
		{"udp of IPv6", unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_DGRAM | unix.SOCK_NONBLOCK}, allow},
		{"raw", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW | unix.SOCK_CLOEXEC}, unix.EPERM},
		{"raw of IPv6", unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_RAW}, unix.EPERM},
		{"routes", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allow},
		{"netfilter", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, unix.EPROTONOSUPPORT},
		{"vsock", unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM}, unix.EAFNOSUPPORT},
		{"vsock with a bit in the upper half", unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_VSOCK, unix.SOCK_STREAM}, unix.EAFNOSUPPORT},
		{"packet", unix.SYS_SOCKET, []uint64{unix.AF_PACKET, unix.SOCK_DGRAM}, unix.EAFNOSUPPORT},
		{"alg", unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET}, unix.EAFNOSUPPORT},
		{"pair", unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM}, allow},
		{"pair of tipc", unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, unix.SOCK_STREAM}, unix.EAFNOSUPPORT},
		{"fchmod", unix.SYS_FCHMOD, []uint64{3, 0o1777}, allow},
		{"fchmod to set-user-ID", unix.SYS_FCHMOD, []uint64{3, 0o4755}, unix.EPERM},
		{"fchmod to set-group-ID", unix.SYS_FCHMOD, []uint64{3, 0o2644}, unix.EPERM},
		{"fchmod with a bit in the upper half", unix.SYS_FCHMOD, []uint64{3, 1<<32 | 0o4755}, unix.EPERM},
		{"fchmod with a bit that the kernel ignores", unix.SYS_FCHMOD, []uint64{3, 1<<16 | 0o4755}, unix.EPERM},
		{"fchmodat", unix.SYS_FCHMODAT, []uint64{0o6000, 0o6000, 0o755}, allow},
		{"fchmodat to set-user-ID", unix.SYS_FCHMODAT, []uint64{3, 0, 0o4755}, unix.EPERM},
		{"fchmodat2", unix.SYS_FCHMODAT2, []uint64{3, 0, 0o755, 0o6000}, allow},
		{"fchmodat2 to set-group-ID", unix.SYS_FCHMODAT2, []uint64{3, 0, 0o2755}, unix.EPERM},
		{"mknodat of a pipe", unix.SYS_MKNODAT, []uint64{3, 0, unix.S_IFIFO | 0o644}, allow},
		{"mknodat with set-user-ID", unix.SYS_MKNODAT, []uint64{3, 0, unix.S_IFREG | 0o4755}, unix.EPERM},
		{"openat that makes a file", unix.SYS_OPENAT, []uint64{3, 0, unix.O_CREAT | unix.O_WRONLY, 0o755}, allow},
		{"openat that makes none, whose mode is not looked at", unix.SYS_OPENAT, []uint64{3, 0, unix.O_DIRECTORY, 0o7777}, allow},
		{"openat that makes a set-user-ID file", unix.SYS_OPENAT, []uint64{3, 0, unix.O_CREAT | unix.O_WRONLY, 0o4755}, unix.EPERM},
		{"openat that makes a set-group-ID file without a name", unix.SYS_OPENAT, []uint64{3, 0, unix.O_TMPFILE | unix.O_WRONLY, 0o2755}, unix.EPERM},
		{"openat with bits in the upper halves", unix.SYS_OPENAT, []uint64{3, 0, 1<<32 | unix.O_CREAT, 1<<32 | 0o4755}, unix.EPERM},
		{"openat2", unix.SYS_OPENAT2, nil, unix.ENOSYS},
	} {
		want := uint32(retAllow)
		if c.want != allow {
			want = retErrno | uint32(c.want)
		}
		if got := verdict(t, auditArch, c.nr, c.args...); got != want {
			t.Errorf("%s: %#x, want %#x", c.name, got, want)
		}
	}
}

// Each row does what it says, with its reason.
func TestFilterRows(t *testing.T) {
	for _, d := range append(denials, archDenials...) {
		if d.why == "" || d.errno == 0 {
			t.Errorf("a row without a reason or an error: %+v", d)
		}
		for _, c := range d.calls {
			if len(d.when) > 0 {
				continue // those are in the test above
			}
			if got, want := verdict(t, auditArch, c.nr), retErrno|uint32(d.errno); got != want {
				t.Errorf("%s: %#x, want %#x", c.name, got, want)
			}
		}
	}
}

func TestForeignConventionsAreKilled(t *testing.T) {
	for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, 0} {
		if got := verdict(t, arch, unix.SYS_READ); got != retKill {
			t.Errorf("%#x: %#x", arch, got)
		}
	}
}

// A program that its caller wants to filter further can do so: browsers do.
func TestNestedFilter(t *testing.T) {
	m := newMachine(t, Options{}, vm.Spec{})
	if code, out := run(t, m, insideHelper("filter-self")...); code != codeSuccess {
		t.Errorf("code %d: %s", code, out)
	}
}

func filterSelf([]string) error {
	if landlockVersion() == 0 {
		return errors.New("landlock is not to be seen")
	}
	return installFilter()
}
