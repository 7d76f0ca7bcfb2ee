package smolvm

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/vm"
	"github.com/bot-bottle/bottle/vm/relay/guest"
)

// guestProgram is where the guest program is inside: on the file system that
// stays, for files sent to one that is new at each start may miss the container.
const guestProgram = "/var/lib/bottle/" + guest.Name

// provision makes the machine what the Spec says. It is done at each start: the
// relay ends with the machine, and /run is new.
func (m *machine) provision(ctx context.Context) error {
	m.plan.progress("preparing the virtual machine")
	if err := m.bringProgram(ctx); err != nil {
		return fmt.Errorf("bring the guest program: %w", err)
	}
	r, err := m.guest(ctx, nil, "setup", "--user", m.plan.spec.User.Name, "--home", m.plan.spec.User.Home, "--uid", strconv.Itoa(os.Getuid()))
	if err == nil {
		m.user, err = guest.ParseUser(r.stdout)
	}
	if err != nil {
		return fmt.Errorf("make the agent's user: %w", err)
	}
	if err := m.fill(ctx); err != nil {
		return fmt.Errorf("copy files into the machine: %w", err)
	}
	if err := m.cover(ctx); err != nil {
		return fmt.Errorf("show files in shared folders: %w", err)
	}
	if err := m.trust(ctx); err != nil {
		return fmt.Errorf("add the certificate to the image's stores: %w", err)
	}
	if err := m.shapeNetwork(ctx); err != nil {
		return fmt.Errorf("have the machine's connections come to the relay: %w", err)
	}
	return m.startRelay(ctx)
}

// bringProgram copies the guest program, and runs it to see that it is there.
func (m *machine) bringProgram(ctx context.Context) error {
	path, release, err := m.b.opt.Relay()
	if err != nil {
		return err
	}
	defer release()
	args := []string{"machine", "cp", path, m.plan.name + ":" + guestProgram, "--mode", "755"}
	r, err := m.b.again(ctx, stepTries, call{args: args, timeout: copyTimeout})
	if err == nil && r.code != 0 {
		err = newCLIError(args, r)
	}
	if err != nil {
		return err
	}
	r, err = m.b.inside(ctx, m.plan.name, "test -x "+guestProgram)
	if err == nil && r.code != 0 {
		err = errors.New("it is not in the machine after it was copied")
	}
	return err
}

// guest runs a command of the guest program that may be done again, to a good end.
func (m *machine) guest(ctx context.Context, stdin []byte, args ...string) (result, error) {
	call := m.guestCall(quickTimeout, args...)
	var r result
	err := m.repeat(ctx, func() (passes bool, err error) {
		if stdin != nil {
			call.stdin = bytes.NewReader(stdin)
		}
		r, err = m.b.run(ctx, call)
		if err == nil && r.code != 0 {
			err = newCLIError(append([]string{"machine", "exec"}, args...), r)
		}
		return passing(r), err
	})
	return r, err
}

// repeat does a step whose end is the same if it is done twice, until it comes through:
// as long as its error passes, for so many tries.
func (m *machine) repeat(ctx context.Context, step func() (passes bool, err error)) error {
	for n := 1; ; n++ {
		passes, err := step()
		if err == nil || !passes || n == stepTries || ctx.Err() != nil {
			return err
		}
		if err := m.b.opt.Sleep(ctx, readyPause); err != nil {
			return err
		}
	}
}

func (m *machine) guestCall(timeout time.Duration, args ...string) call {
	return call{args: append([]string{"machine", "exec", "--name", m.plan.name, "-i", "--", guestProgram}, args...), timeout: timeout}
}

// fill copies in what the mounts show and is not shared. What the agent may not
// write is root's inside.
func (m *machine) fill(ctx context.Context) error {
	for _, owner := range []struct {
		readOnly bool
		uid, gid int
	}{{false, m.user.UID, m.user.GID}, {true, 0, 0}} {
		var list []vm.Mount
		for _, c := range m.plan.copies {
			if c.ReadOnly == owner.readOnly {
				list = append(list, c)
			}
		}
		if err := m.send(ctx, list, owner.uid, owner.gid); err != nil {
			return err
		}
	}
	return m.link(ctx)
}

// coverDir holds what is shown in shared folders, on the file system that stays.
const coverDir = "/var/lib/bottle/files/"

// cover shows files in shared folders over what is there: a volume is a folder, and to
// copy a file there would be to write to the host's own.
func (m *machine) cover(ctx context.Context) error {
	if len(m.plan.covers) == 0 {
		return nil
	}
	list, args := slices.Clone(m.plan.covers), []string{"cover"}
	for i, c := range list {
		list[i].Target = coverDir + strconv.Itoa(i)
		args = append(args, list[i].Target, c.Target)
	}
	if err := m.send(ctx, list, 0, 0); err != nil {
		return err
	}
	if _, err := m.guest(ctx, nil, args...); err != nil {
		return fmt.Errorf("%w (an image whose user is not root cannot: use workspace mode copy there)", err)
	}
	return nil
}

