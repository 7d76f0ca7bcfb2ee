package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/filelock"
	"github.com/bot-bottle/bottle/internal/image"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/vm"
)

// awayFile marks the state of a bottle whose work is in its machine, and here only
// as it was when the machine started.
const awayFile = "away"

// imagesDir is the folder below the user's state folder for images of machines.
const imagesDir = "images"

// keeper is the backend, where its machines have file systems of their own; else
// nil.
func (p *Prepared) keeper() vm.Keeper {
	k, _ := p.opt.Backend.(vm.Keeper)
	return k
}

// forKeeper adds to a machine what it needs where its file system is its own: an
// image, and a place for its sockets. It may take long, and is not done before a
// person has said yes.
func (b *Bottle) forKeeper(ctx context.Context, spec *vm.Spec) error {
	p := b.prepared
	if p.keeper() == nil {
		return nil
	}
	stateDir, err := p.opt.Env.MakeStateDir()
	if err != nil {
		return err
	}
	spec.Progress, spec.Capture = p.opt.Progress, b.captureSpec()
	if spec.Image, err = image.Resolve(ctx, p.Manifest.Image, image.Options{Dir: filepath.Join(stateDir, imagesDir), Progress: p.opt.Progress}); err != nil {
		return fmt.Errorf("the image of the machine: %w", err)
	}
	if spec.Dir, err = p.opt.Env.MakeRuntimeDir(b.record.ID); err != nil {
		return err
	}
	if spec.CA, err = os.ReadFile(filepath.Join(b.dir, guestDir, caName)); err != nil {
		return err
	}
	return b.holdFiles(ctx)
}

// filesLock is locked by who brings the work of a machine here, reads what came, or
// puts it into the machine: it is replaced as a whole, under whoever reads it, and one
// who reads a folder that goes away sees files that the agent deleted.
const filesLock = "files.lock"

// lockPause is how long apart it is tried.
const lockPause = 200 * time.Millisecond

// lockFiles waits for the files of a bottle, where its machine has others.
func lockFiles(ctx context.Context, k vm.Keeper, dir string, say func(string)) (unlock func(), err error) {
	if k == nil {
		return func() {}, nil
	}
	f, err := os.OpenFile(filepath.Join(dir, filesLock), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // the bottle is gone, and so are its files
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	for said := false; ; said = true {
		err := filelock.TryLock(f)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			if !said && say != nil {
				say("waiting for another command that has the files of this bottle")
			}
			select {
			case <-time.After(lockPause):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return nil, errors.Join(err, f.Close())
	}
}

// holdFiles locks the files of this bottle, unless it has, until freeFiles.
func (b *Bottle) holdFiles(ctx context.Context) (err error) {
	if b.unlock == nil {
		b.unlock, err = lockFiles(ctx, b.prepared.keeper(), b.dir, b.prepared.opt.Progress)
	}
	return err
}

func (b *Bottle) freeFiles() {
	if b.unlock != nil {
		b.unlock()
		b.unlock = nil
	}
}

// goesAway notes that the work is in the machine from now on. Until it is ready
// nothing of the agent's runs there, and what is here is whole: what a launch that was
// killed put into the machine need not be.
func (b *Bottle) goesAway() error {
	if b.prepared.keeper() == nil {
		return nil
	}
	return os.WriteFile(filepath.Join(b.dir, awayFile), nil, 0o600)
}

// closeMachine ends the machine. After a good end what is in it is here too.
func (b *Bottle) closeMachine() error {
	unlock, err := lockFiles(context.Background(), b.prepared.keeper(), b.dir, b.prepared.opt.Progress)
	if err != nil {
		return errors.Join(err, b.machine.Close())
	}
	defer unlock()
	if err := b.machine.Close(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.dir, awayFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeMachine removes what outlives Close.
func (b *Bottle) removeMachine(ctx context.Context) error {
	if k := b.prepared.keeper(); k != nil {
		return k.Remove(context.WithoutCancel(ctx), b.record.ID)
	}
	return nil
}

// keeperOf returns the backend that holds a bottle's machine, nil for none.
func keeperOf(r state.Bottle, backends []vm.Backend) vm.Keeper {
	for _, b := range backends {
		if k, ok := b.(vm.Keeper); ok && b.Name() == r.Backend {
			return k
		}
	}
	return nil
}

// RemoveMachine removes the machine of a bottle that has ended, where there is one
// that outlives it.
func RemoveMachine(ctx context.Context, r state.Bottle, backends []vm.Backend) error {
	if k := keeperOf(r, backends); k != nil {
		return k.Remove(ctx, r.ID)
	}
	return nil
}

// collect brings the work of a bottle here that is in its machine: it runs, or its
// process was killed. The caller has the lock of its files.
func collect(ctx context.Context, r state.Bottle, dir string, opt PullOptions) error {
	away := filepath.Join(dir, awayFile)
	if _, err := os.Lstat(away); err != nil {
		return nil
	}
	k := keeperOf(r, opt.Backends)
	if k == nil {
		return fmt.Errorf("the work of %s is in a machine of %s, which cannot be used here", r.ID, r.Backend)
	}
	if opt.Progress != nil {
		opt.Progress("bringing the work out of the machine")
	}
	mounts := []vm.Mount{{Source: filepath.Join(dir, homeDir), Target: home}}
	if _, err := os.Lstat(filepath.Join(dir, mountedFile)); err != nil {
		mounts = append(mounts, vm.Mount{Source: filepath.Join(dir, workspaceDir), Target: r.Workspace})
	}
	err := k.Collect(ctx, r.ID, mounts)
	if errors.Is(err, fs.ErrNotExist) { // it never was, or is gone: there is nothing but what is here
		return os.Remove(away)
	}
	return err
}
