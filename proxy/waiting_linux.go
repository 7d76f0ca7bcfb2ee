package proxy

import "golang.org/x/sys/unix"

// inQueue asks for the bytes that can be read of a socket (tcp(7)).
const inQueue = unix.SIOCINQ
