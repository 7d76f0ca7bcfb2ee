package smolvm

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"strings"

	"github.com/bot-bottle/bottle/vm"
)

// Doctor looks at smolvm and at the hypervisor. It makes no machine.
func (b *Backend) Doctor(ctx context.Context) []vm.Check {
	installed := vm.Check{Name: "smolvm"}
	bin, err := b.find(ctx)
	if installed.OK = err == nil; installed.OK {
		installed.Detail = bin.path + ", version " + bin.version
	} else {
		installed.Detail, installed.Fix = strings.TrimSuffix(err.Error(), ": "+installHint), installHint
	}
	checks := []vm.Check{installed, b.hypervisor()}
	if installed.OK {
		c := vm.Check{Name: "virtual machines", OK: true, Detail: "none was left behind"}
		ids, err := b.Machines(ctx)
		switch {
		case err != nil:
			c.OK, c.Detail, c.Fix = false, err.Error(), "look at what \"smolvm machine ls\" says"
		case len(ids) > 0:
			c.Detail = "machines of bottles, running and stopped: " + joinIDs(ids)
		}
		checks = append(checks, c)
	}
	return checks
}

func joinIDs(ids []string) (text string) {
	for i, id := range ids {
		if i > 0 {
			text += ", "
		}
		text += id
	}
	return text
}

// ErrSlowKVM says that the processor's virtualization is imitated by a program. A
// machine's kernel needs hours to start on it.
var ErrSlowKVM = errors.New("/dev/kvm interprets what a machine's kernel does, instruction by instruction")

// hypervisor says whether this user can have virtual machines, by having one run.
func (b *Backend) hypervisor() vm.Check {
	if runtime.GOOS != "linux" {
		return vm.Check{Name: "hypervisor", OK: true, Detail: "that of macOS"}
	}
	return hypervisorOf(b.opt.Hypervisor(), asRoot())
}

// hypervisorOf says what came of the try.
func hypervisorOf(err error, root bool) vm.Check {
	c := vm.Check{Name: "hypervisor", OK: err == nil, Detail: "/dev/kvm runs machines"}
	if err != nil {
		c.Detail, c.Fix = err.Error(), noKVM.advice
	}
	switch {
	case errors.Is(err, fs.ErrPermission) && root:
		c.Fix = "Even root may not open /dev/kvm here: this is a container without the device, or a rule of the kernel's forbids it. Give the container the device (docker run --device /dev/kvm), or use --backend sandbox, which needs none."
	case errors.Is(err, fs.ErrPermission):
		c.Fix = kvmForbidden.advice
	case errors.Is(err, ErrSlowKVM):
		c.Fix = "This host is itself a virtual machine to which its own host gives an imitation (as kvm_pvm) of nested virtualization: switch the real one on there, or use --backend sandbox, which needs none."
	}
	return c
}

// Installed says why there is no smolvm here that can be used; nil when there is.
func (b *Backend) Installed(ctx context.Context) error {
	_, err := b.find(ctx)
	return err
}

// Usable says why machines cannot be made here; nil when they can, as far as can be
// told without making one.
func (b *Backend) Usable(ctx context.Context) error {
	if err := b.Installed(ctx); err != nil {
		return err
	}
	if c := b.hypervisor(); !c.OK {
		return errors.New(c.Detail)
	}
	return nil
}
