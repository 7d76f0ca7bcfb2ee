package smolvm

import "syscall"

// linuxSignals are the numbers of signals where hosts have others: a machine is
// always Linux (signal(7)).
var linuxSignals = map[syscall.Signal]int{
	syscall.SIGBUS: 7, syscall.SIGUSR1: 10, syscall.SIGUSR2: 12, syscall.SIGCHLD: 17, syscall.SIGCONT: 18, syscall.SIGSTOP: 19,
	syscall.SIGTSTP: 20, syscall.SIGURG: 23, syscall.SIGIO: 29, syscall.SIGSYS: 31,
}

func guestSignal(sig syscall.Signal) int {
	if n, ok := linuxSignals[sig]; ok {
		return n
	}
	return int(sig)
}
