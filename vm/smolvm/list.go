package smolvm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// state is what machine ls tells of one machine. Other keys are ignored.
type state struct {
	Name    string            `json:"name"`
	State   string            `json:"state"`
	Labels  map[string]string `json:"labels"`
	Image   string            `json:"image"`
	Network bool              `json:"network"`
	PID     int               `json:"pid"`
}

// The states that matter here.
const (
	stateRunning     = "running"
	stateUnreachable = "unreachable"
)

// up reports whether there is a process of it.
func (s *state) up() bool { return s.State == stateRunning || s.State == stateUnreachable }

func (b *Backend) list(ctx context.Context) ([]state, error) {
	r, err := b.must(ctx, call{args: []string{"machine", "ls", "--json"}, timeout: quickTimeout})
	if err != nil {
		return nil, err
	}
	var list []state
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		return nil, fmt.Errorf("smolvm machine ls --json answered no list of machines: %w", err)
	}
	return list, nil
}

// get returns a machine of ours, or nil when there is none. One of that name that
// is somebody else's is an error.
func (b *Backend) get(ctx context.Context, id string) (*state, error) {
	list, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	name := nameOf(id)
	for i := range list {
		s := &list[i]
		if s.Name != name {
			continue
		}
		if s.Labels[Label] != id {
			return nil, fmt.Errorf("there is a machine %q that bottle did not make: delete it (smolvm machine delete --name %s -f) or give the bottle another name", name, name)
		}
		return s, nil
	}
	return nil, nil
}

// Machines returns the ids of all machines with labels of ours and of Options.Home.
func (b *Backend) Machines(ctx context.Context) ([]string, error) {
	list, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	home := hashOf(b.opt.Home)
	for i := range list {
		labels := list[i].Labels
		if id := labels[Label]; id != "" && nameOf(id) == list[i].Name && labels[homeLabel] == home {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Remove stops a machine and deletes it, and looks that it is gone. The stop comes
// first for a machine that does not run as well: it ends a monitor whose start was
// cut off, which a delete does not.
func (b *Backend) Remove(ctx context.Context, id string) error {
	defer b.lock(nameOf(id))()
	err := b.remove(ctx, id)
	if err != nil {
		return fmt.Errorf("remove the machine %s: %w", nameOf(id), err)
	}
	return os.RemoveAll(rootDir(id))
}

// removeTries is how often a machine is deleted until it is gone.
const removeTries = 3

func (b *Backend) remove(ctx context.Context, id string) error {
	name := nameOf(id)
	var last error
	for range removeTries {
		s, err := b.get(ctx, id)
		if err != nil {
			return err
		}
		if s == nil {
			return nil
		}
		last = b.stop(ctx, name)
		if _, err := b.must(ctx, call{args: []string{"machine", "delete", "--name", name, "-f"}, timeout: stopTimeout}); err != nil && !is(err, goneMachine) {
			last = errors.Join(last, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s, err := b.get(ctx, id); err != nil || s == nil {
		return err
	}
	return errors.Join(fmt.Errorf("it is still there after it was deleted; try smolvm machine delete --name %s -f", name), last)
}

// stop stops a machine, and ends the monitor of one that does not run. One that is
// not there is stopped.
func (b *Backend) stop(ctx context.Context, name string) error {
	var err error
	for range removeTries {
		_, err = b.must(ctx, call{args: []string{"machine", "stop", "--name", name}, timeout: stopTimeout})
		if err == nil || is(err, goneMachine) || ctx.Err() != nil {
			break
		}
	}
	if is(err, goneMachine) {
		return nil
	}
	return err
}

// console returns the end of a machine's console, for an error; "" when there is
// none to be had.
func (b *Backend) console(ctx context.Context, name string) string {
	r, err := b.must(ctx, call{args: []string{"machine", "data-dir", "--name", name}, timeout: quickTimeout})
	if err != nil {
		return ""
	}
	dir := strings.TrimSpace(r.stdout)
	var text string
	for _, file := range []string{"agent-console.log", "agent-startup-error.log"} {
		if data, err := tailOf(dir + "/" + file); err == nil && data != "" {
			text += "\n" + file + ": " + data
		}
	}
	return text
}

// maxConsole is how much of a console an error holds, in bytes.
const maxConsole = 2 << 10

func tailOf(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", errors.Join(err, fs.ErrInvalid)
	}
	buf := make([]byte, min(maxConsole, info.Size()))
	n, err := f.ReadAt(buf, info.Size()-int64(len(buf)))
	return strings.TrimSpace(clean(string(buf[:n]))), err
}
