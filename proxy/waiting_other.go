//go:build unix && !linux

package proxy

// inQueue asks for the bytes that can be read of a socket: FIONREAD of sys/filio.h.
const inQueue = 0x4004667f
