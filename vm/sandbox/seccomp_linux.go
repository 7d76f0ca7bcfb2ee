package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// denial is a group of system calls that are refused.
type denial struct {
	why   string
	errno unix.Errno
	calls []call
	// when, if there is any, must all be true of the arguments.
	when []test
}

type call struct {
	name string
	nr   uint32
}

// test looks at the lower half of an argument: what the kernel takes as an int
// may have anything in its upper half (CVE-2017-5226 was a filter that looked
// at both).
type test struct {
	arg  int
	mask uint32 // 0 means all bits
	is   bpf.JumpTest
	val  uint32
}

const (
	anyNamespace = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID |
		unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
	sockTypeMask = 0xf // SOCK_NONBLOCK and SOCK_CLOEXEC are above it

	setID = unix.S_ISUID | unix.S_ISGID
	// creates are the flags with which open(2) looks at its mode; without them
	// anything may be there. O_TMPFILE has O_DIRECTORY in it.
	creates = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY
)

// whySetID is about the host: no_new_privs and nosuid hold for the machine
// only. A folder that a person shares and that has the bit passes it on still,
// for that the kernel does itself; but chmod of such a folder is refused when
// it names the bit, and a filter cannot see that it is a folder. mkdir(2)
// ignores both bits and has no row.
const whySetID = "a program that runs as its owner, put into a folder of the host, where the owner is a person or root"

