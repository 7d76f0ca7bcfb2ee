// Package bottle runs bottles: it prepares one from a manifest without touching
// anything, launches it (state, certificate authority, workspace, proxy,
// machine), keeps its policy in step with the manifest, and serves a proxy
// alone for agents that live elsewhere.
//
// The order of a launch is the order of what can go wrong: whatever can be
// refused without a side effect is refused by Prepare. Launch undoes what it
// did when a later step fails.
package bottle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bot-bottle/bottle/internal/agent"
	"github.com/bot-bottle/bottle/internal/control"
	"github.com/bot-bottle/bottle/internal/paths"
	"github.com/bot-bottle/bottle/internal/state"
	"github.com/bot-bottle/bottle/proxy"
	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay"
)

// Bottle is a running one. Its methods may be called from any goroutine.
type Bottle struct {
	prepared *Prepared
	user     *user
	record   state.Bottle
	dir      string
	log      *slog.Logger

	journal  *recorder
	server   *proxy.Server
	control  *control.Server
	reload   *reloader
	operator *operator
	machine  vm.Machine
	relay    *relay.Relay // nil where nothing is captured
	listener net.Listener
	forward  *forwarder
	owner    owner
	git      gitGuard
	unlock   func()            // the files, which the launch has
	starting *state.Lock       // the place of the control socket until there is one
	gitFile  bool              // the workspace is mounted and its .git is a file
	plan     agent.Plan        // with the placeholders
	env      map[string]string // of every command
	stop     context.CancelFunc
	served   chan error
	captured chan error  // as served, for what the relay opens
	ending   atomic.Bool // somebody asked for the end
	started  atomic.Bool // a command
	closing  sync.Once
	closed   error // what Close returned
}

// owner is who the agent acts as on the host; -1 where it is this user.
type owner struct{ uid, gid int }

// The folders of a bottle below its state folder.
const (
	journalDir   = "journal"
	homeDir      = "home"
	workspaceDir = "workspace"
	guestDir     = "guest" // shown inside, read-only, at guestTarget
	baseFile     = "base"  // what the workspace was when it was copied
)

// guestTarget is where the guest folder is seen inside.
const guestTarget = "/run/bottle"

// proxyPort is where the proxy listens inside a bottle. Nothing else is there
// when a bottle starts, so it can be the port that people know.
const proxyPort = 3128

// shutdownTimeout bounds how long running requests may go on when a bottle
// ends. Nobody is there any more to read their answers.
const shutdownTimeout = time.Second

// ID returns the bottle's id.
func (b *Bottle) ID() string { return b.record.ID }

// Ports returns the ports of the host that lead into the bottle.
func (b *Bottle) Ports() []state.Port { return slices.Clone(b.record.Ports) }

// Dir returns the folder of its state.
func (b *Bottle) Dir() string { return b.dir }

// JournalDir returns the folder of its journal.
func (b *Bottle) JournalDir() string { return filepath.Join(b.dir, journalDir) }

// Command completes a command with the bottle's environment. A command that
// names no folder starts in the workspace, and so does one that names a folder
// below it which is not there inside, as one that git ignores.
func (b *Bottle) Command(c vm.Command) vm.Command {
	c.Env = layer(b.env, c.Env)
	if root := b.prepared.Manifest.Workspace; c.Dir == "" || paths.Below(c.Dir, root) && !b.hasFolder(c.Dir) {
		c.Dir = root
	}
	return c
}

// Start starts a command with the bottle's environment. It makes a Bottle what
// the control socket starts commands with.
func (b *Bottle) Start(ctx context.Context, c vm.Command) (vm.Process, error) {
	p, err := b.machine.Start(ctx, b.Command(c))
	if err == nil {
		b.started.Store(true)
	}
	return p, err
}

// Denied returns how many requests were denied so far.
func (b *Bottle) Denied() int64 { return b.journal.denied.Load() }

// Spent returns what the bottle has sent and used.
func (b *Bottle) Spent() proxy.Spent { return b.server.Spent(b.ID()) }

// Ending reports whether the bottle was told to end, over its control socket.
func (b *Bottle) Ending() bool { return b.ending.Load() }

// Kill ends what runs in the bottle. Close is still needed.
func (b *Bottle) Kill() error { return b.closeMachine() }

// Close ends the bottle: its machine, its proxy and its control socket. State
// and journal stay until they are removed. Closing twice is fine.
func (b *Bottle) Close() error {
	b.closing.Do(func() {
		b.record.Running, b.record.PID = false, 0
		// Before the control socket goes: who waits there finds a stopped bottle.
		b.closed = errors.Join(b.prepared.opt.Env.Save(b.record), b.end(), b.release())
	})
	return b.closed
}

// NoteEnd writes into the journal how the bottle's command ended. A journal that
// takes no more is no reason to fail: nothing goes out any more.
func (b *Bottle) NoteEnd(ctx context.Context, code int) {
	text := fmt.Sprintf("the bottle ends: its command ended with exit code %d", code)
	if b.Ending() {
		text = "the bottle ends: it was told to by bottle down"
	}
	_ = b.journal.Record(ctx, &proxy.Event{Time: time.Now(), Type: proxy.EventNote, Session: b.record.ID, Reason: text})
}

// Discard closes the bottle and removes what there is of it, if nothing ever ran
// in it; a bottle in which something did is closed only.
func (b *Bottle) Discard(ctx context.Context) error {
	err := b.Close()
	if b.started.Load() || b.prepared.again != nil {
		return err
	}
	if err := errors.Join(b.removeMachine(ctx), RemoveFiles(ctx, b.dir)); err != nil {
		return err
	}
	return errors.Join(err, b.prepared.opt.Env.Remove(b.record.ID))
}

// end ends everything but what others see the bottle by.
func (b *Bottle) end() error {
	var errs []error
	if b.stop != nil {
		b.stop()
	}
	if b.forward != nil {
		b.forward.Close()
	}
	if b.machine != nil {
		errs = append(errs, b.closeMachine())
		if b.relay != nil {
			b.relay.Close()
		}
		b.tellGit(context.Background()) // as far as its limits go
	}
	unmake(b.dir)
	if b.operator != nil {
		b.operator.desk.Close() // nothing waits for an answer any more
	}
	if b.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		// What runs into the timeout is cut off, which is meant.
		if err := b.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
		for _, served := range []chan error{b.served, b.captured} {
			if served == nil {
				continue
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				errs = append(errs, fmt.Errorf("proxy: %w", err))
			}
		}
	}
	if b.journal != nil {
		errs = append(errs, b.journal.Close())
	}
	return errors.Join(errs...)
}

// release comes last, for it lets those go who wait for the end.
func (b *Bottle) release() error {
	switch {
	case b.control != nil:
		return b.control.Close()
	case b.starting != nil:
		return b.starting.Unlock()
	}
	return nil
}
