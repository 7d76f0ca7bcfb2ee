package bottle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/secret"
	"github.com/bot-bottle/bottle/proxy"
)

// reloader keeps the policy of a running proxy in step with its manifest.
//
// A manifest that cannot be read keeps the old one in force. One that gives the
// agent more than the old one waits until a person agrees, by `bottle trust`;
// one that takes away applies at once. The agent may be able to write the file,
// so nothing that it says is believed before that.
type reloader struct {
	server  reloadable
	journal proxy.Recorder
	session string
	log     *slog.Logger
	trust   *manifest.Trust
	load    func() (*manifest.Manifest, error)
	user    *user
	current *manifest.Manifest
	agreed  *manifest.Manifest // the last one that a person agreed to
	said    [sha256.Size]byte  // the last note, so that it stands there once
}

// reloadable is a *proxy.Server.
type reloadable interface {
	Reload(context.Context, proxy.Config) error
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
	settled := time.NewTimer(settleTime)
	settled.Stop()
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

// reload applies what the manifest says now, or says why it does not.
func (r *reloader) reload(ctx context.Context) {
	m, err := r.load()
	if err != nil {
		r.note("the changed manifest is not valid, so the old one stays in force", err)
		return
	}
	if sameFiles(m, r.current) {
		return
	}
	// Nobody is asked about the person's own file, so a change to it is only
	// believed at a start: something may have written it in the meantime.
	own := sameFile(m.User, r.agreed.User)
	// Nor does it help that another project, or none, is trusted: one that is
	// gone leaves what is in a folder above, or nothing that holds the agent.
	here := samePath(m.Project, r.agreed.Project)
	trusted := own && here && r.trust.IsTrusted(m) == nil
	if !trusted {
		wider := manifest.Wider(r.current, m)
		if len(wider) > 0 && !own {
			r.note("your own manifest changed and the agent would get more, which waits for a restart: "+strings.Join(wider, "; "), nil)
			return
		}
		if len(wider) > 0 && !here {
			r.note("the project's manifest is gone and the agent would get more, which waits for a restart: "+strings.Join(wider, "; "), nil)
			return
		}
		if len(wider) > 0 {
			r.note("the changed manifest gives the agent more, so it waits for `bottle trust`: "+strings.Join(wider, "; "), nil)
			return
		}
		// It names no more than before, but what it names may be other than what
		// was agreed to: a script that prints a secret is run again below.
		if err := r.trust.IsTrusted(r.agreed); err != nil {
			r.note("the changed manifest waits for `bottle trust`, since what was agreed to has changed as well", err)
			return
		}
	}
	cfg, _, err := r.user.proxyConfig(ctx, m, secret.Options{})
	if err == nil {
		err = r.server.Reload(ctx, cfg)
	}
	if err != nil {
		r.note("the changed manifest cannot be applied, so the old one stays in force", err)
		return
	}
	r.current = m
	if trusted {
		r.agreed = m
	}
	r.note("the changed manifest is in force", nil)
}

func sameFiles(a, b *manifest.Manifest) bool {
	return sameFile(a.Project, b.Project) && sameFile(a.User, b.User)
}

func sameFile(a, b *manifest.File) bool { return a == b || a != nil && b != nil && *a == *b }

func samePath(a, b *manifest.File) bool { return a == b || a != nil && b != nil && a.Path == b.Path }

// note tells the journal and the operator, once for the same text in a row.
func (r *reloader) note(text string, cause error) {
	e := &proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: r.session, Reason: text}
	if cause != nil {
		e.Error = cause.Error()
	}
	sum := sha256.Sum256([]byte(text + "\x00" + e.Error))
	if sum == r.said {
		return
	}
	r.said = sum
	attrs := []any{}
	if e.Error != "" {
		attrs = append(attrs, "error", e.Error)
	}
	r.log.Warn(text, attrs...)
	// A journal that cannot be written denies requests; this is only a note.
	_ = r.journal.Record(context.Background(), e)
}

// watch keeps the bottle's policy in step with its manifest. What a running
// machine has cannot be changed: mounts and variables stay.
func (b *Bottle) watch(ctx context.Context) {
	p := b.prepared
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if p.opt.Reload == nil {
		return
	}
	r := &reloader{server: b.server, journal: b.journal, session: b.record.ID, log: b.log, trust: p.opt.Trust,
		load: p.opt.Reload, user: b.user, current: p.Manifest, agreed: p.Manifest}
	if err := r.run(ctx); err != nil {
		b.log.Warn("the manifest is not watched for changes", "error", err)
	}
}