// denials is the table of what no agent needs and many an exploit does. The
// most part needs capabilities that the agent has not; that it is denied here
// too keeps the kernel's code for it out of reach.
var denials = []denial{
	{
		why:   "keys of the host and of other programs of the user; keyrings are in no namespace",
		errno: unix.EPERM,
		calls: []call{{"add_key", unix.SYS_ADD_KEY}, {"request_key", unix.SYS_REQUEST_KEY}, {"keyctl", unix.SYS_KEYCTL}},
	}, {
		why:   "code in the kernel",
		errno: unix.EPERM,
		calls: []call{
			{"bpf", unix.SYS_BPF}, {"init_module", unix.SYS_INIT_MODULE}, {"finit_module", unix.SYS_FINIT_MODULE},
			{"delete_module", unix.SYS_DELETE_MODULE}, {"kexec_load", unix.SYS_KEXEC_LOAD},
			{"kexec_file_load", unix.SYS_KEXEC_FILE_LOAD},
		},
	}, {
		why:   "a large surface with a long record, and counters that tell about other programs",
		errno: unix.EPERM,
		calls: []call{{"perf_event_open", unix.SYS_PERF_EVENT_OPEN}},
	}, {
		why:   "stops the kernel in the middle of a copy, which makes races into exploits",
		errno: unix.EPERM,
		calls: []call{{"userfaultfd", unix.SYS_USERFAULTFD}},
	}, {
		why:   "does what other calls do, past this table; libraries fall back when it is not there",
		errno: unix.ENOSYS,
		calls: []call{
			{"io_uring_setup", unix.SYS_IO_URING_SETUP}, {"io_uring_enter", unix.SYS_IO_URING_ENTER},
			{"io_uring_register", unix.SYS_IO_URING_REGISTER},
		},
	}, {
		why:   "the view of the file system stays as it was made",
		errno: unix.EPERM,
		calls: []call{
			{"mount", unix.SYS_MOUNT}, {"umount2", unix.SYS_UMOUNT2}, {"pivot_root", unix.SYS_PIVOT_ROOT},
			{"chroot", unix.SYS_CHROOT}, {"open_tree", unix.SYS_OPEN_TREE}, {"open_tree_attr", unix.SYS_OPEN_TREE_ATTR},
			{"move_mount", unix.SYS_MOVE_MOUNT}, {"fsopen", unix.SYS_FSOPEN}, {"fsconfig", unix.SYS_FSCONFIG},
			{"fsmount", unix.SYS_FSMOUNT}, {"fspick", unix.SYS_FSPICK}, {"mount_setattr", unix.SYS_MOUNT_SETATTR},
			{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT}, {"fanotify_init", unix.SYS_FANOTIFY_INIT},
			{"quotactl", unix.SYS_QUOTACTL}, {"quotactl_fd", unix.SYS_QUOTACTL_FD},
		},
	}, {
		why:   "its flags lie in memory, where a filter cannot look; libraries fall back to clone",
		errno: unix.ENOSYS,
		calls: []call{{"clone3", unix.SYS_CLONE3}},
	}, {
		why:   "a new user namespace has all capabilities, over code that only root could reach before",
		errno: unix.EPERM,
		calls: []call{{"clone", unix.SYS_CLONE}, {"unshare", unix.SYS_UNSHARE}},
		when:  []test{{arg: 0, is: bpf.JumpBitsSet, val: anyNamespace}},
	}, {
		why:   "a time namespace is a namespace; clone has its flag's bit for another purpose",
		errno: unix.EPERM,
		calls: []call{{"unshare", unix.SYS_UNSHARE}},
		when:  []test{{arg: 0, is: bpf.JumpBitsSet, val: unix.CLONE_NEWTIME}},
	}, {
		why:   "no other namespaces than its own",
		errno: unix.EPERM,
		calls: []call{{"setns", unix.SYS_SETNS}},
	}, {
		why:   "switches of the whole host",
		errno: unix.EPERM,
		calls: []call{
			{"reboot", unix.SYS_REBOOT}, {"swapon", unix.SYS_SWAPON}, {"swapoff", unix.SYS_SWAPOFF},
			{"acct", unix.SYS_ACCT}, {"settimeofday", unix.SYS_SETTIMEOFDAY}, {"clock_settime", unix.SYS_CLOCK_SETTIME},
			{"vhangup", unix.SYS_VHANGUP}, {"sethostname", unix.SYS_SETHOSTNAME},
			{"setdomainname", unix.SYS_SETDOMAINNAME}, {"nfsservctl", unix.SYS_NFSSERVCTL},
		},
	}, {
		why:   "the kernel's log, with addresses and the doings of others in it",
		errno: unix.EPERM,
		calls: []call{{"syslog", unix.SYS_SYSLOG}},
	}, {
		why:   "types text into a terminal as if its user had (TIOCSTI, and selections of TIOCLINUX)",
		errno: unix.EPERM,
		calls: []call{{"ioctl", unix.SYS_IOCTL}},
		when:  []test{{arg: 1, is: bpf.JumpEqual, val: unix.TIOCSTI}},
	}, {
		why:   "types text into a terminal as if its user had (TIOCSTI, and selections of TIOCLINUX)",
		errno: unix.EPERM,
		calls: []call{{"ioctl", unix.SYS_IOCTL}},
		when:  []test{{arg: 1, is: bpf.JumpEqual, val: unix.TIOCLINUX}},
	}, {
		why:   "loads line disciplines, seldom used and often broken",
		errno: unix.EPERM,
		calls: []call{{"ioctl", unix.SYS_IOCTL}},
		when:  []test{{arg: 1, is: bpf.JumpEqual, val: unix.TIOCSETD}},
	}, {
		why:   "families with a way around the network namespace (AF_VSOCK), to raw frames (AF_PACKET), or seldom used and often broken",
		errno: unix.EAFNOSUPPORT,
		calls: []call{{"socket", unix.SYS_SOCKET}},
		when: []test{
			{arg: 0, is: bpf.JumpNotEqual, val: unix.AF_UNIX}, {arg: 0, is: bpf.JumpNotEqual, val: unix.AF_INET},
			{arg: 0, is: bpf.JumpNotEqual, val: unix.AF_INET6}, {arg: 0, is: bpf.JumpNotEqual, val: unix.AF_NETLINK},
		},
	}, {
		why:   "as for socket; pairs have no other use",
		errno: unix.EAFNOSUPPORT,
		calls: []call{{"socketpair", unix.SYS_SOCKETPAIR}},
		when:  []test{{arg: 0, is: bpf.JumpNotEqual, val: unix.AF_UNIX}},
	}, {
		why:   "netlink is for reading addresses and routes; writing them needs a capability",
		errno: unix.EPROTONOSUPPORT,
		calls: []call{{"socket", unix.SYS_SOCKET}},
		when: []test{
			{arg: 0, is: bpf.JumpEqual, val: unix.AF_NETLINK}, {arg: 2, is: bpf.JumpNotEqual, val: unix.NETLINK_ROUTE},
		},
	}, {
		why:   "raw packets",
		errno: unix.EPERM,
		calls: []call{{"socket", unix.SYS_SOCKET}},
		when: []test{
			{arg: 0, is: bpf.JumpNotEqual, val: unix.AF_NETLINK}, {arg: 0, is: bpf.JumpNotEqual, val: unix.AF_UNIX},
			{arg: 1, mask: sockTypeMask, is: bpf.JumpEqual, val: unix.SOCK_RAW},
		},
	}, {
		why:   whySetID,
		errno: unix.EPERM,
		calls: []call{{"fchmod", unix.SYS_FCHMOD}},
		when:  []test{{arg: 1, is: bpf.JumpBitsSet, val: setID}},
	}, {
		why:   whySetID,
		errno: unix.EPERM,
		calls: []call{{"fchmodat", unix.SYS_FCHMODAT}, {"fchmodat2", unix.SYS_FCHMODAT2}, {"mknodat", unix.SYS_MKNODAT}},
		when:  []test{{arg: 2, is: bpf.JumpBitsSet, val: setID}},
	}, {
		why:   whySetID,
		errno: unix.EPERM,
		calls: []call{{"openat", unix.SYS_OPENAT}},
		when:  []test{{arg: 2, is: bpf.JumpBitsSet, val: creates}, {arg: 3, is: bpf.JumpBitsSet, val: setID}},
	}, {
		why:   "its mode lies in memory, where a filter cannot look; libraries fall back to openat",
		errno: unix.ENOSYS,
		calls: []call{{"openat2", unix.SYS_OPENAT2}},
	},
}

