package sandbox

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const auditArch = unix.AUDIT_ARCH_X86_64

// archDenials are the rows that only this architecture has.
var archDenials = []denial{
	{
		why:   "the hardware's ports",
		errno: unix.EPERM,
		calls: []call{{"iopl", unix.SYS_IOPL}, {"ioperm", unix.SYS_IOPERM}},
	}, {
		why:   "segments of 16-bit programs, a favourite of exploits",
		errno: unix.EPERM,
		calls: []call{{"modify_ldt", unix.SYS_MODIFY_LDT}},
	}, {
		why:   whySetID,
		errno: unix.EPERM,
		calls: []call{{"chmod", unix.SYS_CHMOD}, {"creat", unix.SYS_CREAT}, {"mknod", unix.SYS_MKNOD}},
		when:  []test{{arg: 1, is: bpf.JumpBitsSet, val: setID}},
	}, {
		why:   whySetID,
		errno: unix.EPERM,
		calls: []call{{"open", unix.SYS_OPEN}},
		when:  []test{{arg: 1, is: bpf.JumpBitsSet, val: creates}, {arg: 2, is: bpf.JumpBitsSet, val: setID}},
	},
}
