package smolvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// More of linux/kvm.h, as x86-64 has it.
const (
	kvmSetTSS    = 0xae47
	kvmSetMemory = 0x4020ae46

	exitIO = 2
)

// tinyMemory is the last page below 4 GiB, in which a processor begins: 16 bytes
// before its end.
const (
	tinyAddress = 1<<32 - tinySize
	tinySize    = 4096
	tinyStart   = tinySize - 16
	// tssAddress is where older processors of Intel keep what they need to imitate
	// real mode: somewhere that nothing else is.
	tssAddress = 0xfffbd000
)

// tiny is what the machine runs, in real mode, round and round:
//
//	out  0x80, al
//	mov  ecx, 50000
//	dec  ecx
//	jnz  the dec
//	jmp  the out
var tiny = []byte{0xe6, 0x80, 0x66, 0xb9, 0x50, 0xc3, 0x00, 0x00, 0x66, 0x49, 0x75, 0xfc, 0xeb, 0xf2}

// How long the fastest of so many rounds may take of the processor, which has work for a
// twentieth of a millisecond; where each instruction is interpreted it is a sixth of a
// second. And how often, and how many times, it is looked: the host may be busy.
const (
	tinyLimit = 20 * time.Millisecond
	tinyTries = 4
	tinyPause = 20 * time.Millisecond
	tinyLooks = 500
)

// runOn has the processor run tiny until a round is as fast as it should be.
func runOn(kvm, machine, processor int) error {
	memory, err := unix.Mmap(-1, 0, tinySize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(memory) }()
	copy(memory[tinyStart:], tiny)
	region := struct { // struct kvm_userspace_memory_region
		slot, flags         uint32
		guest, size, memory uint64
	}{guest: tinyAddress, size: tinySize, memory: uint64(uintptr(unsafe.Pointer(&memory[0])))} //nolint:gosec // how KVM is told of memory, which is none of Go's
	if _, err := ioctl(machine, kvmSetTSS, tssAddress); err != nil {
		return fmt.Errorf("/dev/kvm makes no machine of this processor: %w", err)
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(machine), kvmSetMemory, uintptr(unsafe.Pointer(&region))) //nolint:gosec // how a system call takes a struct
	if errno != 0 {
		return fmt.Errorf("/dev/kvm takes no memory for a machine: %w", errno)
	}
	size, err := ioctl(kvm, kvmGetRunSize, 0)
	if err != nil {
		return err
	}
	shared, err := unix.Mmap(processor, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(shared) }()
	// A processor is its thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer kick(unix.Gettid())()
	for n := range 1 + tinyTries {
		took, err := round(processor, shared)
		if err != nil {
			return err
		}
		if n > 0 && took < tinyLimit { // the first is but the way to its beginning
			return nil
		}
	}
	return ErrSlowKVM
}

// round runs the processor to its next exit (struct kvm_run, exit_reason), and returns
// what that took of this one.
func round(processor int, shared []byte) (time.Duration, error) {
	began := ownTime()
	for range tinyLooks {
		_, err := ioctl(processor, kvmRun, 0)
		switch reason := binary.NativeEndian.Uint32(shared[8:]); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("/dev/kvm runs no machine: %w", err)
		case reason != exitIO:
			return 0, fmt.Errorf("/dev/kvm runs no machine: it ended with exit %d, where %d was expected", reason, exitIO)
		default:
			return ownTime() - began, nil
		}
	}
	return 0, errors.New("/dev/kvm runs no machine: it comes to no end")
}

// kick interrupts a thread again and again: a machine that runs can be looked after by
// nothing else. The signal is the one by which Go's runtime does so.
func kick(thread int) (stop func()) {
	ticker, done := time.NewTicker(tinyPause), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				_ = unix.Tgkill(os.Getpid(), thread, unix.SIGURG)
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		<-ended
	}
}

// ownTime is what this thread has had of the processor.
func ownTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
