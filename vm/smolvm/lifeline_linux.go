package smolvm

import "syscall"

// endWithThis has the kernel send a signal to a call whose caller was killed: what it
// did on would come in the way of who cleans up.
func endWithThis(attr syscall.SysProcAttr, sig syscall.Signal) *syscall.SysProcAttr {
	attr.Pdeathsig = sig
	return &attr
}
