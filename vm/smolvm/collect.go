package smolvm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay/guest"
)

// Collect brings back what a machine has whose maker is not there, or runs in
// another process. A machine that is stopped is started for it and stopped again.
func (b *Backend) Collect(ctx context.Context, id string, mounts []vm.Mount) (err error) {
	p := &plan{spec: vm.Spec{ID: id}, name: nameOf(id), copies: mounts}
	defer b.lock(p.name)()
	s, err := b.get(ctx, id)
	if err != nil {
		return err
	}
	if s == nil {
		return fmt.Errorf("machine %s: %w", p.name, fs.ErrNotExist)
	}
	if n, err := strconv.ParseInt(s.Labels[diskLabel], 10, 32); err == nil {
		p.spec.Resources.Disk = n << 30
	}
	if s.State == unready {
		return fmt.Errorf("machine %s never started: %w", p.name, fs.ErrNotExist)
	}
	if !s.up() {
		if err := b.tryStart(ctx, p); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.stop(ctx, p.name)) }()
	}
	if err := b.isContained(ctx, p); err != nil {
		return err
	}
	if r, err := b.inside(ctx, p.name, "test -x "+guestProgram); err != nil || r.code != 0 {
		return errors.Join(err, fmt.Errorf("machine %s was never made ready: %w", p.name, fs.ErrNotExist))
	}
	m := &machine{b: b, plan: p, user: guest.User{UID: os.Getuid()}}
	return m.collect(ctx)
}

// unready is the state of a machine that has not started yet.
const unready = "created"
