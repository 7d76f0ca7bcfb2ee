package smolvm

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"

	"github.com/bot-bottle/bottle/vm"
)

// Doctor looks at smolvm and at the hypervisor. It makes no machine.
func (b *Backend) Doctor(ctx context.Context) []vm.Check {
	installed := vm.Check{Name: "smolvm"}
	bin, err := b.find(ctx)
	if installed.OK = err == nil; installed.OK {
		installed.Detail = bin.path + ", version " + bin.version
	} else {
		installed.Detail, installed.Fix = err.Error(), installHint
	}
	checks := []vm.Check{installed, hypervisor()}
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

// hypervisor says whether this user may make virtual machines.
func hypervisor() vm.Check {
	c := vm.Check{Name: "hypervisor", OK: true, Detail: "that of macOS"}
	if runtime.GOOS != "linux" {
		return c
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = f.Close()
		c.Detail = "/dev/kvm can be used"
	case errors.Is(err, fs.ErrPermission):
		c.OK, c.Detail, c.Fix = false, err.Error(), kvmForbidden.advice
	default:
		c.OK, c.Detail, c.Fix = false, err.Error(), noKVM.advice
	}
	return c
}

// Usable says why machines cannot be made here; nil when they can, as far as can be
// told without making one.
func (b *Backend) Usable(ctx context.Context) error {
	if _, err := b.find(ctx); err != nil {
		return err
	}
	if c := hypervisor(); !c.OK {
		return errors.New(c.Detail)
	}
	return nil
}
