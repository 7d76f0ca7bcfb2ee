//go:build amd64 || arm64

package smolvm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The numbers of the kernel's interface that every processor has (linux/kvm.h).
const (
	kvmGetAPIVersion = 0xae00
	kvmCreateVM      = 0xae01
	kvmGetRunSize    = 0xae04
	kvmCreateVCPU    = 0xae41
	kvmRun           = 0xae80

	kvmAPIVersion = 12 // the only one since 2007
)

// tryKVM makes a machine and has it run a few instructions, in some milliseconds: that
// the device can be opened says little.
func tryKVM() error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	kvm := int(f.Fd())
	if version, err := ioctl(kvm, kvmGetAPIVersion, 0); err != nil || version != kvmAPIVersion {
		return fmt.Errorf("/dev/kvm has version %d of its interface, where %d is known: %w", version, kvmAPIVersion, errors.Join(err, errors.ErrUnsupported))
	}
	machine, err := ioctl(kvm, kvmCreateVM, 0)
	if err != nil {
		return fmt.Errorf("/dev/kvm makes no machine: %w", err)
	}
	defer func() { _ = unix.Close(machine) }()
	processor, err := ioctl(machine, kvmCreateVCPU, 0)
	if err != nil {
		return fmt.Errorf("/dev/kvm makes no processor: %w", err)
	}
	defer func() { _ = unix.Close(processor) }()
	return runOn(kvm, machine, processor)
}

func ioctl(fd int, request, arg uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
