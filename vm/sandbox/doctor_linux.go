package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bot-bottle/bottle/vm"
)

// Doctor looks at what a sandbox needs, and makes one.
func (b *Backend) Doctor(ctx context.Context) []vm.Check {
	v := kernelVersion()
	checks := []vm.Check{{
		Name: "kernel", OK: v.atLeast(needKernel), Detail: "Linux " + v.String(),
		Fix: "run Linux " + needKernel.String() + " or newer",
	}}
	checks = append(checks, checkSettings("/", os.Geteuid()))
	checks = append(checks, b.checkRun(ctx), checkLandlock(landlockVersion()))
	return append(checks, checkGroups("/"))
}

// checkSettings looks at the settings that forbid user namespaces. A profile
// for this binary makes up for AppArmor's, which the next check shows.
func checkSettings(root string, uid int) vm.Check {
	c := vm.Check{Name: "user namespaces", OK: true, Detail: "allowed"}
	if r := restriction(root, uid); r != nil {
		c.Detail, c.Fix = r.Setting, r.Fix
		c.OK = r.Fix == fixCommand && profileExists(root)
	}
	return c
}

// checkRun makes a sandbox and runs a program in it.
func (b *Backend) checkRun(ctx context.Context) vm.Check {
	c := vm.Check{Name: "sandbox"}
	err := b.tryRun(ctx)
	if err == nil {
		c.OK, c.Detail = true, "one was made, ran a program and ended"
		return c
	}
	c.Detail, c.Fix = err.Error(), "see the error"
	if r := (*RestrictedError)(nil); errors.As(err, &r) {
		c.Detail, c.Fix = r.Err.Error()+": forbidden by "+r.Setting, r.Fix
	}
	return c
}

func (b *Backend) tryRun(ctx context.Context) error {
	m, err := b.Create(ctx, vm.Spec{ID: "doctor"})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	var out bytes.Buffer
	p, err := m.Start(ctx, vm.Command{Args: []string{vm.DefaultShell, "-c", "echo works"}, Stdout: &out})
	if err != nil {
		return err
	}
	code, err := p.Wait()
	if err != nil {
		return err
	}
	if code != 0 || out.String() != "works\n" {
		return fmt.Errorf("a shell in it ended with code %d and said %q", code, out.String())
	}
	return nil
}

func checkLandlock(version int) vm.Check {
	c := vm.Check{Name: "landlock", OK: true, Detail: fmt.Sprintf("version %d", version)}
	if version == 0 {
		c.Detail = "not there: one fence of several is missing"
		c.Fix = "add landlock to the kernel's lsm= setting"
	}
	return c
}

// checkGroups tells whether limits hold for whole machines. They are no need.
func checkGroups(root string) vm.Check {
	c := vm.Check{Name: "resources", OK: true}
	dir, why := delegated(root, groupSettings(vm.Resources{Memory: 1, CPUs: 1, PIDs: 1}))
	if dir == "" {
		c.Detail = "limits for each process, none for CPUs: " + why
		return c
	}
	c.Detail = "limits for whole machines, by control groups in " + dir
	return c
}