// send streams trees into the machine. What it does twice has the same end.
func (m *machine) send(ctx context.Context, list []vm.Mount, uid, gid int) error {
	if len(list) == 0 {
		return nil
	}
	if !m.user.Root { // then all is of the only user that there is
		uid, gid = m.user.UID, m.user.GID
	}
	return m.repeat(ctx, func() (passes bool, err error) {
		r, err := m.sendOnce(ctx, list, uid, gid)
		return passing(r), err
	})
}

func (m *machine) sendOnce(ctx context.Context, list []vm.Mount, uid, gid int) (result, error) {
	pr, pw := io.Pipe()
	written := make(chan error, 1)
	go func() {
		w := tar.NewWriter(pw)
		var err error
		for _, mt := range list {
			if err = writeTree(ctx, w, mt, func(n int) { m.plan.progress("copying %s into the machine: %d files", mt.Target, n) }); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close()
		}
		written <- err
		_ = pw.CloseWithError(err)
	}()
	c := m.guestCall(treeTimeout, "unpack", "--uid", strconv.Itoa(uid), "--gid", strconv.Itoa(gid))
	c.stdin = pr
	r, err := m.b.run(ctx, c)
	_ = pr.CloseWithError(io.ErrClosedPipe)
	werr := <-written
	if err == nil && r.code != 0 {
		return r, newCLIError(append([]string{"machine", "exec"}, "unpack"), r)
	}
	return r, errors.Join(err, werr)
}

// link makes the symbolic links of the Spec, by a stream as well.
func (m *machine) link(ctx context.Context) error {
	if len(m.plan.spec.Links) == 0 {
		return nil
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, l := range m.plan.spec.Links {
		if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(l.Path, "/"), Typeflag: tar.TypeSymlink, Linkname: l.Target}); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := m.guest(ctx, buf.Bytes(), "unpack", "--uid", strconv.Itoa(m.user.UID), "--gid", strconv.Itoa(m.user.GID))
	return err
}

// trust puts the certificates into the stores of the image. An image whose user is
// not root cannot; its clients have the bundle that variables name.
func (m *machine) trust(ctx context.Context) error {
	if len(m.plan.spec.CA) == 0 || !m.user.Root {
		return nil
	}
	r, err := m.guest(ctx, m.plan.spec.CA, "trust")
	if err == nil {
		m.stores = strings.Fields(r.stdout)
	}
	return err
}

// Stores are the image's own that have the certificates now.
func (m *machine) Stores() []string { return slices.Clone(m.stores) }

// collect brings back what the agent could write. Each folder of the host is
// replaced as a whole, once all have come.
func (m *machine) collect(ctx context.Context) error {
	var wanted []vm.Mount
	for _, c := range m.plan.copies {
		if !c.ReadOnly {
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	m.plan.progress("bringing the work out of the machine")
	err := m.fetch(ctx, wanted)
	if err != nil {
		return fmt.Errorf("bring the work out of the machine (it is still in it: \"bottle pull\" tries again): %w", err)
	}
	return nil
}

// newSuffix and oldSuffix are of folders beside the one that is replaced.
const newSuffix, oldSuffix = ".bottle-new", ".bottle-old"

// fetch brings folders out. What it does twice has the same end, and here nothing
// changes before all is there.
func (m *machine) fetch(ctx context.Context, wanted []vm.Mount) error {
	return m.repeat(ctx, func() (cut bool, err error) { return m.fetchOnce(ctx, wanted) })
}

// fetchOnce also reports whether the call was cut off, and not its stream refused.
func (m *machine) fetchOnce(ctx context.Context, wanted []vm.Mount) (cut bool, err error) {
	t := &readTrees{limit: m.plan.disk(), mounts: m.plan.copies, roots: make([]*os.Root, len(m.plan.copies)),
		progress: func(n int) { m.plan.progress("bringing the work out of the machine: %d files", n) }}
	var targets []string
	for i, c := range m.plan.copies {
		if c.ReadOnly {
			continue
		}
		targets = append(targets, c.Target)
		fresh := c.Source + newSuffix
		if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700)); err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
		if t.roots[i], err = os.OpenRoot(fresh); err != nil {
			return false, err
		}
		defer t.roots[i].Close()
	}
	pr, pw := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := t.read(ctx, pr)
		read <- err
		_ = pr.CloseWithError(err)
	}()
	c := m.guestCall(treeTimeout, append([]string{"pack"}, targets...)...)
	c.stdout = pw
	r, err := m.b.run(ctx, c)
	_ = pw.Close()
	rerr := <-read
	if err == nil && r.code != 0 {
		err = newCLIError([]string{"machine", "exec"}, r)
	}
	if err = errors.Join(err, rerr); err != nil {
		whole := rerr == nil || errors.Is(rerr, errCut) || errors.Is(rerr, io.ErrUnexpectedEOF)
		return whole && (r.code == 0 || passing(r)), err
	}
	for _, w := range wanted {
		if err := replace(w.Source); err != nil {
			return false, err
		}
	}
	return false, nil
}

// replace puts the new folder in the place of the old one. One that was killed at it
// may have left none.
func replace(dir string) error {
	old := dir + oldSuffix
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir+newSuffix, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return os.RemoveAll(old)
}
