package bottle

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bot-bottle/bottle/internal/manifest"
)

// watch keeps the bottle's policy in step with its manifest. What a running
// machine has cannot be changed: mounts and variables stay.
func (b *Bottle) watch(ctx context.Context) {
	p := b.prepared
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if p.opt.Reload == nil {
		return
	}
	if err := b.reload.run(ctx); err != nil {
		b.log.Warn("the manifest is not watched for changes", "error", err)
	}
}

// settleTime is how long a file must stay as it is before it is read: editors
// write in several steps.
const settleTime = 200 * time.Millisecond

// run watches the manifest's folders until ctx ends. The state folder is watched
// as well, for the yes to a manifest that waits.
func (r *reloader) run(ctx context.Context) error {
	trustDir := r.user.stateDir
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	files := []string{}
	for _, f := range []*manifest.File{r.current.Project, r.current.User} {
		if f != nil {
			files = append(files, f.Path)
		}
	}
	// Folders, because editors replace the file.
	dirs := []string{trustDir}
	for _, f := range files {
		dirs = append(dirs, filepath.Dir(f))
	}
	slices.Sort(dirs)
	for _, d := range slices.Compact(dirs) {
		if err := w.Add(d); err != nil {
			return errors.Join(fmt.Errorf("watch %s: %w", d, err), w.Close())
		}
	}
	go r.watch(ctx, w, func(name string) bool {
		return slices.Contains(files, name) || filepath.Dir(name) == trustDir && strings.Contains(filepath.Base(name), "trust")
	})
	return nil
}

func (r *reloader) watch(ctx context.Context, w *fsnotify.Watcher, concerns func(string) bool) {
	defer func() { _ = w.Close() }()
	// Once in any case: the file may have changed since it was loaded.
	settled := time.NewTimer(settleTime)
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if concerns(e.Name) {
				settled.Reset(settleTime)
			}
		case err, ok := <-w.Errors:
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) { // some went by unseen
				settled.Reset(settleTime)
				continue
			}
			r.note("changes of the manifest may go unseen", err)
		case <-settled.C:
			r.reload(ctx)
		}
	}
}
