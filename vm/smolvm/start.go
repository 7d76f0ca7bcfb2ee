package smolvm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/vm"
)

// How often steps are tried, and how long apart.
const (
	lockTries  = 15
	lockPause  = 2 * time.Second
	startTries = 2
	readyTries = 40
	readyPause = 500 * time.Millisecond
	stepTries  = 5
)

// boot starts the machine until it is ready for commands: a start that is too slow
// is done again, and then, when the machine is new, with less memory.
func (b *Backend) boot(ctx context.Context, p *plan, isNew bool) error {
	memory := p.memory()
	for {
		err := b.tryStart(ctx, p)
		if !is(err, slowStart) || !isNew || memory <= leastMemory {
			return err
		}
		if memory = max(leastMemory, memory/2); ctx.Err() != nil {
			return ctx.Err()
		}
		p.progress("the virtual machine starts too slowly; trying with %d MiB of memory", memory)
		if err := errors.Join(b.remove(ctx, p.spec.ID), b.create(ctx, p, memory)); err != nil {
			return err
		}
	}
}

// tryStart starts the machine, twice when the first time failed in a way that may
// pass. In between it is stopped, which ends what is left of the first.
func (b *Backend) tryStart(ctx context.Context, p *plan) error {
	var err error
	for n := range startTries {
		if n > 0 {
			p.progress("starting the virtual machine again")
			if err := b.stop(ctx, p.name); err != nil {
				return err
			}
		}
		if err = b.startOnce(ctx, p); err == nil || ctx.Err() != nil {
			return err
		}
		if !is(err, slowStart) && !is(err, startDied) {
			break
		}
		if c := b.hypervisor(); !c.OK { // then no start comes to anything
			return fmt.Errorf("start the machine: %s\n%s", c.Detail, c.Fix)
		}
	}
	if is(err, startDied) || is(err, slowStart) {
		err = fmt.Errorf("%w%s", err, b.console(ctx, p.name))
	}
	return err
}

func (b *Backend) startOnce(ctx context.Context, p *plan) error {
	p.progress("starting the virtual machine")
	for n := 1; ; n++ {
		_, err := b.must(ctx, call{args: []string{"machine", "start", "--name", p.name}, timeout: startTimeout, soft: true})
		if is(err, startLocked) && n < lockTries {
			if err := b.opt.Sleep(ctx, lockPause); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("start the machine: %w", err)
		}
		return b.isUp(ctx, p)
	}
}

// isUp looks at what a start achieved.
func (b *Backend) isUp(ctx context.Context, p *plan) error {
	s, err := b.get(ctx, p.spec.ID)
	switch {
	case err != nil:
		return err
	case s == nil:
		return errors.New("start the machine: it is gone")
	case !s.up():
		return fmt.Errorf("start the machine: smolvm says that it did, and lists it as %s", s.State)
	}
	return p.openTo(s.PID)
}

// ready waits until commands run in the container of the workload, and looks at
// what the machine has.
func (b *Backend) ready(ctx context.Context, p *plan) error {
	p.progress("waiting for the virtual machine")
	if err := b.isContained(ctx, p); err != nil {
		return err
	}
	for _, name := range p.services() {
		if r, err := b.inside(ctx, p.name, "test -S "+guestSocket(name)); err != nil {
			return err
		} else if r.code != 0 {
			return fmt.Errorf("the socket %s did not come into the machine; what smolvm's agent says of it is in its console%s", guestSocket(name), b.console(ctx, p.name))
		}
	}
	return nil
}

// isContained follows every start: commands run in the machine, and it has no
// network. One that has is ended.
func (b *Backend) isContained(ctx context.Context, p *plan) error {
	if err := b.answers(ctx, p); err != nil {
		return err
	}
	err := b.hasNoNetwork(ctx, p)
	if err != nil {
		err = errors.Join(err, b.stop(ctx, p.name))
	}
	return err
}

// inside runs a line of shell inside, to its end. It may be done several times.
func (b *Backend) inside(ctx context.Context, name, script string) (result, error) {
	return b.again(ctx, stepTries, call{args: shell(name, script), timeout: quickTimeout})
}

