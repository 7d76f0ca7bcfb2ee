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

	exitIO   = 2
	exitHalt = 5
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

// tiny is what the machine runs, in real mode:
//
//	out  0x80, al
//	mov  ecx, 1000000
//	dec  ecx
//	jnz  the dec
//	hlt
var tiny = []byte{0xe6, 0x80, 0x66, 0xb9, 0x40, 0x42, 0x0f, 0x00, 0x66, 0x49, 0x75, 0xfc, 0xf4}

// How long its loop may take of the processor, which has a millisecond's work; where
// each instruction is interpreted it is seconds. And how often, and how many times, it is
// looked: the host may be busy.
const (
	tinyLimit = 100 * time.Millisecond
	tinyPause = 20 * time.Millisecond
	tinyLooks = 500
)

// runOn has the processor run tiny to its end.
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
	}{guest: tinyAddress, size: tinySize, memory: uint64(uintptr(unsafe.Pointer(&memory[0])))}
	_, err = ioctl(machine, kvmSetTSS, tssAddress)
	if err == nil {
		_, err = ioctl(machine, kvmSetMemory, uintptr(unsafe.Pointer(&region)))
	}
	if err != nil {
		return fmt.Errorf("/dev/kvm takes no memory for a machine: %w", err)
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
	for _, want := range []uint32{exitIO, exitHalt} {
		if err := runTo(want, processor, shared); err != nil {
			return err
		}
	}
	return nil
}

// runTo runs the processor to its next exit, which is to be that one (struct kvm_run,
// exit_reason).
func runTo(want uint32, processor int, shared []byte) error {
	began := ownTime()
	for range tinyLooks {
		_, err := ioctl(processor, kvmRun, 0)
		switch got := binary.NativeEndian.Uint32(shared[8:]); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("/dev/kvm runs no machine: %w", err)
		case got != want:
			return fmt.Errorf("/dev/kvm runs no machine: it ended with exit %d, where %d was expected", got, want)
		default:
			return nil
		}
		if ownTime()-began > tinyLimit {
			return ErrSlowKVM
		}
	}
	return errors.New("/dev/kvm runs no machine: it does not come to its end")
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
