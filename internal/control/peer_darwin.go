package control

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf returns the user and process at the other end, as they were when it
// connected or began to listen.
func peerOf(c *net.UnixConn) (p peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	if e := raw.Control(func(fd uintptr) {
		var x *unix.Xucred
		if x, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err != nil {
			return
		}
		p.uid = int(x.Uid)
		// For texts alone, so that it may fail.
		p.pid, _ = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	}); e != nil {
		return peer{}, e
	}
	return p, err
}
