package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// archDenials are the rows that only this architecture has.
var archDenials []denial