// lastKnown is the newest system call that was looked at for this table. What
// is newer does not exist in a machine, so that a kernel's next feature opens
// nothing here; programs fall back as they do on an older kernel.
const lastKnown = unix.SYS_RSEQ_SLICE_YIELD

// Offsets in struct seccomp_data, of little-endian machines.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

// Values that a filter returns, see seccomp(2).
const (
	retAllow = unix.SECCOMP_RET_ALLOW
	retErrno = unix.SECCOMP_RET_ERRNO
	retKill  = unix.SECCOMP_RET_KILL_PROCESS
)

// filterProgram makes a filter of the table.
func filterProgram() ([]bpf.Instruction, error) {
	if auditArch == 0 {
		return nil, fmt.Errorf("no filter for %s is known", runtime.GOARCH)
	}
	ld := func(off uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: off, Size: 4} }
	deny := func(e unix.Errno) bpf.Instruction { return bpf.RetConstant{Val: retErrno | uint32(e)} }
	prog := []bpf.Instruction{
		// Another calling convention (32-bit programs on a 64-bit kernel) has
		// other numbers, which nothing here would match.
		ld(offArch),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: retKill},
		// x32 has numbers far above, and goes here too.
		ld(offNr),
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: lastKnown, SkipTrue: 1},
		deny(unix.ENOSYS),
	}
	for _, d := range append(denials, archDenials...) {
		for _, c := range d.calls {
			var body []bpf.Instruction
			for _, t := range d.when {
				body = append(body, ld(uint32(offArgs+8*t.arg)))
				if t.mask != 0 {
					body = append(body, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: t.mask})
				}
				body = append(body, bpf.JumpIf{Cond: t.is, Val: t.val}) // SkipFalse follows
			}
			body = append(body, deny(d.errno))
			for i := range body {
				if j, ok := body[i].(bpf.JumpIf); ok {
					j.SkipFalse = uint8(len(body) - i - 1)
					body[i] = j
				}
			}
			prog = append(prog, ld(offNr), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.nr, SkipTrue: uint8(len(body))})
			prog = append(prog, body...)
		}
	}
	return append(prog, bpf.RetConstant{Val: retAllow}), nil
}

// installFilter filters the calling thread and all that it starts.
func installFilter() error {
	prog, err := filterProgram()
	if err != nil {
		return err
	}
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return fmt.Errorf("assemble the filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog))) //nolint:gosec // how a system call takes a struct
	runtime.KeepAlive(code)
	if errors.Is(errno, unix.ENOSYS) || errors.Is(errno, unix.EINVAL) {
		return fmt.Errorf("this kernel has no seccomp filters: %w", errno)
	}
	if errno != 0 {
		return errno
	}
	return nil
}