// shell are the arguments of a call that runs a line of shell as the machine's root. The
// folders that programs are looked for in are not the image's: one that the agent may
// write to can be among those, and the programs there are the agent's by now.
func shell(name, script string) []string {
	return []string{"machine", "exec", "--name", name, "-e", "PATH=" + vm.DefaultPath, "--", "sh", "-c", script}
}

// again makes a call that may be made several times until it comes through.
func (b *Backend) again(ctx context.Context, tries int, c call) (result, error) {
	for n := 1; ; n++ {
		r, err := b.run(ctx, c)
		if err != nil {
			return r, err
		}
		if own(r) && faultOf(errorText(r.stderr)) == goneMachine || n >= tries && passing(r) {
			return r, newCLIError(c.args, r)
		}
		if !passing(r) {
			return r, nil
		}
		if err := b.opt.Sleep(ctx, readyPause); err != nil {
			return r, err
		}
	}
}

// answers waits for a command to run, and to run in the right place: without its
// database smolvm 1.9 runs commands in the machine around the container.
func (b *Backend) answers(ctx context.Context, p *plan) error {
	nonce := rand.Text()
	script := "echo " + nonce + "; cat /proc/sys/kernel/hostname"
	var last error
	for range readyTries {
		r, err := b.run(ctx, call{args: shell(p.name, script), timeout: quickTimeout})
		switch {
		case err != nil:
			last = err
		case r.stdout == nonce+"\n"+p.name+"\n" && r.code == 0:
			return nil
		case strings.HasPrefix(r.stdout, nonce+"\n") && r.code == 0:
			last = fmt.Errorf("commands run outside of its container (host name %q)", strings.TrimSpace(strings.TrimPrefix(r.stdout, nonce)))
		case own(r) && faultOf(errorText(r.stderr)) == goneMachine:
			return newCLIError([]string{"machine", "exec"}, r)
		case passing(r):
			last = newCLIError([]string{"machine", "exec"}, r)
		default:
			return fmt.Errorf("the image has no shell (sh) that runs in it: code %d, %w", r.code, newCLIError([]string{"machine", "exec"}, r))
		}
		if err := b.opt.Sleep(ctx, readyPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("the machine started, and no command runs in it: %w%s", last, b.console(ctx, p.name))
}

// interfaces lists what there is of a network: for each interface its name, whether
// a device is behind it, and its flags. Kernels bring interfaces that lead nowhere
// and are down (dummy0).
const interfaces = `for i in /sys/class/net/*; do [ -e "$i/flags" ] || continue; d=none; [ -e "$i/device" ] && d=device; read f <"$i/flags"; echo "${i##*/} $d $f"; done`

// NetworkError says that a machine has an interface that it must not have.
type NetworkError struct{ Interfaces []string }

func (e *NetworkError) Error() string {
	return "the machine has a network interface (" + strings.Join(e.Interfaces, ", ") + "), so it was ended: this version of smolvm gives one that nobody asked for; use --backend sandbox"
}

func (b *Backend) hasNoNetwork(ctx context.Context, p *plan) error {
	r, err := b.inside(ctx, p.name, interfaces)
	if err != nil {
		return err
	}
	lo, bad := false, []string{}
	for line := range strings.Lines(r.stdout) {
		f := strings.Fields(line)
		switch {
		case len(f) != 3:
			return fmt.Errorf("whether the machine has a network cannot be told: %q", line)
		case f[0] == "lo":
			lo = true
		case f[1] == "device" || !isDown(f[2]):
			bad = append(bad, f[0])
		}
	}
	if len(bad) > 0 {
		return &NetworkError{bad}
	}
	if !lo || r.code != 0 {
		return fmt.Errorf("whether the machine has a network cannot be told: code %d, %q", r.code, r.stdout)
	}
	return nil
}

// isDown reports whether the flags of an interface (IFF_UP is 1) say that it is.
func isDown(flags string) bool {
	var n int
	if _, err := fmt.Sscanf(flags, "0x%x", &n); err != nil {
		return false
	}
	return n&1 == 0
}
