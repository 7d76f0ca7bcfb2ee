package bottle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/internal/filelock"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/internal/workspace"
	"github.com/bot-bottle/bottle/vm"
)

// pullLock is locked by who pulls.
const pullLock = "pull.lock"

// ErrPulling: another process takes work out of the bottle.
var ErrPulling = errors.New("another pull of this bottle is running: wait for its end")

// PullOptions are what a person may want of a pull.
type PullOptions struct {
	DryRun bool // only say what would be taken
	Force  bool // take files that the person changed as well
	// Accept are paths in the workspace that are taken although a program of the host
	// runs them by itself.
	Accept []string
	// Running says that the bottle runs: what is in folders of the host is not looked
	// at then, for it may change.
	Running bool
	// Backends are those whose machines have files of their own, which are brought
	// here first.
	Backends []vm.Backend
	// Progress, if set, gets a line of text now and then.
	Progress func(string)
}

// Pull takes the work of a bottle over into its workspace on the host, as
// workspace.Pull does; what is in the agent's home it only names. dir is the
// folder of the bottle's state. The bottle may run.
func Pull(ctx context.Context, r state.Bottle, dir string, opt PullOptions) (*workspace.Pulled, error) {
	unlock, err := lockFiles(ctx, keeperOf(r, opt.Backends), dir, opt.Progress)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := collect(ctx, r, dir, opt); err != nil {
		return nil, err
	}
	out, err := pullWorkspace(ctx, r, dir, opt)
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, homeDir)
	work, err := workspace.HomeWork(ctx, home)
	if err != nil {
		return nil, fmt.Errorf("look at the agent's home: %w", err)
	}
	leave(out, work, "copy what you want of it from "+home)
	return out, pullQuarantine(ctx, r, dir, opt, out)
}

// leave adds what is not taken.
func leave(out *workspace.Pulled, work workspace.Work, reason string) {
	for _, c := range work.Changes.Items {
		out.Left.Items = append(out.Left.Items, workspace.PullItem{Change: c, Reason: reason})
	}
	out.Left.Total += work.Changes.Total
}

func pullWorkspace(ctx context.Context, r state.Bottle, dir string, opt PullOptions) (*workspace.Pulled, error) {
	opts := workspace.PullOptions{
		Base: filepath.Join(dir, baseFile), Target: filepath.Join(dir, workspaceDir), Host: r.Workspace, ID: r.ID,
		Hold: []string{manifest.FileName}, DryRun: opt.DryRun, Force: opt.Force, Accept: opt.Accept, Getenv: os.Getenv,
	}
	if _, err := os.Lstat(opts.Base); errors.Is(err, fs.ErrNotExist) {
		return &workspace.Pulled{}, nil // a proxy alone, or nothing ran in it
	}
	if rel, err := filepath.Rel(r.Workspace, r.Manifest); r.Manifest != "" && err == nil && filepath.IsLocal(rel) {
		opts.Hold = append(opts.Hold, filepath.ToSlash(rel))
	}
	if _, err := os.Lstat(filepath.Join(dir, mountedFile)); err == nil {
		opts.Mounted = true
	}
	if opt.Progress != nil {
		opts.Progress = func(files int64) { opt.Progress(fmt.Sprintf("looking at the work: %d files and objects", files)) }
	}
	if _, err := os.Stat(r.Workspace); errors.Is(err, fs.ErrNotExist) {
		return pullNowhere(ctx, r, opts)
	}
	if !opt.DryRun {
		unlock, err := lockPull(dir)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	return workspace.Pull(ctx, opts)
}

// pullNowhere is about a bottle whose workspace is not there any more.
func pullNowhere(ctx context.Context, r state.Bottle, opts workspace.PullOptions) (*workspace.Pulled, error) {
	changed := workspace.Changed
	if opts.Mounted {
		changed = workspace.ChangedGit
	}
	work, err := changed(ctx, opts.Base, opts.Target)
	if err != nil {
		return nil, err
	}
	out := &workspace.Pulled{}
	leave(out, work, "there is no folder "+r.Workspace+" to take it to: the copy is in "+opts.Target)
	return out, nil
}

func lockPull(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, pullLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.TryLock(f); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrPulling
		}
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// OpenSides opens the workspace of a bottle on the host and what the agent made of it.
// dir is the folder of the bottle's state.
func OpenSides(r state.Bottle, dir string) (*workspace.Sides, error) {
	return workspace.OpenSides(r.Workspace, filepath.Join(dir, workspaceDir))
}
