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
		var u *unix.Ucred
		if u, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = peer{uid: int(u.Uid), pid: int(u.Pid)}
		}
	}); e != nil {
		return peer{}, e
	}
	return p, err
}
