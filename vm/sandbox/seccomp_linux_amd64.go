package sandbox

import "golang.org/x/sys/unix"

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
	},
}
