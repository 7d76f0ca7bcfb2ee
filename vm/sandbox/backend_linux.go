package sandbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bot-bottle/bottle/vm"
)

var _ vm.Backend = (*Backend)(nil)

// namespaces are those of a machine. A user namespace is always made: it is
// what gives set-up its capabilities.
var namespaces = []struct {
	flag  uintptr
	fence Breach
}{
	{unix.CLONE_NEWUSER, 0}, {unix.CLONE_NEWNS, 0}, {unix.CLONE_NEWUTS, 0}, {unix.CLONE_NEWCGROUP, 0},
	{unix.CLONE_NEWNET, BreachNet}, {unix.CLONE_NEWPID, BreachPID}, {unix.CLONE_NEWIPC, BreachIPC},
}

// Create makes a sandbox. Besides what vm.Backend says, an error may be a
// *RestrictedError: the host forbids sandboxes, by a setting that it names.
func (b *Backend) Create(ctx context.Context, spec vm.Spec) (vm.Machine, error) {
	m, err := b.create(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("create sandbox %q: %w", spec.ID, err)
	}
	return m, nil
}

func (b *Backend) create(ctx context.Context, spec vm.Spec) (_ *machine, err error) {
	if b.opt.Breach >= breachEnd || b.opt.Breach != 0 && flag.Lookup("test.v") == nil {
		return nil, errors.New("fences can be left out in tests only")
	}
	if spec, err = spec.Defaults(); err != nil {
		return nil, err
	}
	spec.User.Shell = shellOf(&spec)
	cfg := &config{Hostname: spec.Hostname, Local: spec.Local, initConfig: initConfig{Breach: b.opt.Breach}}
	if cfg.Steps, err = newPlan(&spec, b.opt.Breach, "/"); err != nil {
		return nil, err
	}
	m := &machine{
		spec: spec, calls: map[uint64]*pending{}, procs: map[uint64]*process{},
		ready: make(chan error, 1), received: make(chan struct{}), ended: make(chan struct{}),
	}
	group, err := m.limit(cfg)
	if err != nil {
		return nil, err
	}
	files, err := b.openTrees(spec.ID, cfg.Steps)
	defer closeFiles(files)
	if err != nil {
		m.removeGroup()
		return nil, explain(err)
	}
	if err := b.launch(ctx, m, cfg, files, group); err != nil {
		m.removeGroup()
		return nil, explain(err)
	}
	return m, nil
}

// openTrees opens for root's machines the mounts that their user could not.
func (b *Backend) openTrees(id string, steps []step) ([]*os.File, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	uid, gid, err := b.Owner(id)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range steps {
		s := &steps[i]
		if s.Kind != stepBind {
			continue
		}
		tree, err := s.openBind()
		if err != nil {
			return files, fmt.Errorf("mount %s: %w", s.Source, linkHint(err))
		}
		if tree < 0 {
			continue // setup leaves it out as well
		}
		files = append(files, os.NewFile(uintptr(tree), string(s.Source)))
		s.Tree = len(files)
		if s.Shared && !b.opt.Breach.has(BreachUser) {
			if err := mapOwner(tree, string(s.Source), uid, gid); err != nil {
				return files, err
			}
		}
	}
	return files, nil
}

// launch starts setup and waits until it has become a working init.
func (b *Backend) launch(ctx context.Context, m *machine, cfg *config, trees []*os.File, group *os.File) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a control socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "control")
	if m.conn, err = newConn(os.NewFile(uintptr(pair[0]), "control")); err != nil {
		_ = theirs.Close()
		return err
	}
	program, copied, err := programFor(controlFD + 1 + len(trees))
	if err != nil {
		_ = theirs.Close()
		_ = m.conn.Close()
		return err
	}
	defer closeFiles(copied)
	cmd := &exec.Cmd{
		Path: program, Args: []string{setupName}, Env: []string{}, Dir: "/",
		Stderr:      &m.lastWords,
		ExtraFiles:  slices.Concat([]*os.File{theirs}, trees, copied),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, AmbientCaps: setupCaps},
	}
	for _, ns := range namespaces {
		if ns.fence == 0 || !b.opt.Breach.has(ns.fence) {
			cmd.SysProcAttr.Cloneflags |= ns.flag
		}
	}
	if !b.opt.Breach.has(BreachDeathSignal) {
		cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	}
	if group != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.Fd())
	}
	if err := b.mapIDs(cmd.SysProcAttr, m.spec.ID); err != nil {
		_ = theirs.Close()
		_ = m.conn.Close()
		return err
	}
	started := make(chan error, 1)
	go m.run(cmd, started)
	err = <-started
	_ = theirs.Close() // so that the other end's end is seen
	if err != nil {
		_ = m.conn.Close()
		return fmt.Errorf("start the first process: %w", err)
	}
	go m.receive()
	if err = m.conn.send(maxRequest, request{Op: opConfig, Config: cfg}); err == nil {
		select {
		case err = <-m.ready:
		case <-m.ended:
			err = m.err
			select { // it may have said why
			case err = <-m.ready:
			default:
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		_ = m.Close()
	}
	return err
}

// run starts the first process and waits for its end. It keeps its thread for
// that long: the death signal goes out when the thread that started the
// process ends, not when the program does.
func (m *machine) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	m.init = cmd.Process
	started <- nil
	_ = cmd.Wait()
	m.end(cmd.ProcessState)
}

// programFor returns the path of this program for the first process, and when
// that is a copy, the file to give it as descriptor fd. The user that root's
// machines act as may not be allowed to execute root's files.
func programFor(fd int) (string, []*os.File, error) {
	info, err := os.Stat(selfExe)
	if err != nil {
		return "", nil, fmt.Errorf("find this program: %w", err)
	}
	if os.Geteuid() != 0 || info.Mode()&0o001 != 0 {
		return selfExe, nil, nil
	}
	copied, err := copyProgram()
	if err != nil {
		return "", nil, fmt.Errorf("copy this program, which only root may execute (chmod 755 makes this unnecessary): %w", err)
	}
	return "/proc/self/fd/" + strconv.Itoa(fd), []*os.File{copied}, nil
}

// copyProgram copies this program into memory.
func copyProgram() (*os.File, error) {
	n, err := unix.MemfdCreate("bottle", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	to := os.NewFile(uintptr(n), "bottle")
	from, err := os.Open(selfExe)
	if err == nil {
		_, err = io.Copy(to, from)
		err = errors.Join(err, from.Close())
	}
	if err != nil {
		_ = to.Close()
		return nil, err
	}
	return to, nil
}

// setupError is what setup says when it fails, before anything of the agent's
// runs.
type setupError struct {
	text string
	err  error
}

func (e *setupError) Error() string { return e.text }
func (e *setupError) Unwrap() error { return e.err }

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
