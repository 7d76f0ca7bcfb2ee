package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bot-bottle/bottle/internal/state"
)

// Status is what a bottle does.
type Status string

// The states of a bottle.
const (
	Running Status = "running"
	Busy    Status = "busy"    // its process starts or ends
	Silent  Status = "silent"  // its process is there and gives no usable answer: see Problem
	Stopped Status = "stopped" // its process ended in order
	Dead    Status = "dead"    // its process was killed
)

// Alive says whether the bottle has a process.
func (s Status) Alive() bool { return s == Running || s == Busy || s == Silent }

// Bottle is a bottle that is known here, whether it runs or not.
type Bottle struct {
	state.Bottle
	Status Status `json:"status"`
	// Info is what a Running bottle says of itself, else nil.
	Info *Info `json:"info,omitempty"`
	// Problem says why a bottle is Silent, Busy or Dead.
	Problem error `json:"-"`
}

const (
	askTime = 2 * time.Second // for one bottle to answer
	askers  = 8               // bottles asked at a time
)

// All returns the bottles of this user, oldest first: those that have a record
// in the state folder and those that have a socket alone. Each with a socket is
// asked. The error joins what could not be read; the bottles are returned all
// the same.
func All(ctx context.Context, env state.Env) ([]Bottle, error) {
	records, err := env.List()
	errs := []error{err}
	known := map[string]bool{}
	list := make([]Bottle, 0, len(records))
	for _, r := range records {
		known[r.ID] = true
		list = append(list, Bottle{Bottle: r})
	}
	ids, err := withSocket(env)
	errs = append(errs, err)
	for _, id := range ids {
		if !known[id] {
			list = append(list, Bottle{Bottle: state.Bottle{ID: id, Name: id, Running: true}})
		}
	}
	var asking sync.WaitGroup
	slots := make(chan struct{}, askers)
	for i := range list {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			list[i].ask(ctx, env)
		})
	}
	asking.Wait()
	oldestFirst(list)
	return list, errors.Join(errs...)
}

// withSocket returns the ids that have a control socket in the runtime folder.
func withSocket(env state.Env) ([]string, error) {
	root, err := env.RuntimeRoot()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list running bottles: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if state.CheckID(e.Name()) != nil {
			continue
		}
		if _, err := os.Lstat(filepath.Join(root, e.Name(), SocketName)); err == nil {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// ask finds out the status.
func (b *Bottle) ask(ctx context.Context, env state.Env) {
	if b.Socket == "" {
		var err error
		if b.Socket, err = env.SocketPath(b.ID, SocketName); err != nil {
			b.Status, b.Problem = b.withoutSocket(), err
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	c, err := Dial(ctx, b.Socket)
	switch {
	case err == nil && c.info.ID != b.ID:
		b.Status, b.Problem = b.withoutSocket(), fmt.Errorf("its socket is now that of bottle %s", c.info.ID)
	case err == nil:
		b.Status, b.Info = Running, &c.info
		b.fill(c.info)
	case errors.Is(err, ErrBusy):
		b.Status, b.Problem = Busy, err
	case errors.Is(err, ErrNotRunning):
		if b.Status = b.withoutSocket(); b.Status == Dead {
			b.Problem = err
		}
	default:
		b.Status, b.Problem = Silent, err
	}
}

func (b *Bottle) withoutSocket() Status {
	if b.Running {
		return Dead
	}
	return Stopped
}

// fill completes what has no record.
func (b *Bottle) fill(i Info) {
	b.PID = i.PID
	if !b.Created.IsZero() {
		return
	}
	b.Name, b.Agent, b.Backend, b.Workspace, b.Created = i.Name, i.Agent, i.Backend, i.Workspace, i.Started
}

// Dial connects to the bottle.
func (b *Bottle) Dial(ctx context.Context) (*Client, error) { return Dial(ctx, b.Socket) }

// Remove deletes all that there is of a bottle which is not alive: its state,
// its home and copy of the workspace, its sockets. It looks again: one that is
// served is an error that wraps state.ErrLocked. Whether work in it was saved
// is the caller's to know.
//
// before, unless it is nil, is called first, with the bottle's lock held: for
// files that need more than to be removed. Its error ends it.
func Remove(env state.Env, b Bottle, before func() error) error {
	path := b.Socket
	if path == "" {
		var err error
		if path, err = env.SocketPath(b.ID, SocketName); err != nil {
			return err
		}
	}
	lock, err := state.TryLock(filepath.Join(filepath.Dir(path), lockName))
	switch {
	case errors.Is(err, fs.ErrNotExist): // no runtime folder
	case err != nil:
		return fmt.Errorf("remove bottle %s: %w", b.ID, err)
	default:
		defer func() { _ = lock.Unlock() }()
	}
	if before != nil {
		if err := before(); err != nil {
			return fmt.Errorf("remove bottle %s: %w", b.ID, err)
		}
	}
	return env.Remove(b.ID)
}

// oldestFirst orders what All returns.
func oldestFirst(list []Bottle) {
	slices.SortStableFunc(list, func(a, b Bottle) int { return a.Created.Compare(b.Created) })
}
